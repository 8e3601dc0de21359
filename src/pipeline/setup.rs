//! What every stage needs: configuration, device, images that are honest to use, a generator.

use super::source;
use crate::assets;
use crate::config::RunConfig;
use crate::failure::{Failure, Kind, Outcome};
use crate::progress;
use imfl_aigc::{Fingerprints, Generator, Sampling};
use imfl_engine::data::{self, Dataset};
use imfl_engine::device::{Compute, DeviceName};
use imfl_engine::federated::Federation;
use imfl_engine::model::{Architecture, Model};
use rand::Rng;
use std::sync::Arc;

/// Opened and checked before anything is computed.
pub struct Setup {
    /// The resolved configuration, seed included.
    pub config: RunConfig,
    /// Keys all random numbers.
    pub seed: u64,
    /// Where tensors live.
    pub compute: Compute,
    /// Images that clients may hold.
    pub train: Arc<Dataset>,
    /// Images that accuracy is reported on.
    pub test: Arc<Dataset>,
    /// The model that is trained.
    pub model: Arc<dyn Model>,
    /// Where generated images come from, if from anywhere.
    pub generator: Option<Generator>,
    /// How its images are drawn.
    pub sampling: Sampling,
    /// Training images that were kept from clients, since the generator or the test knows them.
    pub withheld: usize,
}

impl Setup {
    /// Opens everything that the configuration names.
    ///
    /// # Errors
    /// A failure that names the key, file or device.
    pub fn open(mut config: RunConfig) -> Outcome<Self> {
        let seed = config.seed.unwrap_or_else(|| rand::rng().next_u64() >> 12);
        if config.seed.is_none() {
            progress::note(format!("seed {seed} (pass --seed {seed} to repeat this run)"));
        }
        config.seed = Some(seed);
        let compute = Compute::open(config.device.parse::<DeviceName>()?, config.workers)?;
        let compute = Compute { chunk: config.chunk, ..compute };
        if compute.name == DeviceName::NdArray {
            progress::warn("ndarray is deprecated in Burn and 25 to 100 times slower than `cpu` at convolutions");
        }
        let mut benchmark = data::open(&assets::dataset(&config.dataset)?, seed)?;
        let architecture: Architecture = config.training.model.parse()?;
        let model = architecture.build(benchmark.train.shape, benchmark.train.classes())?;
        let generator = source::open(&config, &mut benchmark, &compute, seed)?;
        let (train, withheld) = honest(benchmark.train, &benchmark.test, generator.as_ref())?;
        progress::note(format!(
            "{}: {} training and {} test images of {}, {} classes; {} on {} with {} worker{}",
            train.name,
            train.len(),
            benchmark.test.len(),
            train.shape,
            train.classes(),
            config.training.model,
            compute.name,
            compute.workers,
            if compute.workers == 1 { "" } else { "s" },
        ));
        Ok(Self {
            seed,
            compute,
            train: Arc::new(train),
            test: Arc::new(benchmark.test),
            model,
            generator,
            sampling: Sampling { steps: config.generator.evaluations, ..Sampling::default() },
            withheld,
            config,
        })
    }

    /// Federated training with this run's model, images and settings.
    ///
    /// # Errors
    /// A failure that names the key of a setting that makes no sense.
    pub fn federation(&self) -> Outcome<Federation> {
        let training = &self.config.training;
        let local = training.local(self.config.partition.clients)?;
        let normalisation = self.train.normalisation();
        let (model, train) = (self.model.clone(), self.train.clone());
        let mut federation = Federation::new(model, train, &normalisation, local, self.compute.clone(), self.seed);
        federation.server = training.server.server()?;
        Ok(federation)
    }
}

impl Setup {
    /// SHA-256 of the images and labels that clients may hold and of those of the test.
    pub fn data_digest(&self) -> String {
        let mut hasher = imfl_storage::Hasher::default();
        for data in [&self.train, &self.test] {
            hasher.update(&(data.len() as u64).to_le_bytes());
            data.labels().iter().for_each(|label| hasher.update(&label.to_le_bytes()));
            (0..data.len()).for_each(|index| hasher.update(data.image(index)));
        }
        hasher.hex()
    }
}

/// Keeps from the clients every image that the generator learnt from or that the test holds, and refuses a generator
/// that learnt from test images. Returns what is left and how many images were taken out.
fn honest(train: Dataset, test: &Dataset, generator: Option<&Generator>) -> Outcome<(Dataset, usize)> {
    let learnt = generator.map(Generator::fingerprints);
    if let Some(seen) = learnt.map(|learnt| learnt.shared_with(test)).filter(|seen| !seen.is_empty()) {
        let problem =
            format!("the generator learnt from {} of the test images of {}; take another", seen.len(), test.name);
        return Err(Failure::new(Kind::Data, problem));
    }
    let tested = Fingerprints::of(test);
    let known = |image: &[u8]| tested.contains(image) || learnt.is_some_and(|learnt| learnt.contains(image));
    let kept: Vec<u32> = (0..train.len() as u32).filter(|&index| !known(train.image(index as usize))).collect();
    let withheld = train.len() - kept.len();
    if withheld == 0 {
        return Ok((train, 0));
    }
    progress::note(format!(
        "{withheld} of {} training images are kept from the clients: the generator learnt from them, or the test has them",
        train.len()
    ));
    if kept.is_empty() {
        let problem = format!("no image of {} is left for clients; take a generator trained on others", train.name);
        return Err(Failure::new(Kind::Data, problem));
    }
    Ok((train.select(&kept), withheld))
}
