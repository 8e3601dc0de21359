//! Seconds that stages take.

use crate::progress::{Event, Progress};
use std::collections::BTreeMap;
use std::time::Instant;

/// The stages of a run in the order in which a person reads them: some come twice.
pub const STAGES: [&str; 10] =
    ["open", "partition", "profile", "assess", "pilots", "verify", "allocate", "generate", "train", "report"];

/// Seconds by stage, told as they pass; those of a stage that comes twice are added up.
pub struct Stopwatch<'a> {
    progress: &'a Progress,
    stage: &'static str,
    began: Instant,
    seconds: BTreeMap<&'static str, f64>,
}

impl<'a> Stopwatch<'a> {
    /// The first stage begins.
    pub fn start(progress: &'a Progress, stage: &'static str) -> Self {
        progress.tell(&Event::StageBegan(stage));
        Self { progress, stage, began: Instant::now(), seconds: BTreeMap::new() }
    }

    /// A stage ends and the next begins.
    pub fn begin(&mut self, stage: &'static str) {
        self.lap();
        (self.stage, self.began) = (stage, Instant::now());
        self.progress.tell(&Event::StageBegan(stage));
    }

    /// The last stage ends.
    pub fn end(mut self) -> BTreeMap<&'static str, f64> {
        self.lap();
        self.seconds
    }

    fn lap(&mut self) {
        let seconds = self.began.elapsed().as_secs_f64();
        *self.seconds.entry(self.stage).or_default() += seconds;
        self.progress.tell(&Event::StageEnded(self.stage, seconds));
    }
}
