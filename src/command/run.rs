//! `imfl run`: the whole path from images to payments.

use crate::options::{INFORMATION, choice};
use crate::output::{self, Format};
use clap::Args;
use imfl_mechanism::RuleChoice;
use imfl_run::config::{self, Information, RecordedCosts, RunConfig};
use imfl_run::{Failure, Host, Kind, Outcome, checkpoint};
use std::path::PathBuf;

/// Share data out, measure it, price it, train on it, pay for it.
///
/// A flag wins over its environment variable, that over the configuration file, that over the default.
// Help texts show optional parts in brackets, which are no links.
#[allow(rustdoc::broken_intra_doc_links)]
#[derive(Args)]
pub struct Run {
    /// A TOML file with any of the settings; a run's own `config.toml` repeats it
    #[arg(long, value_name = "FILE", env = "IMFL_CONFIG")]
    config: Option<PathBuf>,
    /// A shipped dataset's name (mnist) or a path: IDX folder, CIFAR-10 binary, image folder
    #[arg(long, env = "IMFL_DATASET")]
    dataset: Option<String>,
    /// Keys all random numbers; drawn and printed if absent
    #[arg(long, env = "IMFL_SEED")]
    seed: Option<u64>,
    /// auto, cpu, ndarray, wgpu, wgpu:N, cuda or cuda:N
    #[arg(long, env = "IMFL_DEVICE")]
    device: Option<String>,
    /// Threads [default: one for each core]
    #[arg(long, env = "IMFL_WORKERS")]
    workers: Option<usize>,
    /// Clients trained in one launch [default: one on a CPU, all that fit on a GPU]
    #[arg(long)]
    chunk: Option<usize>,
    /// Last part of the run folder's name
    #[arg(long)]
    name: Option<String>,
    /// Folder of run folders [default: runs]
    #[arg(long, env = "IMFL_RUNS")]
    runs: Option<PathBuf>,
    /// Number of clients
    #[arg(long)]
    clients: Option<usize>,
    /// iid, dirichlet:ALPHA, shards:N, quantity:ALPHA, or two joined by +
    #[arg(long)]
    partition: Option<String>,
    /// mlp, simple-cnn, fedavg-cnn or resnet8-gn
    #[arg(long)]
    model: Option<String>,
    /// Rounds of federated training
    #[arg(long)]
    rounds: Option<u64>,
    /// Clients drawn for each round [default: all who take part]
    #[arg(long)]
    cohort: Option<usize>,
    /// uniform, weighted, or either with -with-replacement
    #[arg(long)]
    sampling: Option<String>,
    /// Passes over a client's samples in a round
    #[arg(long)]
    local_epochs: Option<usize>,
    /// Samples in a batch
    #[arg(long)]
    batch: Option<usize>,
    /// Learning rate of the clients
    #[arg(long, allow_negative_numbers = true)]
    rate: Option<f64>,
    /// constant, step:EVERY:FACTOR, exponential:FACTOR or `cosine:ROUNDS[:FLOOR]`
    #[arg(long)]
    schedule: Option<String>,
    /// Momentum of the clients
    #[arg(long, allow_negative_numbers = true)]
    momentum: Option<f64>,
    /// Weight decay of the clients
    #[arg(long, allow_negative_numbers = true)]
    weight_decay: Option<f64>,
    /// sgd, fedprox:MU or scaffold
    #[arg(long)]
    algorithm: Option<String>,
    /// mean, clip:NORM, median, trimmed-mean:CLIENTS, krum:HOSTILE, multi-krum:HOSTILE[:CHOSEN] or geometric-median
    #[arg(long)]
    aggregation: Option<String>,
    /// The fewest updates that a round counts with; with fewer it is skipped
    #[arg(long)]
    quorum: Option<usize>,
    /// What hostile clients do: sign-flip[:SCALE], gaussian[:DEVIATION], little-is-enough[:DEVIATIONS] or nan
    #[arg(long)]
    attack: Option<String>,
    /// Clients that do it
    #[arg(long)]
    hostile: Option<usize>,
    /// Probability that a client drops out of a round before it starts
    #[arg(long, value_name = "PROBABILITY", allow_negative_numbers = true)]
    drop_out: Option<f64>,
    /// fedavg, fedavgm, fedadam or fedyogi
    #[arg(long)]
    server: Option<String>,
    /// Learning rate of the server [default: what the rule's paper starts with]
    #[arg(long, allow_negative_numbers = true)]
    server_rate: Option<f64>,
    /// auto, train, none, or a generator's checkpoint
    #[arg(long)]
    generator: Option<String>,
    #[arg(long, help = format!("The rule that decides who takes part: {}", RuleChoice::names()))]
    rule: Option<RuleChoice>,
    /// What the server that posts a price knows about costs
    #[arg(long, value_parser = choice(&INFORMATION))]
    information: Option<Information>,
    /// kappa: credits that a unit of accuracy loss is worth
    #[arg(long, allow_negative_numbers = true)]
    weight: Option<f64>,
    /// `measured`, or `recorded FILE` with the summary.json of an earlier run
    #[arg(long, num_args = 1..=2, value_names = ["measured|recorded", "FILE"])]
    costs: Option<Vec<String>>,
    /// Go on with a run: `latest`, a run's folder, or a checkpoint's folder
    #[arg(long, value_name = "latest|PATH")]
    resume: Option<String>,
    /// Go on although the configuration is not what the run was started with
    #[arg(long, requires = "resume")]
    resume_changed: bool,
    /// Rounds from one checkpoint to the next; 0 saves only when interrupted
    #[arg(long, value_name = "ROUNDS")]
    checkpoint_every: Option<u64>,
    /// How many of the newest checkpoints are kept
    #[arg(long, value_name = "N")]
    keep: Option<usize>,
    /// How to print the result
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Run {
    /// Resolves the configuration and runs it; every rank reads the same files.
    pub fn run(self, host: &Host) -> Outcome {
        let format = self.format;
        let (from, allowed) = (self.resume.clone(), self.resume_changed);
        let runs = match (&self.runs, &self.config) {
            (Some(runs), _) => runs.clone(),
            (None, Some(file)) => config::read(file)?.runs,
            (None, None) => RunConfig::default().runs,
        };
        let resumed = from.map(|from| checkpoint::resume(&host.files, &from, &runs)).transpose()?;
        let config = self.resolve(resumed.as_ref().map(|resumed| &resumed.config))?;
        let resumed = resumed.map(|resumed| resumed.with(&config, allowed)).transpose()?;
        let Some(mut finished) = imfl_run::run(config, resumed, host)? else { return Ok(()) };
        imfl_report::write(&mut finished)?;
        match format {
            Format::Text => output::text(&format!("{}\n", finished.summary)),
            Format::Json => output::print(&finished.summary),
        }
    }

    /// Flags over the file, or over what the run that goes on was started with, or over the defaults.
    fn resolve(self, before: Option<&RunConfig>) -> Outcome<RunConfig> {
        let mut config = match (&self.config, before) {
            (Some(file), _) => config::read(file)?,
            (None, Some(before)) => before.clone(),
            (None, None) => RunConfig::default(),
        };
        set(&mut config.dataset, self.dataset);
        set(&mut config.device, self.device);
        set(&mut config.name, self.name);
        set(&mut config.runs, self.runs);
        set(&mut config.partition.clients, self.clients);
        set(&mut config.partition.scheme, self.partition);
        set(&mut config.training.model, self.model);
        set(&mut config.training.rounds, self.rounds);
        set(&mut config.training.local_epochs, self.local_epochs);
        set(&mut config.training.batch, self.batch);
        set(&mut config.training.rate, self.rate);
        set(&mut config.training.schedule, self.schedule);
        set(&mut config.training.momentum, self.momentum);
        set(&mut config.training.weight_decay, self.weight_decay);
        set(&mut config.training.algorithm, self.algorithm);
        set(&mut config.training.sampling, self.sampling);
        set(&mut config.training.aggregation, self.aggregation);
        set(&mut config.training.quorum, self.quorum);
        set(&mut config.training.hostile, self.hostile);
        set(&mut config.training.availability.before, self.drop_out);
        set(&mut config.training.server.rule, self.server);
        set(&mut config.generator.source, self.generator);
        set(&mut config.mechanism.information, self.information);
        set(&mut config.mechanism.weight, self.weight);
        set(&mut config.checkpoints.every, self.checkpoint_every);
        set(&mut config.checkpoints.keep, self.keep);
        config.seed = self.seed.or(config.seed).or(before.and_then(|before| before.seed));
        config.mechanism.rule = self.rule.or(config.mechanism.rule);
        config.workers = self.workers.or(config.workers);
        config.chunk = self.chunk.or(config.chunk);
        config.training.server.rate = self.server_rate.or(config.training.server.rate);
        config.training.attack = self.attack.or(config.training.attack);
        config.training.cohort = self.cohort.or(config.training.cohort);
        match self.costs.as_deref() {
            None => {}
            Some([kind]) if kind == "measured" => {
                config.costs.seconds_per_sample = None;
                config.costs.seconds_per_image = None;
                config.costs.seconds_for_setup = None;
            }
            Some([kind, file]) if kind == "recorded" => RecordedCosts::read(file.as_ref())?.fix(&mut config.costs),
            Some(other) => {
                let problem = format!("--costs {}: expected `measured` or `recorded FILE`", other.join(" "));
                return Err(Failure::new(Kind::Usage, problem));
            }
        }
        Ok(config)
    }
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}
