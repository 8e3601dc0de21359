//! `imfl aigc train`.

use crate::options::{Machine, choice};
use crate::output;
use clap::Args;
use imfl_aigc::TrainingConfig;
use imfl_experiment::generator::{Part, Training};
use imfl_run::{Failure, Host, Kind, Outcome, assets};
use std::path::PathBuf;

/// The parts of a dataset that a generator can learn from.
const PARTS: [(&str, &str, Part); 2] = [
    ("corpus", "Images set aside for generators", Part::Corpus),
    ("train", "The images that clients would get", Part::Train),
];

/// Train a generator on a dataset's images, sounds, rows or texts.
///
/// The state is saved beside the generator while it learns; after an interruption, --resume goes on from there, and the
/// result is that of a run that was never interrupted, bit for bit.
#[derive(Args)]
pub struct Train {
    /// A shipped dataset's name (mnist, letters, glosses, notes) or a path: IDX folder, CIFAR-10 binary, image or sound folder, table (CSV), texts (CSV, JSON lines)
    #[arg(long, default_value = "mnist", env = "IMFL_DATASET")]
    dataset: String,
    /// Which part to learn from [default: the corpus if there is one, else the training images; of a table or texts without one, the fifth of them
    /// that no client of a run gets]
    #[arg(long, value_parser = choice(&PARTS))]
    images: Option<Part>,
    /// The generator's file
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Go on from the state that an interrupted run left beside --out; its settings stay
    #[arg(long)]
    resume: bool,
    /// Start from the weights of this generator, which learnt from the same images, with a fresh optimizer
    #[arg(long, value_name = "FILE", conflicts_with_all = ["resume", "width"])]
    start: Option<PathBuf>,
    /// Learn to draw what this generator draws, in the fewer steps in which --start draws: by Euler's method and without guidance (progressive
    /// distillation, Salimans and Ho 2022)
    #[arg(long, value_name = "GENERATOR")]
    distil: Option<String>,
    /// Begin anew where a generator is, or an unfinished run has left its state
    #[arg(long, conflicts_with = "resume")]
    restart: bool,
    /// Optimizer steps
    #[arg(long, default_value_t = TrainingConfig::default().steps)]
    steps: u64,
    /// Images of a step
    #[arg(long, default_value_t = TrainingConfig::default().batch)]
    batch: usize,
    /// Parts of a batch that workers share; the weights depend on it, not on the workers
    #[arg(long, default_value_t = TrainingConfig::default().shards)]
    shards: usize,
    /// Highest learning rate
    #[arg(long, default_value_t = TrainingConfig::default().learning_rate, allow_negative_numbers = true)]
    rate: f64,
    /// Decay of the moving average of the weights
    #[arg(long, default_value_t = TrainingConfig::default().average, allow_negative_numbers = true)]
    average: f64,
    /// Share of images shown without their class, for guidance
    #[arg(long, default_value_t = TrainingConfig::default().label_dropout, allow_negative_numbers = true)]
    label_dropout: f64,
    /// Mean of the logarithm of noise levels (P_mean of Karras et al. 2022)
    #[arg(long, default_value_t = TrainingConfig::default().noise_mean, allow_negative_numbers = true)]
    noise_mean: f64,
    /// Deviation of the logarithm of noise levels (P_std of Karras et al. 2022)
    #[arg(long, default_value_t = TrainingConfig::default().noise_deviation, allow_negative_numbers = true)]
    noise_deviation: f64,
    /// Also show images mirrored
    #[arg(long)]
    mirror: bool,
    /// Channels of the network at half resolution; of a table, units of a layer; of texts, values of a place [default: 32, of a table 96, of texts 128]
    #[arg(long)]
    width: Option<usize>,
    /// Seed of weights, order and noise
    #[arg(long, default_value_t = 0, env = "IMFL_SEED")]
    seed: u64,
    /// Save the state and draw a grid of fixed seeds every so many steps
    #[arg(long, default_value_t = 500)]
    every: u64,
    #[command(flatten)]
    machine: Machine,
}

impl Train {
    /// Trains to the end and prints where the generator is.
    pub fn run(self, host: &Host) -> Outcome {
        let settings = TrainingConfig {
            steps: self.steps,
            batch: self.batch,
            shards: self.shards.min(self.batch),
            learning_rate: self.rate,
            average: self.average,
            label_dropout: self.label_dropout,
            noise_mean: self.noise_mean,
            noise_deviation: self.noise_deviation,
            mirror: self.mirror,
            seed: self.seed,
            ..TrainingConfig::default()
        };
        let Self { dataset, images, out, resume, restart, start, distil, width, every, .. } = self;
        if distil.is_some() && start.is_none() && !resume {
            let problem = "--distil needs --start FILE, whose sampler says in which steps to draw: make it by `imfl aigc configure`";
            return Err(Failure::new(Kind::Usage, problem));
        }
        let distil = distil.map(|name| assets::generator(&name)).transpose()?;
        let compute = self.machine.open()?;
        let shown = format!("{}\n", out.display());
        let training = Training { dataset, images, out, resume, restart, start, distil, width, every, settings };
        training.run(&compute, host.memory, &host.progress)?;
        output::text(&shown)
    }
}
