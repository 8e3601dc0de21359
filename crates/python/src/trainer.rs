//! One client of a run that is elsewhere: what `imfl run` would have made of it, to the bit.

use crate::dataset::Dataset;
use crate::failure::short;
use crate::handed::{Given, Handed, hand, read};
use crate::weights;
use imfl_aigc::{Augmentation, Request, SampleSource, Sampling};
use imfl_engine::client::{Client, Images, Sample};
use imfl_engine::data::{ImageShape, Normalisation};
use imfl_engine::device::{Compute, DeviceName};
use imfl_engine::federated::{Federation, ServerState};
use imfl_engine::gradient;
use imfl_engine::parameters::Weights;
use imfl_run::config::{self, RunConfig};
use imfl_run::{Failure, Kind};
use pyo3::prelude::*;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What a client trains on, by which rules.
struct Work {
    federation: Federation,
    client: Client,
}

/// A client with images of its own.
#[pyclass(frozen, module = "imfl._imfl")]
pub struct Trainer {
    config: RunConfig,
    seed: u64,
    own: Vec<Sample>,
    work: Mutex<Work>,
}

#[pymethods]
impl Trainer {
    #[new]
    #[allow(clippy::too_many_arguments)]
    fn new(
        py: Python,
        config: &str,
        seed: u64,
        shape: [usize; 3],
        classes: usize,
        mean: Vec<f32>,
        deviation: Vec<f32>,
        dataset: Py<Dataset>,
        indices: Option<Vec<u32>>,
        device: &str,
        workers: Option<usize>,
    ) -> PyResult<Self> {
        let (data, config, device) = (dataset.get(), config.to_string(), device.to_string());
        short(py, move || {
            let fail = |problem: String| Err(Failure::new(Kind::Data, problem));
            let config = config::read_text(&config, "the server's terms")?;
            let samples = &data.samples;
            if samples.shape() != shape || samples.classes() != classes {
                return fail(format!(
                    "the images of this client have shape {:?} and {} classes, the run has {shape:?} and {classes}",
                    samples.shape(),
                    samples.classes()
                ));
            }
            if [mean.len(), deviation.len()] != [shape[0]; 2]
                || !deviation.iter().all(|value| *value > 0.0 && value.is_finite())
            {
                return fail(format!("the server's terms normalise {} channels, images have {}", mean.len(), shape[0]));
            }
            let indices = indices.unwrap_or_else(|| (0..samples.len() as u32).collect());
            if let Some(index) = indices.iter().find(|index| **index as usize >= samples.len()) {
                return fail(format!("sample {index} of this client, but there are {}", samples.len()));
            }
            if indices.is_empty() {
                return fail("this client has no sample".into());
            }
            let compute = Compute::open(device.parse::<DeviceName>()?, workers)?;
            let [channels, height, width] = shape;
            let model = config.training.architecture().build(ImageShape { channels, height, width }, classes)?;
            let scale = Normalisation { mean, deviation };
            let local = config.training.local();
            let federation = Federation::new(model, samples.clone(), &scale, local, compute, seed);
            let client = Client::authentic(0, &indices);
            let own = client.samples.clone();
            Ok(Self { config, seed, own, work: Mutex::new(Work { federation, client }) })
        })
    }

    /// Samples of each class that it holds.
    fn histogram(&self) -> Vec<usize> {
        let work = self.lock();
        Client { id: 0, samples: self.own.clone() }.histogram(&work.federation.images)
    }

    /// The gradient of its mean loss at a model, by parameter.
    fn gradient<'py>(&self, py: Python<'py>, given: Vec<Given<'py>>) -> PyResult<Vec<Handed<'py>>> {
        let given = read(given)?;
        let found = short(py, || {
            let Work { federation, .. } = &*self.lock();
            let weights = weights::of_named(federation.model.layout(), given, true)?;
            let sets = [self.own.clone()];
            let mut found =
                gradient::of_sets(federation.model.as_ref(), &weights, &federation.images, &sets, &federation.compute);
            let gradient =
                found.pop().and_then(|values| Weights::from_values(federation.model.layout().clone(), values));
            gradient.ok_or_else(|| Failure::new(Kind::Unexpected, "a gradient of another size than the model"))
        })?;
        hand(py, &found)
    }

