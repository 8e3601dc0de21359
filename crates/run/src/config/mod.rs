//! What a run is told: defaults, overlaid by a file, overlaid by the environment, overlaid by flags.

mod check;
mod claims;
mod costs;
mod difference;
mod file;
mod generator;
mod limits;
mod logs;
mod mechanism;
mod network;
mod privacy;
mod template;
mod training;

pub use claims::{ClaimCheck, ClaimsConfig, Lie};
pub use costs::{CostsConfig, RecordedCosts};
pub use file::{read, read_as, read_text};
pub use generator::{GeneratorConfig, GeneratorSource, ProbeConfig};
pub use logs::{Log, Logs};
pub use mechanism::{Information, MechanismConfig, ObjectiveChoice, TargetSource};
pub use network::NetworkConfig;
pub use privacy::{PrivacyConfig, PrivateMechanism};
pub use training::{AvailabilityConfig, ServerConfig, TrainingConfig};

use crate::failure::{Failure, Kind, Outcome};
use crate::setting::{Field, Setting, Value, Wrong, settings, values};
use imfl_engine::choice::Choice;
use imfl_engine::data::{Missing, Reading};
use imfl_engine::device::DeviceName;
use imfl_engine::federated::{Aggregation, Attack, CohortSampling, LocalAlgorithm, Schedule, ServerRule};
use imfl_engine::model::Architecture;
use imfl_engine::network::{Compression, LinkSource, Policy, Presence};
use imfl_engine::partition::{LabelSkew, Scheme};
use imfl_mechanism::prior::Distribution;
use imfl_mechanism::{Bias, RuleChoice};
use std::path::PathBuf;
use std::sync::LazyLock;

settings! {
    /// Everything that decides a run. The resolved one is stored with the run, and running it again repeats the run.
    RunConfig {
        /// A shipped dataset (mnist, letters, glosses, notes), or a path: IDX folder, CIFAR-10 binary (file or folder), image or sound folder, table or texts (CSV or JSON lines, file or folder).
        dataset: String = "mnist".into(), flag "dataset", environment "IMFL_DATASET";
        /// What is done where a cell of a table is empty: an error names it; mean takes the mean of the server's rows, or their most frequent word.
        missing: Missing = Missing::Error, flag "missing";
        /// Keys all random numbers; printed and stored when drawn.
        seed: Option<u64> = None, flag "seed", environment "IMFL_SEED", absent "drawn";
        /// What it is computed on.
        device: DeviceName = DeviceName::Auto, flag "device", environment "IMFL_DEVICE";
        /// Threads; the result does not depend on it.
        workers: Option<usize> = None, flag "workers", environment "IMFL_WORKERS", absent "one for each core";
        /// Clients trained in one launch; on a CPU the result does not depend on it.
        chunk: Option<usize> = None, flag "chunk", absent "one on a CPU, all that fit on a GPU";
        /// Folder of run folders.
        runs: PathBuf = "runs".into(), flag "runs", environment "IMFL_RUNS";
        /// Last part of the run folder's name.
        name: String = "run".into(), flag "name";
        /// What is written of every round for other programs, beside metrics.jsonl.
        log: Logs = Logs::default(), flag "log";
        /// Who holds what.
        partition: PartitionConfig = PartitionConfig::default();
        /// Federated training.
        training: TrainingConfig = TrainingConfig::default();
        /// The network between clients and server.
        network: NetworkConfig = NetworkConfig::default();
        /// Differential privacy of the clients.
        privacy: PrivacyConfig = PrivacyConfig::default();
        /// What is kept of a run while it goes on.
        checkpoints: CheckpointsConfig = CheckpointsConfig::default();
        /// Where generated images come from.
        generator: GeneratorConfig = GeneratorConfig::default();
        /// How quality and the constants of the bound are measured.
        probe: ProbeConfig = ProbeConfig::default();
        /// What work costs a client.
        costs: CostsConfig = CostsConfig::default();
        /// What clients say that they hold, and whether the server believes it.
        claims: ClaimsConfig = ClaimsConfig::default();
        /// What the server knows and wants.
        mechanism: MechanismConfig = MechanismConfig::default();
    }
}

settings! {
    /// Who holds what.
    PartitionConfig {
        /// Number of clients.
        clients: usize = 10, flag "clients";
        /// Who holds which classes, and how much.
        scheme: Scheme = Scheme { labels: LabelSkew::Dirichlet { alpha: 1.0 }, quantity: Some(4.0) }, flag "partition";
    }
}

