//! Values as safetensors: models, and what a server keeps between rounds.

use crate::parameters::{Layout, Weights};
use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensors, serialize};
use std::collections::HashMap;
use std::sync::Arc;

/// The metadata key whose value names what a file holds and the version of its format.
const FORMAT: &str = "format";
/// A model: one tensor for each parameter, by its name, without the client axis.
const MODEL: &str = "imfl.model/1";

/// Why stored values cannot be used: what is wrong, without the file's name, which the caller knows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct StoredError(pub(crate) String);

fn wrong<T>(problem: impl Into<String>) -> Result<T, StoredError> {
    Err(StoredError(problem.into()))
}

/// Tensors on their way into a file.
#[derive(Default)]
pub(crate) struct Tensors(Vec<(String, Dtype, Vec<usize>, Vec<u8>)>);

impl Tensors {
    pub fn add_f32(&mut self, name: impl Into<String>, shape: &[usize], values: &[f32]) {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.0.push((name.into(), Dtype::F32, shape.to_vec(), bytes));
    }

    pub fn add_f64(&mut self, name: impl Into<String>, values: &[f64]) {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.0.push((name.into(), Dtype::F64, vec![values.len()], bytes));
    }

    pub fn add_u8(&mut self, name: impl Into<String>, shape: &[usize], values: &[u8]) {
        self.0.push((name.into(), Dtype::U8, shape.to_vec(), values.to_vec()));
    }

    pub fn add_u64(&mut self, name: impl Into<String>, values: &[u64]) {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.0.push((name.into(), Dtype::U64, vec![values.len()], bytes));
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn to_bytes(&self, format: &str) -> Result<Vec<u8>, StoredError> {
        let views = self.0.iter().map(|(name, dtype, shape, bytes)| {
            TensorView::new(*dtype, shape.clone(), bytes).map(|view| (name.clone(), view))
        });
        let views = views.collect::<Result<Vec<_>, _>>();
        let metadata = HashMap::from([(FORMAT.into(), format.into())]);
        let bytes = views.and_then(|views| serialize(views, Some(metadata)));
        bytes.map_err(|error| StoredError(format!("cannot be written as safetensors ({error})")))
    }
}

/// The tensors of a file. Nothing is allocated by what its header claims: safetensors checks it against the bytes.
pub(crate) struct Stored<'a>(SafeTensors<'a>);

impl<'a> Stored<'a> {
    pub fn open(bytes: &'a [u8], format: &str) -> Result<Self, StoredError> {
        let broken = |error| StoredError(format!("it is no safetensors file, or a truncated one ({error})"));
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(broken)?;
        let found = header.metadata().as_ref().and_then(|metadata| metadata.get(FORMAT));
        match found {
            Some(found) if found == format => SafeTensors::deserialize(bytes).map(Self).map_err(broken),
            Some(found) => wrong(format!("it holds `{found}`, expected `{format}`")),
            None => wrong(format!("its metadata names no format, expected `{format}`")),
        }
    }

    /// All names, sorted.
    pub fn names(&self) -> Vec<&str> {
        let mut names = self.0.names();
        names.sort_unstable();
        names
    }

