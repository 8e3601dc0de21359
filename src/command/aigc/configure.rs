//! `imfl aigc configure`.

use crate::options::Sampler;
use crate::output;
use clap::Args;
use imfl_aigc::Checkpoint;
use imfl_run::assets;
use imfl_run::{Failure, Kind, Outcome};
use imfl_storage::Lock;
use std::path::{Path, PathBuf};

/// Say how a generator's images are drawn, and change it in its checkpoint or in a copy of it.
///
/// What a checkpoint says holds wherever its images are drawn: in runs, samples and assessments. Choose it on a validation
/// part (`imfl aigc assess --on validation`).
#[derive(Args)]
pub struct Configure {
    /// A shipped generator's name (mnist, letters, notes) or a checkpoint's path
    #[arg(long, default_value = "mnist")]
    generator: String,
    /// Write the changed generator to this file, and leave the other as it is
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    sampler: Sampler,
}

impl Configure {
    /// Writes what is asked for and prints what then holds, as one JSON object.
    pub fn run(self) -> Outcome {
        let path = assets::generator(&self.generator)?;
        let mut checkpoint = Checkpoint::read(&path)?;
        let settings = self.sampler.settings(&checkpoint.description.sampling)?;
        let changed = settings != checkpoint.description.sampling;
        checkpoint.description.sampling = settings.clone();
        match &self.out {
            Some(out) => checkpoint.write(out)?,
            None if changed && path != Path::new(&self.generator) => {
                let problem = format!(
                    "`{}` ships with the project and is not rewritten: pass --out FILE for a changed copy, or its path to --generator",
                    self.generator
                );
                return Err(Failure::new(Kind::Usage, problem));
            }
            None if changed => {
                let _lock = Lock::take(&path)?;
                checkpoint.write(&path)?;
            }
            None => {}
        }
        output::print(&serde_json::json!(settings))
    }
}
