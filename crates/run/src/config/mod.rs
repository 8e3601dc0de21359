//! What a run is told: defaults, overlaid by a file, overlaid by the environment, overlaid by flags.

mod availability;
mod check;
mod checkpoints;
mod costs;
mod difference;
mod file;
mod training;

pub use availability::AvailabilityConfig;
pub use checkpoints::CheckpointsConfig;
pub use costs::RecordedCosts;
pub use file::{read, read_as, read_text};

use imfl_engine::federated::Server;
use imfl_mechanism::RuleChoice;
use imfl_mechanism::prior::Distribution;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Everything that decides a run. The resolved one is stored with the run, and running it again repeats the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RunConfig {
    /// Last part of the run folder's name.
    pub name: String,
    /// A shipped dataset's name or a path.
    pub dataset: String,
    /// Keys all random numbers; drawn, printed and stored if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// auto, cpu, ndarray, wgpu, wgpu:N, cuda or cuda:N.
    pub device: String,
    /// Threads; one for each core if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workers: Option<usize>,
    /// Clients trained in one launch; chosen for the device if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chunk: Option<usize>,
    /// Folder of run folders.
    pub runs: PathBuf,
    /// Who holds what.
    pub partition: PartitionConfig,
    /// Federated training.
    pub training: TrainingConfig,
    /// Where generated images come from.
    pub generator: GeneratorConfig,
    /// How quality and the constants of the bound are measured.
    pub probe: ProbeConfig,
    /// What work costs a client.
    pub costs: CostsConfig,
    /// What the server knows and wants.
    pub mechanism: MechanismConfig,
    /// What is kept of a run while it goes on.
    pub checkpoints: CheckpointsConfig,
}

/// Who holds what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PartitionConfig {
    /// Number of clients.
    pub clients: usize,
    /// iid, dirichlet:ALPHA, shards:N, quantity:ALPHA, or two joined by `+`.
    pub scheme: String,
}

/// Federated training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainingConfig {
    /// mlp, simple-cnn, fedavg-cnn or resnet8-gn.
    pub model: String,
    /// Rounds.
    pub rounds: u64,
    /// Clients drawn for a round out of those who take part; all of them if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cohort: Option<usize>,
    /// uniform, weighted (by effective samples), or either with -with-replacement.
    pub sampling: String,
    /// Passes over a client's samples in a round.
    pub local_epochs: usize,
    /// Samples in a batch.
    pub batch: usize,
    /// Learning rate of the clients.
    pub rate: f64,
    /// constant, step:EVERY:FACTOR, exponential:FACTOR or `cosine:ROUNDS[:FLOOR]`.
    pub schedule: String,
    /// Momentum of the clients, forgotten at the end of a round.
    pub momentum: f64,
    /// Multiple of the weights that joins the clients' gradients.
    pub weight_decay: f64,
    /// sgd, fedprox:MU or scaffold.
    pub algorithm: String,
    /// `mean`, `clip:NORM`, `median`, `trimmed-mean:CLIENTS`, `krum:HOSTILE`, `multi-krum:HOSTILE[:CHOSEN]` or
    /// `geometric-median`.
    pub aggregation: String,
    /// The fewest updates that a round counts with; with fewer it is skipped.
    pub quorum: usize,
    /// What hostile clients do: `sign-flip[:SCALE]`, `gaussian[:DEVIATION]`, `little-is-enough[:DEVIATIONS]` or `nan`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attack: Option<String>,
    /// Clients that do it, drawn out of all.
    pub hostile: usize,
    /// What the server does with the one update that the aggregation makes.
    pub server: ServerConfig,
    /// How often a client that is asked does not deliver in time.
    pub availability: AvailabilityConfig,
}

/// What the server does with the mean of the updates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerConfig {
    /// fedavg, fedavgm, fedadam or fedyogi.
    pub rule: String,
    /// Learning rate; 1 for fedavg and fedavgm, 0.01 for fedadam and fedyogi if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
    /// Decay of the first moment.
    pub momentum: f64,
    /// Decay of the second moment.
    pub second: f64,
    /// Degree of adaptivity.
    pub adaptivity: f64,
}

/// Where generated images come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GeneratorConfig {
    /// auto (the shipped one if it fits, else one trained on the spot), train, none, or a checkpoint's path.
    pub source: String,
    /// Steps of the sampler, each a denoiser evaluation and with guidance a second; the generator's own if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evaluations: Option<usize>,
    /// Optimizer steps of a generator trained on the spot.
    pub train_steps: u64,
}