    fn tensor(&self, name: &str, dtype: Dtype, shape: &[usize]) -> Result<&'a [u8], StoredError> {
        let tensor = self.0.tensor(name).map_err(|_| StoredError(format!("it has no tensor `{name}`")))?;
        if tensor.dtype() != dtype || tensor.shape() != shape {
            let (found, sizes) = (tensor.dtype(), tensor.shape());
            return wrong(format!("tensor `{name}` is {found} {sizes:?}, expected {dtype} {shape:?}"));
        }
        Ok(tensor.data())
    }

    /// Values of a tensor of this shape, whatever they are.
    pub fn any_f32(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, StoredError> {
        let bytes = self.tensor(name, Dtype::F32, shape)?;
        Ok(bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
    }

    /// Finite values of a tensor of this shape, put behind `values`.
    pub fn extend_f32(&self, values: &mut Vec<f32>, name: &str, shape: &[usize]) -> Result<(), StoredError> {
        let first = values.len();
        let bytes = self.tensor(name, Dtype::F32, shape)?;
        values.extend(bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)));
        match values[first..].iter().position(|value| !value.is_finite()) {
            Some(place) => wrong(format!("value {place} of tensor `{name}` is not finite")),
            None => Ok(()),
        }
    }

    pub fn f32(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, StoredError> {
        let mut values = Vec::new();
        self.extend_f32(&mut values, name, shape)?;
        Ok(values)
    }

    /// Bytes of a tensor of any shape with as many dimensions.
    pub fn u8<const D: usize>(&self, name: &str) -> Result<([usize; D], &'a [u8]), StoredError> {
        let tensor = self.0.tensor(name).map_err(|_| StoredError(format!("it has no tensor `{name}`")))?;
        match <[usize; D]>::try_from(tensor.shape()) {
            Ok(shape) if tensor.dtype() == Dtype::U8 => Ok((shape, tensor.data())),
            _ => wrong(format!("tensor `{name}` is {} {:?}, expected U8 of {D} sizes", tensor.dtype(), tensor.shape())),
        }
    }

    pub fn f64<const N: usize>(&self, name: &str) -> Result<[f64; N], StoredError> {
        let bytes = self.tensor(name, Dtype::F64, &[N])?.as_chunks::<8>().0;
        // `tensor` checked that there are N of them.
        Ok(std::array::from_fn(|index| f64::from_le_bytes(bytes[index])))
    }

    pub fn u64<const N: usize>(&self, name: &str) -> Result<[u64; N], StoredError> {
        let bytes = self.tensor(name, Dtype::U64, &[N])?.as_chunks::<8>().0;
        // `tensor` checked that there are N of them.
        Ok(std::array::from_fn(|index| u64::from_le_bytes(bytes[index])))
    }
}

impl Weights {
    /// The model as a safetensors file: one tensor for each parameter, by its name.
    ///
    /// # Errors
    /// [`StoredError`] if two parameters have one name.
    pub fn to_safetensors(&self) -> Result<Vec<u8>, StoredError> {
        let mut tensors = Tensors::default();
        self.iter().for_each(|(parameter, values)| tensors.add_f32(&parameter.name, &parameter.shape, values));
        tensors.to_bytes(MODEL)
    }

    /// Reads a model of this layout back.
    ///
    /// # Errors
    /// [`StoredError`] that names the tensor that is missing, of another shape or not finite.
    pub fn from_safetensors(layout: Arc<Layout>, bytes: &[u8]) -> Result<Self, StoredError> {
        let stored = Stored::open(bytes, MODEL)?;
        let mut values = Vec::with_capacity(layout.size().min(bytes.len() / 4));
        for parameter in layout.parameters() {
            stored.extend_f32(&mut values, &parameter.name, &parameter.shape)?;
        }
        let unknown = stored.names().len() - layout.parameters().len();
        match Self::from_values(layout, values) {
            Some(weights) if unknown == 0 => Ok(weights),
            _ => wrong(format!("it has {unknown} tensors that the model has no parameters for")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parameters::Initialiser;

    fn layout(width: usize) -> Arc<Layout> {
        let mut layout = Layout::new();
        layout.declare("a.weight", &[2, width], Initialiser::fan_in(4));
        layout.declare("a.bias", &[width], Initialiser::Ones);
        Arc::new(layout)
    }

    #[test]
    fn a_model_reads_back_equal_and_writes_the_same_bytes() {
        let weights = Weights::initialise(layout(3), 7);
        let bytes = weights.to_safetensors().unwrap();
        let again = Weights::from_safetensors(layout(3), &bytes).unwrap();
        assert_eq!(again, weights);
        assert_eq!(again.to_safetensors().unwrap(), bytes);
    }

    #[test]
    fn each_fault_is_named() {
        let mut weights = Weights::initialise(layout(3), 7);
        let bytes = weights.to_safetensors().unwrap();
        let problem = |layout, bytes: &[u8]| Weights::from_safetensors(layout, bytes).unwrap_err().to_string();
        assert!(problem(layout(4), &bytes).contains("`a.weight` is F32 [2, 3], expected F32 [2, 4]"));
        assert!(problem(layout(3), &bytes[..bytes.len() - 1]).contains("truncated"));
        let mut more = Layout::new();
        more.declare("a.weight", &[2, 3], Initialiser::Ones);
        assert!(problem(Arc::new(more), &bytes).contains("1 tensors that the model has no"));
        weights.values_mut()[7] = f32::NAN;
        assert!(problem(layout(3), &weights.to_safetensors().unwrap()).contains("value 1 of tensor `a.bias`"));
        let mut other = Tensors::default();
        other.add_u64("x", &[1]);
        assert!(problem(layout(3), &other.to_bytes("else/1").unwrap()).contains("`else/1`"));
    }
}
