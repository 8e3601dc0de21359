//! Generators: opened, trained, drawn from, assessed.

use crate::arrays;
use crate::failure::{self, short};
use crate::values::{self, to_json};
use crate::watch::watch;
use imfl_aigc::{Request, SampleSource, Sampling, TrainingConfig};
use imfl_engine::device::{Compute, DeviceName};
use imfl_experiment::assess::{self, Part, Settings};
use imfl_experiment::generator::{self, Training};
use imfl_run::{Failure, Kind, Outcome, assets};
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyDict};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

/// `own` with the values of `given` in the place of its own, by the names that it has.
fn overlaid<T: Serialize + DeserializeOwned>(own: &T, given: &Value, place: &str) -> Outcome<T> {
    let usage = |problem: String| Failure::new(Kind::Usage, problem);
    let mut whole = serde_json::to_value(own).map_err(|error| Failure::new(Kind::Unexpected, error))?;
    if let (Value::Object(whole), Value::Object(given)) = (&mut whole, given) {
        for (key, value) in given.iter().filter(|(_, value)| !value.is_null()) {
            if !whole.contains_key(key) {
                let known = whole.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
                return Err(usage(format!("{place} has no `{key}`; it has: {known}")));
            }
            whole.insert(key.clone(), value.clone());
        }
    }
    serde_json::from_value(whole).map_err(|error| usage(format!("{place}: {error}")))
}

fn compute(device: &str, workers: Option<usize>) -> Outcome<Compute> {
    Ok(Compute::open(device.parse::<DeviceName>()?, workers)?)
}

fn sampling(own: &Sampling, given: &Value) -> Outcome<Sampling> {
    let sampling = overlaid(own, given, "a sampler")?;
    sampling.check().map_err(|error| Failure::new(Kind::Usage, error))?;
    Ok(sampling)
}

/// What `counts[class]` images of each of `classes` classes ask for, numbered from `first`.
///
/// # Errors
/// A `UsageError`: counts of other classes, or more images than a dataset holds.
pub fn requests(py: Python, counts: &[usize], classes: usize, first: u64) -> PyResult<Vec<Request>> {
    if counts.len() != classes {
        return Err(failure::usage(py, format!("counts: {} for {classes} classes", counts.len())));
    }
    let most = u32::MAX as usize;
    let sum = counts.iter().try_fold(0usize, |sum, count| sum.checked_add(*count)).filter(|sum| *sum <= most);
    if sum.is_none_or(|sum| first.checked_add(sum as u64).is_none()) {
        return Err(failure::usage(py, format!("counts: more than {most} images in all, or numbers beyond 2^64")));
    }
    Ok(Request::of_counts(counts, first))
}

/// A trained generator.
#[pyclass(frozen, module = "imfl._imfl")]
pub struct Generator {
    generator: Arc<imfl_aigc::Generator>,
    path: PathBuf,
}

#[pymethods]
impl Generator {
    /// Opens a shipped generator by its name, or a checkpoint.
    #[staticmethod]
    fn load(py: Python, name: &str) -> PyResult<Self> {
        short(py, || {
            let path = assets::generator(name)?;
            Ok::<_, Failure>(Self { generator: Arc::new(imfl_aigc::Generator::open(&path)?), path })
        })
    }

    #[getter]
    fn path(&self) -> PathBuf {
        self.path.clone()
    }