settings! {
    /// What is kept of a run while it goes on.
    CheckpointsConfig {
        /// Rounds from one checkpoint to the next; 0 saves only when interrupted.
        every: u64 = 1, flag "checkpoint-every";
        /// How many of the newest checkpoints are kept.
        keep: usize = 2, flag "keep";
    }
}

values!(u32, u64, usize, f64, String);
values!(
    Aggregation: Aggregation::choices(),
    Architecture: Architecture::choices(),
    Attack: Attack::choices(),
    Bias: "aligned or mixture",
    ClaimCheck: "gradients or none",
    CohortSampling: CohortSampling::choices(),
    Compression: Compression::choices(),
    DeviceName: DeviceName::choices(),
    Information: "complete or incomplete",
    Lie: "maximal, half, quarter, swapped, duplicated or forged",
    LinkSource: LinkSource::choices(),
    LocalAlgorithm: LocalAlgorithm::choices(),
    Missing: Missing::choices(),
    ObjectiveChoice: "forecast or bound",
    Policy: Policy::choices(),
    Presence: Presence::choices(),
    PrivateMechanism: PrivateMechanism::CHOICES,
    RuleChoice: RuleChoice::names(),
    Schedule: Schedule::choices(),
    Scheme: Scheme::choices(),
    ServerRule: ServerRule::choices(),
);

impl Value for PathBuf {
    fn read(text: &str) -> Result<Self, Wrong> {
        Ok(text.into())
    }

    fn write(&self) -> String {
        self.display().to_string()
    }
}

/// Written as in a file: `{ distribution = "uniform", low = 1.0, high = 4.0 }`.
impl Value for Distribution {
    fn read(text: &str) -> Result<Self, Wrong> {
        #[derive(serde::Deserialize)]
        struct Line {
            value: Distribution,
        }
        let line = toml::from_str::<Line>(&format!("value = {text}"));
        line.map(|line| line.value).map_err(|error| Wrong::Choice(error.message().trim().replace('\n', "; ")))
    }

    fn write(&self) -> String {
        // A struct of numbers and a name: this cannot fail.
        let lines = toml::to_string(self).unwrap_or_default();
        format!("{{ {} }}", lines.trim().replace('\n', ", "))
    }

    fn offered() -> Option<String> {
        Some(
            "constant (value), uniform (low, high), truncated-normal (mean, sd, low, high) or lognormal (mu, sigma)"
                .into(),
        )
    }
}

/// Every setting of a run, in the order of a configuration file.
pub fn all() -> &'static [Setting] {
    static ALL: LazyLock<Vec<Setting>> = LazyLock::new(|| RunConfig::default().settings(Setting::new("", &[])));
    &ALL
}

impl RunConfig {
    /// How the dataset is read.
    pub fn reading(&self) -> Reading {
        Reading { missing: self.missing }
    }

    /// Points of the trajectory along which gradients are measured: by default two, which theta needs, and a third for the smoothness constant
    /// where the bound decides.
    pub fn points(&self) -> usize {
        self.probe.points.unwrap_or(match self.mechanism.objective {
            ObjectiveChoice::Forecast => 2,
            ObjectiveChoice::Bound => 3,
        })
    }

    /// Sets the value of a dotted key, as `training.rounds`, from its text; `said` is how it was said, for the error.
    ///
    /// # Errors
    /// A failure of kind [`Kind::Config`] (for a device [`Kind::Device`], for a number [`Kind::Usage`]) that says what is
    /// wrong, and for an unknown key the nearest known one.
    pub fn set(&mut self, key: &str, text: &str, said: &str) -> Outcome {
        let fail = |kind, problem| Err(Failure::new(kind, format!("`{key}` ({said}): {problem}")));
        match Field::set(self, key, text) {
            Ok(()) => Ok(()),
            Err(Wrong::Key) => fail(Kind::Config, file::unknown(key, all().iter().map(|setting| setting.key.as_str()))),
            Err(Wrong::Type(problem)) => fail(Kind::Usage, format!("`{text}`: {problem}")),
            Err(Wrong::Choice(problem)) if key == "device" => fail(Kind::Device, problem),
            Err(Wrong::Choice(problem)) => fail(Kind::Config, problem),
        }
    }
}
