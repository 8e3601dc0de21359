//! Arrays across the boundary: buffers in, bytes out.
//!
//! Python may write to an array while Rust looks at it without the interpreter's lock, so that only memory that nobody can
//! write to is looked at where it is: that of a `bytes` object. Everything else is copied, once.

use crate::failure;
use pyo3::buffer::{Element, PyBuffer};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyByteArray, PyBytes};
use std::ops::Deref;

/// The values of a contiguous array whose values are of this type; numpy's array is made so by the Python layer.
///
/// # Errors
/// A `DataError` that names `place`.
pub fn values<T: Element>(array: &Bound<PyAny>, place: &str) -> PyResult<Vec<T>> {
    let py = array.py();
    let problem = |error: PyErr| failure::data(py, format!("{place}: {error}"));
    PyBuffer::<T>::get(array).and_then(|buffer| buffer.to_vec(py)).map_err(problem)
}

/// Bytes: those of a `bytes` object, which Rust keeps alive, or a copy.
pub enum Bytes {
    /// Where Python has them.
    Shared(PyBackedBytes),
    /// Copied.
    Own(Vec<u8>),
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Shared(bytes) => bytes,
            Self::Own(bytes) => bytes,
        }
    }
}

/// The bytes of images: looked at where they are if `owner` is a `bytes` object, else copied out of the array `owner`.
///
/// # Errors
/// A `DataError`.
pub fn bytes(owner: &Bound<PyAny>) -> PyResult<Bytes> {
    match owner.cast::<PyBytes>() {
        Ok(bytes) => Ok(Bytes::Shared(bytes.clone().into())),
        Err(_) => Ok(Bytes::Own(values::<u8>(owner, "images")?)),
    }
}

/// Values as the memory of an array that is Python's own, to write to.
///
/// # Errors
/// Memory that is not there.
pub fn writable<'py>(py: Python<'py>, values: &[f32]) -> PyResult<Bound<'py, PyByteArray>> {
    PyByteArray::new_with(py, values.len() * 4, |bytes| {
        let into = bytes.as_chunks_mut::<4>().0;
        into.iter_mut().zip(values).for_each(|(into, value)| *into = value.to_ne_bytes());
        Ok(())
    })
}

/// Fixed-size values as the memory of an array that nobody can change.
///
/// # Errors
/// Memory that is not there.
pub fn fixed<'py, const N: usize>(
    py: Python<'py>,
    values: impl ExactSizeIterator<Item = [u8; N]>,
) -> PyResult<Bound<'py, PyBytes>> {
    PyBytes::new_with(py, values.len() * N, |bytes| {
        bytes.as_chunks_mut::<N>().0.iter_mut().zip(values).for_each(|(into, value)| *into = value);
        Ok(())
    })
}

/// The bytes of all images of a dataset, as memory of Python's own.
///
/// # Errors
/// Memory that is not there.
pub fn pixels<'py>(py: Python<'py>, data: &imfl_engine::data::Dataset) -> PyResult<Bound<'py, PyByteArray>> {
    let size = data.shape.size();
    PyByteArray::new_with(py, data.len() * size, |bytes| {
        let images = bytes.chunks_exact_mut(size.max(1)).enumerate();
        images.for_each(|(index, into)| into.copy_from_slice(data.image(index)));
        Ok(())
    })
}