    /// What it was trained on and how.
    fn description<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        values::of(py, self.generator.description())
    }

    /// `(channels, height, width)` of its images.
    #[getter]
    fn shape(&self) -> (usize, usize, usize) {
        let shape = self.generator.description().denoiser.shape;
        (shape.channels, shape.height, shape.width)
    }

    /// Draws `counts[class]` images of each class: uint8 bytes, and the class of each, uint16 bytes.
    #[allow(clippy::too_many_arguments)]
    fn sample<'py>(
        &self,
        py: Python<'py>,
        counts: Vec<usize>,
        first: u64,
        seed: u64,
        sampler: &Bound<PyDict>,
        device: String,
        workers: Option<usize>,
        on_event: Option<&Bound<PyAny>>,
    ) -> PyResult<(Bound<'py, PyByteArray>, Bound<'py, PyBytes>)> {
        let requests = requests(py, &counts, self.generator.class_names().len(), first)?;
        let labels = arrays::fixed(py, requests.iter().map(|request| request.label.to_ne_bytes()))?;
        let (generator, given) = (self.generator.clone(), to_json(sampler, "sampler")?);
        let drawn = watch(py, on_event, move |host| {
            let compute = compute(&device, workers)?;
            let sampling = sampling(generator.sampling(), &given)?;
            let wrong = |error| Failure::new(Kind::Usage, error);
            let generator = imfl_aigc::Generator::clone(&generator).with_sampling(sampling).map_err(wrong)?;
            let bar = host.progress.task("drawing images", requests.len() as u64);
            Ok(generator.draw(&requests, seed, &compute, &mut |done, _| {
                bar.set(done as u64);
                if host.progress.stop() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })?)
        })?;
        Ok((arrays::pixels(py, &drawn)?, labels))
    }

    /// What its images are worth, by every measure.
    fn assess<'py>(
        &self,
        py: Python<'py>,
        given: &Bound<PyDict>,
        sampler: &Bound<PyDict>,
        on_event: Option<&Bound<PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let settings = settings(py, given)?;
        let (path, sampler) = (self.path.clone(), to_json(sampler, "sampler")?);
        let report = watch(py, on_event, move |host| {
            let overlay: assess::Overlay = Arc::new(move |own| sampling(own, &sampler));
            Ok(assess::measure(&Settings { sampling: overlay, ..settings }, &path.display().to_string(), host)?.json())
        })?;
        values::to_python(py, &report)
    }
}

/// A value that goes by its name.
fn parsed<T: FromStr<Err: Into<Failure>>>(py: Python, value: &Bound<PyAny>) -> PyResult<T> {
    let name: String = value.str()?.extract()?;
    name.parse().map_err(|error| failure::raised(py, error))
}

fn settings(py: Python, given: &Bound<PyDict>) -> PyResult<Settings> {
    let mut settings = Settings::default();
    for (key, value) in given.iter().filter(|(_, value)| !value.is_none()) {
        let key: String = key.extract()?;
        match key.as_str() {
            "dataset" => settings.dataset = value.str()?.extract()?,
            "learnt" => settings.learnt = Some(value.str()?.extract()?),
            "images" => settings.images = Some(value.extract()?),
            "on" => {
                let name: String = value.extract()?;
                let part = [Part::Test, Part::Validation].into_iter().find(|part| part.name() == name);
                settings.on =
                    part.ok_or_else(|| failure::usage(py, format!("`on` is `{name}`; expected test or validation")))?;
            }
            "epochs" => settings.epochs = value.extract()?,
            "model" => settings.model = Some(parsed(py, &value)?),
            "neighbours" => settings.neighbours = value.extract()?,
            "points" => settings.points = value.extract()?,
            "images_per_class" => settings.images_per_class = value.extract()?,
            "seed" => settings.seed = value.extract()?,
            "device" => settings.device = parsed(py, &value)?,
            "workers" => settings.workers = Some(value.extract()?),
            other => return Err(failure::usage(py, format!("an assessment has no `{other}`"))),
        }
    }
    Ok(settings)
}

/// Trains a generator on a dataset's images and leaves it in `out`.
#[pyfunction]
#[allow(clippy::too_many_arguments)]
pub fn train_generator(
    py: Python,
    dataset: String,
    out: PathBuf,
    images: Option<&str>,
    resume: bool,
    restart: bool,
    start: Option<PathBuf>,
    width: Option<usize>,
    every: u64,
    given: &Bound<PyDict>,
    device: String,
    workers: Option<usize>,
    on_event: Option<&Bound<PyAny>>,
) -> PyResult<()> {
    let images = match images {
        None => None,
        Some("corpus") => Some(generator::Part::Corpus),
        Some("train") => Some(generator::Part::Train),
        Some(other) => return Err(failure::usage(py, format!("`images` is `{other}`; expected corpus or train"))),
    };
    let given = to_json(given, "settings")?;
    watch(py, on_event, move |host| {
        let settings: TrainingConfig = overlaid(&TrainingConfig::default(), &given, "the training of a generator")?;
        let settings = TrainingConfig { shards: settings.shards.min(settings.batch), ..settings };
        let compute = compute(&device, workers)?;
        let training = Training { dataset, images, out, resume, restart, start, distil: None, width, every, settings };
        training.run(&compute, host.memory, &host.progress)
    })
}
