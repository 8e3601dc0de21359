//! A generator of somebody's own: a callable of Python as a source of samples.

use crate::arrays;
use crate::failure;
use crate::leaving;
use crate::watch::watch;
use imfl_aigc::{Fingerprints, Observe, Provenance, Request, SampleError, SampleSource};
use imfl_engine::data::{Dataset, ImageShape};
use imfl_engine::device::{Compute, DeviceName};
use imfl_engine::random::{Purpose, keyed};
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes};
use rand::Rng;
use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

/// The callable, and what it draws.
struct Called {
    /// `(label, count, seed)` to contiguous uint8 values `[count, channels, height, width]`; the Python layer checks type and shape.
    draw: Py<PyAny>,
    shape: ImageShape,
    class_names: Vec<String>,
    /// Samples in a call. Sample `i` of a class is one of block `i / block`, whatever else is asked for.
    block: u64,
    provenance: Provenance,
}

impl fmt::Debug for Called {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "a callable that draws {} images of {} classes", self.shape, self.class_names.len())
    }
}

impl Called {
    /// The bytes of a whole block of a class.
    fn block(&self, label: u16, block: u64, seed: u64) -> Result<Vec<u8>, SampleError> {
        let _call = leaving::Call::begin().ok_or(SampleError::Stopped)?;
        // Below 2^52, which every generator of random numbers takes for a seed.
        let seed = keyed(seed, Purpose::Latent, block, label.into(), 0).next_u64() >> 12;
        Python::attach(|py| {
            let drawn = self.draw.bind(py).call1((label, self.block, seed));
            let bytes = drawn.and_then(|drawn| arrays::values::<u8>(&drawn, "what the generator drew"));
            let failed = |error: PyErr| {
                let what = error.value(py).str().map_or_else(|_| "?".into(), |text| text.to_string());
                let kind = error.get_type(py).name().map_or_else(|_| "?".into(), |name| name.to_string());
                format!("the generator of one's own failed at class {label}: {kind}: {what}")
            };
            let bytes = bytes.map_err(|error| SampleError::Failed(failed(error)))?;
            let wanted = self.block as usize * self.shape.size();
            match bytes.len() == wanted {
                true => Ok(bytes),
                false => Err(SampleError::Failed(format!(
                    "the generator of one's own drew {} values at class {label}, expected {wanted}",
                    bytes.len()
                ))),
            }
        })
    }
}

impl SampleSource for Called {
    fn provenance(&self) -> &Provenance {
        &self.provenance
    }

    fn shape(&self) -> ImageShape {
        self.shape
    }

    fn class_names(&self) -> &[String] {
        &self.class_names
    }

    fn draw_part(
        &self,
        requests: &[Request],
        seed: u64,
        _: &Compute,
        observe: Observe,
    ) -> Result<Dataset, SampleError> {
        let size = self.shape.size();
        let mut images = Vec::with_capacity(requests.len() * size);
        let mut held: Option<(u16, u64, Vec<u8>)> = None;
        for (done, request) in requests.iter().enumerate() {
            let block = request.index / self.block;
            let bytes = match held.take() {
                Some((label, of, bytes)) if (label, of) == (request.label, block) => bytes,
                _ => self.block(request.label, block, seed)?,
            };
            // A block has `block` images, as `block()` has checked.
            let place = (request.index % self.block) as usize * size;
            images.extend_from_slice(&bytes[place..place + size]);
            held = Some((request.label, block, bytes));
            if observe(done + 1, requests.len()).is_break() {
                return Err(SampleError::Stopped);
            }
        }
        let labels = requests.iter().map(|request| request.label).collect();
        Dataset::new("generated", self.shape, self.class_names.clone(), images, labels)
            .map_err(|error| SampleError::Failed(error.to_string()))
    }
}

/// A generator of somebody's own.
#[pyclass(frozen, module = "imfl._imfl")]
pub struct Own(Arc<Called>);

impl Own {
    /// What draws.
    pub fn source(&self) -> Arc<dyn SampleSource> {
        self.0.clone()
    }
}

#[pymethods]
impl Own {
    #[new]
    fn new(
        py: Python,
        draw: Py<PyAny>,
        shape: (usize, usize, usize),
        class_names: Vec<String>,
        block: u64,
        name: String,
        learnt_from: String,
    ) -> PyResult<Self> {
        let (channels, height, width) = shape;
        let shape = ImageShape { channels, height, width };
        if shape.size() == 0 || class_names.is_empty() || class_names.len() > usize::from(u16::MAX) + 1 || block == 0 {
            let problem = "a generator draws images of at least one pixel, in 1 to 65536 classes, at least 1 in a call";
            return Err(failure::usage(py, problem));
        }
        let provenance = Provenance { name, learnt_from, fingerprints: Fingerprints::default(), sha256: None };
        Ok(Self(Arc::new(Called { draw, shape, class_names, block, provenance })))
    }

    /// Draws `counts[class]` images of each class, numbered from `first`: uint8 bytes, and the class of each, uint16 bytes.
    fn sample<'py>(
        &self,
        py: Python<'py>,
        counts: Vec<usize>,
        first: u64,
        seed: u64,
        on_event: Option<&Bound<PyAny>>,
    ) -> PyResult<(Bound<'py, PyByteArray>, Bound<'py, PyBytes>)> {
        let requests = crate::generator::requests(py, &counts, self.0.class_names.len(), first)?;
        let labels = arrays::fixed(py, requests.iter().map(|request| request.label.to_ne_bytes()))?;
        let source = self.0.clone();
        let drawn = watch(py, on_event, move |host| {
            let bar = host.progress.task("drawing images", requests.len() as u64);
            let compute = Compute::open(DeviceName::Auto, Some(1))?;
            Ok(source.draw(&requests, seed, &compute, &mut |done, _| {
                bar.set(done as u64);
                if host.progress.stop() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })?)
        })?;
        Ok((arrays::pixels(py, &drawn)?, labels))
    }
}
