//! Federated training that Python drives round by round.

use crate::arrays;
use crate::dataset::Dataset;
use crate::failure::{self, short};
use crate::settings::Said;
use crate::values;
use crate::watch::watch;
use crate::weights::{self, Named};
use imfl_engine::client::{Client, Images};
use imfl_engine::data::Samples;
use imfl_engine::device::Compute;
use imfl_engine::federated::{self, CohortSampling, Evaluation, Participant, ServerState};
use imfl_run::config::RunConfig;
use imfl_run::metrics::RoundMetrics;
use imfl_run::pipeline::fit_batch;
use imfl_run::{Failure, Kind, Outcome};
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyDict};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What does not change from round to round, and the server.
struct Inner {
    federation: federated::Federation,
    everybody: Vec<Participant>,
    sampling: CohortSampling,
    cohort: usize,
    test: Option<Images>,
    /// Replaced by a round that succeeds, so that one that fails leaves it as it was.
    state: Mutex<ServerState>,
}

impl Inner {
    fn new(
        config: &RunConfig,
        train: &Dataset,
        test: Option<&Dataset>,
        shares: Vec<Vec<u32>>,
        weights: Vec<f64>,
    ) -> Outcome<Self> {
        let (training, seed) = (&config.training, config.seed.unwrap_or(0));
        let compute = Compute::open(config.device, config.workers)?;
        let compute = Compute { chunk: config.chunk, ..compute };
        let [channels, height, width] = train.samples.shape();
        let shape = imfl_engine::data::ImageShape { channels, height, width };
        let model = training.architecture().build(shape, train.samples.classes())?;
        let scale = train.samples.normalisation();
        let local = training.local();
        let mut federation = federated::Federation::new(model, train.samples.clone(), &scale, local, compute, seed);
        federation.population = shares.len();
        federation.server = training.server.server();
        training.disturb(&mut federation);
        let clients: Vec<Client> = (0..).zip(&shares).map(|(id, share)| Client::authentic(id, share)).collect();
        fit_batch(&mut federation, &clients);
        let everybody = clients.into_iter().zip(weights).filter(|(_, weight)| *weight > 0.0);
        let everybody: Vec<Participant> = everybody.map(|(client, weight)| Participant { client, weight }).collect();
        let sampling = training.sampling();
        let cohort = training.cohort.unwrap_or(everybody.len());
        let test = test.map(|test| fitting(&federation.images, &test.samples, "test"));
        let state = Mutex::new(federation.start());
        Ok(Self { test: test.transpose()?, federation, everybody, sampling, cohort, state })
    }

    fn lock(&self) -> MutexGuard<'_, ServerState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One round, and what the test images say to it.
    fn round(&self) -> Outcome<(RoundMetrics, Vec<(u32, u64)>)> {
        let mut state = self.lock();
        let cohort = self.sampling.cohort(&self.everybody, self.cohort, self.federation.seed, state.round + 1)?;
        let (next, report) = self.federation.apply(state.clone(), &cohort)?;
        *state = next;
        let nothing = Evaluation { loss: f64::NAN, correct: 0, samples: 0 };
        let evaluation = self.test.as_ref().map_or(nothing, |test| self.federation.evaluate(&state, test));
        let counted = report.counted.clone();
        Ok((RoundMetrics::of(report, &evaluation), counted))
    }

    fn logits(&self, images: &Images) -> Vec<f32> {
        let weights = self.lock().weights.clone();
        federated::logits(self.federation.model.as_ref(), &weights, images, &self.federation.compute)
    }
}

/// Images on the scale of those that are trained on, of their shape and with their labels.
fn fitting(own: &Images, samples: &Arc<dyn Samples>, what: &str) -> Outcome<Images> {
    let (shape, classes) = (own.authentic().shape(), own.authentic().classes());
    let fail = |problem: String| Err(Failure::new(Kind::Data, format!("{what}: {problem}")));
    if samples.shape() != shape {
        return fail(format!("images of shape {:?}; those of the training have {shape:?}", samples.shape()));
    }
    if let Some(place) = (0..samples.len()).find(|index| samples.label(*index) >= classes) {
        return fail(format!("image {place} has label {}, but there are {classes} classes", samples.label(place)));
    }
    Ok(own.like(samples.clone()))
}

/// Whether a setting of this key decides anything here.
fn is_used(key: &str) -> bool {
    let within = |section| key.starts_with(section) && key != "training.rounds";
    ["training.", "partition."].into_iter().any(within) || ["seed", "device", "workers", "chunk"].contains(&key)
}

/// The indices of each client's samples: what is given, or what the scheme says.
fn shares(config: &RunConfig, train: &Dataset, given: Option<Vec<Vec<u32>>>) -> Outcome<Vec<Vec<u32>>> {
    let Some(given) = given else {
        return Ok(config.partition.scheme.partition(
            &train.labels_only()?,
            config.partition.clients,
            config.seed.unwrap_or(0),
        )?);
    };
    let fail = |problem: String| Err(Failure::new(Kind::Data, problem));
    for (client, share) in given.iter().enumerate() {
        if share.is_empty() {
            return fail(format!("partition: client {client} has no sample"));
        }
        if let Some(index) = share.iter().find(|index| **index as usize >= train.samples.len()) {
            return fail(format!(
                "partition: client {client} has sample {index}, but there are {}",
                train.samples.len()
            ));
        }
    }
    Ok(given)
}

/// A parameter as Python gets it: name, shape, float32 bytes.
type Handed<'py> = (String, Vec<usize>, Bound<'py, PyByteArray>);

