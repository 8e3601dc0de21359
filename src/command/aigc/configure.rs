//! `imfl aigc configure`.

use crate::options::Sampler;
use crate::output;
use clap::Args;
use imfl_aigc::Checkpoint;
use imfl_run::Outcome;
use imfl_run::assets;

/// Say how a generator's images are drawn, and change it in its checkpoint.
///
/// What a checkpoint says holds wherever its images are drawn: in runs, samples and assessments. Choose it on a validation
/// part (`imfl aigc assess --on validation`).
#[derive(Args)]
pub struct Configure {
    /// A shipped generator's name (mnist) or a checkpoint's path
    #[arg(long, default_value = "mnist")]
    generator: String,
    #[command(flatten)]
    sampler: Sampler,
}

impl Configure {
    /// Writes what is asked for and prints what then holds, as one JSON object.
    pub fn run(self) -> Outcome {
        let path = assets::generator(&self.generator)?;
        let mut checkpoint = Checkpoint::read(&path)?;
        let settings = self.sampler.settings(&checkpoint.description.sampling)?;
        if settings != checkpoint.description.sampling {
            checkpoint.description.sampling = settings.clone();
            checkpoint.write(&path)?;
        }
        output::print(&serde_json::json!(settings))
    }
}
