//! What a run finds where it is started: files, other ranks, somebody who looks on.

use crate::memory::Memory;
use crate::participants::Participants;
use crate::progress::{Observer, Progress};
use imfl_aigc::SampleSource;
use imfl_ranks::Ranks;
use imfl_storage::{Disk, FileSystem};
use std::sync::Arc;

/// Where a run or an experiment is at home. The default is this machine's disk, one process, and nobody who looks on.
#[derive(Clone)]
pub struct Host {
    /// Where what lasts is kept.
    pub files: Arc<dyn FileSystem>,
    /// The processes that share the work.
    pub ranks: Ranks,
    /// Who is told.
    pub progress: Progress,
    /// What may be taken of the machine's memory.
    pub memory: Memory,
    /// A source of samples that the caller brings, in the place of the one that a configuration names.
    pub source: Option<Arc<dyn SampleSource>>,
    /// Clients elsewhere, in the place of simulated ones.
    pub participants: Option<Arc<dyn Participants>>,
}

impl Default for Host {
    fn default() -> Self {
        Self {
            files: Arc::new(Disk),
            ranks: Ranks::alone(),
            progress: Progress::default(),
            memory: Memory::default(),
            source: None,
            participants: None,
        }
    }
}

impl Host {
    /// This machine, one process, with somebody who looks on.
    pub fn watched(observer: Arc<dyn Observer>) -> Self {
        Self { progress: Progress::to(observer), ..Self::default() }
    }
}