/// How quality and the constants of the bound are measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProbeConfig {
    /// Points of the authentic-only trajectory where gradients are taken, one round apart.
    pub points: usize,
    /// Images of a class whose gradients are averaged, in each of: generated, authentic, and another disjoint authentic half.
    pub images_per_class: usize,
}

/// What work costs a client.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CostsConfig {
    /// Credits for a second of a client's device.
    pub credits_per_second: f64,
    /// How many times slower than this machine a client's device is.
    pub device_factor: Distribution,
    /// Seconds for training on one sample once; measured here if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds_per_sample: Option<f64>,
    /// Seconds for generating one image; measured here if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds_per_image: Option<f64>,
    /// Seconds for getting a generator ready; measured here if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds_for_setup: Option<f64>,
}

/// What the server knows about costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Information {
    /// Every client's costs.
    Complete,
    /// Only their distribution.
    Incomplete,
}

/// What the server knows and wants.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MechanismConfig {
    /// Which rule decides who takes part, in which mode, for how much; the posted price if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<RuleChoice>,
    /// Whether the server that posts a price knows clients' costs or their distribution.
    pub information: Information,
    /// kappa: credits that one unit of accuracy loss is worth to the server.
    pub weight: f64,
    /// aligned or mixture.
    pub bias: imfl_mechanism::Bias,
    /// uniform, pooled, or a file of label shares.
    pub target: String,
    /// What the server believes about device factors; the true distribution if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prior: Option<Distribution>,
    /// Samples of the prior over which the expected server cost is averaged.
    pub scenarios: u32,
}

impl MechanismConfig {
    /// The rule that decides; a posted price knows what the server knows.
    pub fn rule(&self) -> RuleChoice {
        self.rule.unwrap_or(match self.information {
            Information::Complete => RuleChoice::PostedPriceComplete,
            Information::Incomplete => RuleChoice::PostedPrice,
        })
    }
}

impl Default for RunConfig {
    fn default() -> Self {
        Self {
            name: "run".into(),
            dataset: "mnist".into(),
            seed: None,
            device: "auto".into(),
            workers: None,
            chunk: None,
            runs: "runs".into(),
            partition: PartitionConfig::default(),
            training: TrainingConfig::default(),
            generator: GeneratorConfig::default(),
            probe: ProbeConfig::default(),
            costs: CostsConfig::default(),
            mechanism: MechanismConfig::default(),
            checkpoints: CheckpointsConfig::default(),
        }
    }
}

impl Default for PartitionConfig {
    fn default() -> Self {
        Self { clients: 10, scheme: "dirichlet:1+quantity:4".into() }
    }
}

impl Default for TrainingConfig {
    fn default() -> Self {
        Self {
            model: "simple-cnn".into(),
            rounds: 15,
            cohort: None,
            sampling: "uniform".into(),
            local_epochs: 1,
            batch: 20,
            rate: 0.1,
            schedule: "constant".into(),
            momentum: 0.0,
            weight_decay: 0.0,
            algorithm: "sgd".into(),
            aggregation: "mean".into(),
            quorum: 1,
            attack: None,
            hostile: 0,
            availability: AvailabilityConfig::default(),
            server: ServerConfig::default(),
        }
    }
}

impl Default for ServerConfig {
    fn default() -> Self {
        let Server { rule, momentum, second, adaptivity, .. } = Server::default();
        Self { rule: rule.to_string(), rate: None, momentum, second, adaptivity }
    }
}

impl Default for GeneratorConfig {
    fn default() -> Self {
        Self { source: "auto".into(), evaluations: None, train_steps: 400 }
    }
}

impl Default for ProbeConfig {
    fn default() -> Self {
        Self { points: 3, images_per_class: 200 }
    }
}

impl Default for CostsConfig {
    fn default() -> Self {
        Self {
            credits_per_second: 0.01,
            device_factor: Distribution::Uniform { low: 1.0, high: 4.0 },
            seconds_per_sample: None,
            seconds_per_image: None,
            seconds_for_setup: None,
        }
    }
}

impl Default for MechanismConfig {
    fn default() -> Self {
        Self {
            rule: None,
            information: Information::Incomplete,
            weight: 0.3,
            bias: imfl_mechanism::Bias::Mixture,
            target: "uniform".into(),
            prior: None,
            scenarios: 1000,
        }
    }
}