/// Federated training.
#[pyclass(frozen, module = "imfl._imfl")]
pub struct Federation {
    inner: Arc<Inner>,
    shares: Vec<Vec<u32>>,
}

#[pymethods]
impl Federation {
    #[new]
    fn new(
        py: Python,
        train: Py<Dataset>,
        test: Option<Py<Dataset>>,
        partition: Option<Vec<Vec<u32>>>,
        weights: Option<Vec<f64>>,
        given: &Bound<PyDict>,
    ) -> PyResult<Self> {
        let said = Said::read(None, given, None)?;
        let (train, test) = (train.get(), test.as_ref().map(Py::get));
        short(py, move || {
            said.only(is_used, "is a setting of a whole run (imfl.run), which a federation has no use for")?;
            let mut config = said.config()?;
            let shares = shares(&config, train, partition)?;
            config.partition.clients = shares.len();
            config.check()?;
            let weights = weights.unwrap_or_else(|| shares.iter().map(|share| share.len() as f64).collect());
            if weights.len() != shares.len() {
                return Err(Failure::new(
                    Kind::Data,
                    format!("weights: {} for {} clients", weights.len(), shares.len()),
                ));
            }
            if let Some(client) = weights.iter().position(|weight| !(*weight >= 0.0 && weight.is_finite())) {
                let problem = format!(
                    "weights: client {client} has weight {}; weights are finite and at least 0",
                    weights[client]
                );
                return Err(Failure::new(Kind::Data, problem));
            }
            Ok(Self { inner: Arc::new(Inner::new(&config, train, test, shares.clone(), weights)?), shares })
        })
    }

    /// One round; loss and accuracy are absent without test images.
    fn round<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let inner = self.inner.clone();
        let tested = inner.test.is_some();
        let (metrics, counted) = watch(py, None, move |_| inner.round())?;
        let found = values::of(py, &metrics)?;
        if !tested {
            found.set_item("loss", py.None())?;
            found.set_item("accuracy", py.None())?;
        }
        found.set_item("counted", counted)?;
        Ok(found)
    }

    /// Rounds that are done.
    #[getter]
    fn rounds(&self, py: Python) -> PyResult<u64> {
        short(py, || Ok::<_, Failure>(self.inner.lock().round))
    }

    /// Mean loss, correct answers and images on the test images, or on those given.
    fn evaluate(&self, py: Python, dataset: Option<Py<Dataset>>) -> PyResult<(f64, usize, usize)> {
        let inner = self.inner.clone();
        let images = self.images(py, dataset)?;
        let found = watch(py, None, move |_| {
            let state = inner.lock().clone();
            Ok(inner.federation.evaluate(&state, &images))
        })?;
        Ok((found.loss, found.correct, found.samples))
    }

    /// Logits of the test images, or of those given, `[samples, classes]`, float32.
    fn logits<'py>(&self, py: Python<'py>, dataset: Option<Py<Dataset>>) -> PyResult<Bound<'py, PyByteArray>> {
        let inner = self.inner.clone();
        let images = self.images(py, dataset)?;
        let found = watch(py, None, move |_| Ok(inner.logits(&images)))?;
        arrays::writable(py, &found)
    }

    /// The global model: name, shape and float32 bytes of each parameter.
    fn weights<'py>(&self, py: Python<'py>, torch: bool) -> PyResult<Vec<Handed<'py>>> {
        let named = short(py, || Ok::<_, Failure>(weights::named(&self.inner.lock().weights, torch)))?;
        named.into_iter().map(|(name, shape, values)| Ok((name, shape, arrays::writable(py, &values)?))).collect()
    }

    /// Puts a model in the place of the global one.
    fn set_weights(&self, py: Python, given: Vec<(String, Vec<usize>, Bound<PyAny>)>, torch: bool) -> PyResult<()> {
        let read = |(name, shape, array): (String, Vec<usize>, Bound<PyAny>)| {
            let values = arrays::values(&array, &format!("weights: `{name}`"))?;
            Ok((name, shape, values))
        };
        let given = given.into_iter().map(read).collect::<PyResult<Vec<Named>>>()?;
        short(py, || {
            let mut state = self.inner.lock();
            state.weights = weights::of_named(self.inner.federation.model.layout(), given, torch)?;
            Ok::<_, Failure>(())
        })
    }

    /// The global model as a safetensors file, for imfl or for PyTorch.
    fn safetensors<'py>(&self, py: Python<'py>, torch: bool) -> PyResult<Bound<'py, PyBytes>> {
        let file = short(py, || {
            let state = self.inner.lock();
            match torch {
                true => weights::torch_safetensors(&state.weights),
                false => state.weights.to_safetensors().map_err(|error| Failure::new(Kind::Unexpected, error)),
            }
        })?;
        Ok(PyBytes::new(py, &file))
    }

    /// The indices of each client's samples, uint32 bytes.
    fn shares<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyBytes>>> {
        self.shares.iter().map(|share| arrays::fixed(py, share.iter().map(|index| index.to_ne_bytes()))).collect()
    }
}

impl Federation {
    fn images(&self, py: Python, dataset: Option<Py<Dataset>>) -> PyResult<Images> {
        match (dataset, &self.inner.test) {
            (Some(data), _) => {
                let (own, samples) = (&self.inner.federation.images, data.get().samples.clone());
                short(py, || fitting(own, &samples, "dataset"))
            }
            (None, Some(test)) => Ok(test.clone()),
            (None, None) => {
                Err(failure::data(py, "there are no test images; give the federation `test`, or this call `dataset`"))
            }
        }
    }
}
