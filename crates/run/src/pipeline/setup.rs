//! What every stage needs: configuration, device, images that are honest to use, a generator.

use super::footprint;
use super::provenance::Provenance;
use super::source;
use crate::agreement;
use crate::assets;
use crate::config::{ObjectiveChoice, RunConfig};
use crate::failure::{Failure, Kind, Outcome};
use crate::host::Host;
use crate::limits;
use crate::progress::Progress;
use imfl_aigc::{Fingerprints, Request, SampleSource};
use imfl_engine::client::{Client, Images};
use imfl_engine::data::{self, Benchmark, Dataset};
use imfl_engine::device::{Compute, DeviceName};
use imfl_engine::federated::Federation;
use imfl_engine::model::Model;
use rand::Rng;
use std::ops::ControlFlow;
use std::sync::Arc;

/// Share of the training images that becomes the validation part: one in so many.
const VALIDATION_SHARE: usize = 5;

/// Device, images and model, before anybody has said where generated images come from.
pub struct Opened {
    /// The resolved configuration, seed included.
    pub config: RunConfig,
    /// Keys all random numbers.
    pub seed: u64,
    /// Where tensors live.
    pub compute: Compute,
    /// All images of the dataset.
    pub benchmark: Benchmark,
    /// Who is told what happens.
    pub progress: Progress,
    model: Arc<dyn Model>,
}

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
    /// Images that the server holds, none of which is a client's or the test's.
    pub held: Option<Arc<Dataset>>,
    /// The model that is trained.
    pub model: Arc<dyn Model>,
    /// Where generated images come from, if from anywhere.
    pub generator: Option<Arc<dyn SampleSource>>,
    /// Where that came from.
    pub provenance: Option<Provenance>,
    /// Training images that were kept from clients, since the generator or the test knows them.
    pub withheld: usize,
    /// Who is told what happens.
    pub progress: Progress,
}

impl Opened {
    /// Opens the device and the dataset that a configuration names, on each of the ranks that will share the work.
    ///
    /// # Errors
    /// A failure that names the key, file or device.
    pub fn new(mut config: RunConfig, host: &Host) -> Outcome<Self> {
        let Host { ranks, progress, .. } = host;
        // A seed that is drawn is drawn once. Nobody leaves this before all ranks have read what they go on from.
        let seed = agreement::from_first(ranks, || Ok(config.seed.unwrap_or_else(|| rand::rng().next_u64() >> 12)))?;
        let drawn = config.seed.replace(seed).is_none();
        let compute = Compute::open_on(ranks, config.device, config.workers)?;
        let compute = Compute { chunk: config.chunk, ..compute };
        if compute.name == DeviceName::NdArray {
            progress.warn("ndarray is deprecated in Burn and 25 to 100 times slower than `cpu` at convolutions");
        }
        if let Some(complaint) = compute.complaint() {
            progress.warn(complaint);
        }
        let benchmark = data::open_as(&assets::dataset(&config.dataset)?, seed, config.reading())?;
        let kind = benchmark.train.kind.clone();
        config.training.suit(&kind);
        let architecture = config.training.architecture();
        let model = architecture.build_for(&kind, benchmark.train.shape, benchmark.train.classes())?;
        footprint::check(&config, &benchmark.train, model.as_ref(), &compute, host.memory, progress)?;
        limits::enough_for_gradients(&benchmark.train)?;
        // What is refused before anything was computed needs no repeating.
        if drawn {
            progress.note(format!("seed {seed} (pass --seed {seed} to repeat this run)"));
        }
        Ok(Self { config, seed, compute, benchmark, progress: progress.clone(), model })
    }

    /// Puts a part of the training images in the place of the test images: what settings are chosen on.
    ///
    /// # Errors
    /// A failure if there are too few images for two parts.
    pub fn hold_out_validation(&mut self) -> Outcome {
        let train = &self.benchmark.train;
        let mut parts = train.split_balanced(&[train.len() / VALIDATION_SHARE], self.seed).into_iter();
        match (parts.next(), parts.next()) {
            (Some(validation), Some(rest)) if !validation.is_empty() && !rest.is_empty() => {
                (self.benchmark.test, self.benchmark.train) = (validation, rest);
                Ok(())
            }
            _ => Err(Failure::new(
                Kind::Data,
                format!(
                    "{} has {} training {}: a validation part of one in {VALIDATION_SHARE} takes at least \
                     {VALIDATION_SHARE} of a class",
                    train.name,
                    train.len(),
                    train.kind.plural()
                ),
            )),
        }
    }