    /// Takes an order: its number in the run, the samples of a batch and, in augmented mode, the label shares to fill up to, the place
    /// of its first image of each class, and the generator's file.
    #[allow(clippy::too_many_arguments)]
    fn assign(
        &self,
        py: Python,
        client: u32,
        batch: usize,
        target: Option<Vec<f64>>,
        first_images: Vec<u64>,
        generator: Option<PathBuf>,
    ) -> PyResult<()> {
        short(py, move || {
            let mut work = self.lock();
            let work = &mut *work;
            let images = Images::clone(&work.federation.images);
            let fail = |problem: &str| Err(Failure::new(Kind::Data, problem));
            if batch == 0 {
                return fail("the order has batches of no sample");
            }
            work.federation.local.batch = batch;
            work.client = Client { id: client, samples: self.own.clone() };
            let Some(target) = target else { return Ok(()) };
            let Some(path) = generator else {
                return fail("the order asks for generated images and names no generator");
            };
            let labels: Vec<u16> = self.own.iter().map(|&sample| images.label(sample) as u16).collect();
            let plan = Augmentation::plan(&labels, &target, self.seed, client.into())?;
            if first_images.len() != plan.generated.len() || first_images.iter().any(|first| first >> 32 != 0) {
                return fail("the order's first images are not one number below 2^32 for each class");
            }
            let requests = Request::of_classes(&plan.generated, &first_images);
            let mut samples: Vec<Sample> =
                plan.kept(labels.len()).into_iter().map(|place| self.own[place as usize]).collect();
            samples.extend((0..requests.len()).map(|image| Sample::Generated(image as u32)));
            if !requests.is_empty() {
                let generator = imfl_aigc::Generator::open(&path)?;
                let own = generator.sampling().clone();
                let steps = self.config.generator.evaluations.unwrap_or(own.steps);
                let generator = generator
                    .with_sampling(Sampling { steps, ..own })
                    .map_err(|error| Failure::new(Kind::Config, error))?;
                let drawn = generator
                    .draw(&requests, self.seed, &work.federation.compute, &mut |_, _| ControlFlow::Continue(()))?;
                work.federation.images = images.with_generated(std::sync::Arc::new(drawn));
            }
            work.client = Client { id: client, samples };
            Ok(())
        })
    }

    /// Trains the model of a round: the client's model, its mean loss, and the samples that it trained on.
    fn train<'py>(
        &self,
        py: Python<'py>,
        round: u64,
        given: Vec<Given<'py>>,
    ) -> PyResult<(Vec<Handed<'py>>, f64, u64)> {
        let given = read(given)?;
        let (weights, loss, samples) = short(py, || {
            let Work { federation, client } = &*self.lock();
            let weights = weights::of_named(federation.model.layout(), given, true)?;
            let Some(before) = round.checked_sub(1) else {
                return Err(Failure::new(Kind::Data, "rounds are counted from 1"));
            };
            let state = ServerState { round: before, weights, ..federation.start() };
            let found = federation.train_client(&state, client);
            let weights = Weights::from_values(federation.model.layout().clone(), found.values);
            let weights = weights.ok_or_else(|| Failure::new(Kind::Unexpected, "a model of another size"))?;
            Ok((weights, found.loss, found.samples))
        })?;
        Ok((hand(py, &weights)?, loss, samples))
    }

    /// Mean loss, correct answers and number of its authentic samples.
    fn evaluate<'py>(&self, py: Python<'py>, given: Vec<Given<'py>>) -> PyResult<(f64, usize, usize)> {
        let given = read(given)?;
        short(py, || {
            let Work { federation, .. } = &*self.lock();
            let weights = weights::of_named(federation.model.layout(), given, true)?;
            let own = Client { id: 0, samples: self.own.clone() };
            let found = imfl_engine::federated::evaluate_clients(
                federation.model.as_ref(),
                &weights,
                &federation.images,
                &[&own],
                &federation.compute,
            );
            let found = found.into_iter().next();
            let found = found.ok_or_else(|| Failure::new(Kind::Unexpected, "nothing was evaluated"))?;
            Ok::<_, Failure>((found.loss, found.correct, found.samples))
        })
    }
}

impl Trainer {
    /// What fails leaves the work as it was or assigned anew before it is used again.
    fn lock(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