    fn close(
        self,
        train: Dataset,
        held: Option<Dataset>,
        withheld: usize,
        generator: Option<Arc<dyn SampleSource>>,
        provenance: Option<Provenance>,
    ) -> Setup {
        let Self { config, seed, compute, benchmark, progress, model } = self;
        progress.note(format!(
            "{}: {} training and {} test {} of {}, {} classes; {} on {} with {} worker{}",
            train.name,
            train.len(),
            benchmark.test.len(),
            train.kind.plural(),
            train.shape,
            train.classes(),
            config.training.architecture(),
            compute.name,
            compute.workers,
            if compute.workers == 1 { "" } else { "s" },
        ));
        if let Some(words) = train.words() {
            progress.note(format!("{}: {words}", train.name));
        }
        Setup {
            seed,
            compute,
            train: Arc::new(train),
            test: Arc::new(benchmark.test),
            held: held.map(Arc::new),
            model,
            generator,
            provenance,
            withheld,
            config,
            progress,
        }
    }
}

impl Setup {
    /// Opens everything that the configuration names.
    ///
    /// # Errors
    /// A failure that names the key, file or device.
    pub fn open(config: RunConfig, host: &Host) -> Outcome<Self> {
        let mut opened = Opened::new(config, host)?;
        let Opened { config, seed, compute, benchmark, progress, .. } = &mut opened;
        let (generator, provenance) = match &host.source {
            Some(own) => {
                own.check_fits(&benchmark.train)?;
                // Nobody knows what a caller brings but by what it draws, always under the same seed.
                let first = Request::of_counts(&vec![1; benchmark.train.classes()], 0);
                let first = own.draw(&first, 0, compute, &mut |_, _| ControlFlow::Continue(()))?;
                (Some(own.clone()), Some(Provenance::brought(own.as_ref(), first)))
            }
            None => source::open(config, benchmark, compute, *seed, progress)?.unzip(),
        };
        let forecasts = config.mechanism.objective == ObjectiveChoice::Forecast;
        let before = benchmark.train.len();
        let held = source::held(benchmark, forecasts);
        if benchmark.train.len() < before {
            progress.note(format!(
                "{} of {before} training {} are no client's: the server holds them, for pilots",
                before - benchmark.train.len(),
                benchmark.train.kind.plural()
            ));
        }
        let (train, withheld) = honest(&opened, generator.as_slice())?;
        Ok(opened.close(train, held, withheld, generator, provenance))
    }

    /// What is compared with several generators: no client gets an image that one of them learnt from.
    ///
    /// # Errors
    /// A failure that names the generator's or the dataset's fault.
    pub fn for_generators(opened: Opened, generators: &[Arc<dyn SampleSource>]) -> Outcome<Self> {
        generators.iter().try_for_each(|generator| generator.check_fits(&opened.benchmark.train))?;
        let (train, withheld) = honest(&opened, generators)?;
        Ok(opened.close(train, None, withheld, generators.first().cloned(), None))
    }

    /// The same images, generator, model and device under other settings and another seed; the settings that name the former
    /// must stay as they are.
    pub fn with(&self, seed: u64, change: impl FnOnce(&mut RunConfig)) -> Self {
        let mut config = self.config.clone();
        config.seed = Some(seed);
        change(&mut config);
        Self {
            config,
            seed,
            compute: self.compute.clone(),
            train: self.train.clone(),
            test: self.test.clone(),
            held: self.held.clone(),
            model: self.model.clone(),
            generator: self.generator.clone(),
            provenance: self.provenance.clone(),
            withheld: self.withheld,
            progress: self.progress.clone(),
        }
    }

    /// The same settings, model, generator and device on other images.
    pub fn on(&self, train: Arc<Dataset>, test: Arc<Dataset>, seed: u64) -> Self {
        Self { train, test, ..self.with(seed, |_| ()) }
    }

    /// The same without other ranks.
    pub fn alone(self) -> Self {
        Self { compute: self.compute.alone(), ..self }
    }

    /// Federated training as this run is set up: with its aggregation, and with clients that drop out and attack. Clients may hold
    /// images out of `generated`.
    ///
    /// # Errors
    /// A failure that names the key of a setting that makes no sense.
    pub fn federation(&self, generated: Option<&Arc<Dataset>>) -> Outcome<Federation> {
        let mut federation = self.undisturbed(generated)?;
        self.config.training.disturb(&mut federation);
        Ok(federation)
    }

    /// The same for probes: everybody delivers what was asked for, and the mean of that counts.
    ///
    /// # Errors
    /// As [`Setup::federation`].
    pub fn undisturbed(&self, generated: Option<&Arc<Dataset>>) -> Outcome<Federation> {
        let training = &self.config.training;
        let local = training.local();
        let normalisation = self.train.normalisation();
        let (model, train) = (self.model.clone(), self.train.clone());
        let mut federation = Federation::new(model, train, &normalisation, local, self.compute.clone(), self.seed);
        federation.server = training.server.server();
        federation.population = self.config.partition.clients;
        if let Some(generated) = generated {
            federation.images = federation.images.with_generated(generated.clone());
        }
        Ok(federation)
    }

    /// The images that accuracy is reported on, on the scale of those that are trained on.
    pub fn test_images(&self) -> Images {
        Images::new(self.test.clone(), &self.train.normalisation())
    }

    /// The images that `requests` ask a generator for, drawn for this run's seed by all ranks, behind a bar called `label`.
    ///
    /// # Errors
    /// A failure if the generator has no such class.
    pub fn draw(
        &self,
        generator: &dyn SampleSource,
        requests: &[Request],
        label: &'static str,
    ) -> Outcome<Arc<Dataset>> {
        let bar = self.progress.task(label, self.compute.ranks.part(requests.len()).len() as u64);
        let images = generator.draw(requests, self.seed, &self.compute, &mut |done, _| {
            bar.set(done as u64);
            ControlFlow::Continue(())
        })?;
        Ok(Arc::new(images))
    }
}

/// Takes no batch larger than what somebody holds: it would be padding, and memory, for nothing.
pub fn fit_batch(federation: &mut Federation, clients: &[Client]) {
    let largest = clients.iter().map(|client| client.samples.len()).max().unwrap_or(0);
    federation.local.batch = federation.local.batch.min(largest.max(1));
}

/// Keeps from the clients every image that a generator learnt from or that the test holds, and refuses a generator that
/// learnt from test images. Returns what is left and how many images were taken out.
fn honest(opened: &Opened, generators: &[Arc<dyn SampleSource>]) -> Outcome<(Dataset, usize)> {
    let learnt: Vec<&Fingerprints> = generators.iter().map(|source| &source.provenance().fingerprints).collect();
    let Benchmark { train, test, .. } = &opened.benchmark;
    let seen = learnt.iter().map(|learnt| learnt.shared_with(test).len()).max().unwrap_or(0);
    if seen > 0 {
        let problem = format!(
            "the generator learnt from {seen} of the test {} of {}; take another",
            test.kind.plural(),
            test.name
        );
        return Err(Failure::new(Kind::Data, problem));
    }
    let tested = Fingerprints::of(test);
    let known = |image: &[u8]| tested.contains(image) || learnt.iter().any(|learnt| learnt.contains(image));
    let kept: Vec<u32> = (0..train.len() as u32).filter(|&index| !known(train.image(index as usize))).collect();
    let withheld = train.len() - kept.len();
    if withheld > 0 {
        opened.progress.note(format!(
            "{withheld} of {} training {} are kept from the clients: a generator learnt from them, or the test has them",
            train.len(),
            train.kind.plural()
        ));
    }
    if kept.is_empty() {
        let problem = format!("no image of {} is left for clients; take a generator trained on others", train.name);
        return Err(Failure::new(Kind::Data, problem));
    }
    Ok((train.select(&kept), withheld))
}
