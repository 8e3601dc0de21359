//! Numbers as safetensors: a header that names each tensor with its kind and shape, and their bytes, little-endian.

use safetensors::tensor::{Dtype, Metadata, TensorView};
use safetensors::{SafeTensors, serialize};
use std::collections::{BTreeMap, HashMap};

/// The metadata key whose value names what a file holds and the version of its format.
const FORMAT: &str = "format";

/// Why stored values cannot be used: what is wrong, without the file's name, which the caller knows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct StoredError(pub String);

fn wrong<T>(problem: impl Into<String>) -> Result<T, StoredError> {
    Err(StoredError(problem.into()))
}

/// Tensors on their way into a file.
///
/// ```
/// use imfl_storage::{Stored, Tensors};
///
/// let mut tensors = Tensors::default();
/// tensors.add_f32("weight", &[2, 1], &[0.5, -1.0]);
/// let file = tensors.to_bytes("example/1")?;
/// assert_eq!(Stored::open(&file, "example/1")?.f32("weight", &[2, 1])?, [0.5, -1.0]);
/// assert!(Stored::open(&file, "example/2").is_err());
/// # Ok::<(), imfl_storage::StoredError>(())
/// ```
#[derive(Debug, Default)]
pub struct Tensors(Vec<(String, Dtype, Vec<usize>, Vec<u8>)>);

impl Tensors {
    /// Adds values in the order of a shape.
    pub fn add_f32(&mut self, name: impl Into<String>, shape: &[usize], values: &[f32]) {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.0.push((name.into(), Dtype::F32, shape.to_vec(), bytes));
    }

    /// Adds values in a row.
    pub fn add_f64(&mut self, name: impl Into<String>, values: &[f64]) {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.0.push((name.into(), Dtype::F64, vec![values.len()], bytes));
    }

    /// Adds bytes in the order of a shape.
    pub fn add_u8(&mut self, name: impl Into<String>, shape: &[usize], values: &[u8]) {
        self.0.push((name.into(), Dtype::U8, shape.to_vec(), values.to_vec()));
    }

    /// Adds numbers in a row.
    pub fn add_u64(&mut self, name: impl Into<String>, values: &[u64]) {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.0.push((name.into(), Dtype::U64, vec![values.len()], bytes));
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The file, which says that it is of this format. Equal tensors make equal files.
    ///
    /// # Errors
    /// [`StoredError`] if values are not as many as their shape says, or two tensors have one name.
    pub fn to_bytes(&self, format: &str) -> Result<Vec<u8>, StoredError> {
        self.to_bytes_about(FORMAT, format)
    }

    /// The file with texts about it under keys of one's own, in the order of the keys: the library has them in no order, and equal
    /// tensors would make different files.
    ///
    /// # Errors
    /// As [`Tensors::to_bytes`].
    pub fn to_bytes_with(&self, format: &str, about: &BTreeMap<&str, String>) -> Result<Vec<u8>, StoredError> {
        let plain = self.to_bytes(format)?;
        if about.is_empty() {
            return Ok(plain);
        }
        let broken = || StoredError("safetensors has written what cannot be read".into());
        let length = plain.first_chunk().map(|bytes| u64::from_le_bytes(*bytes)).ok_or_else(broken)?;
        let (header, data) = plain[8..].split_at_checked(length as usize).ok_or_else(broken)?;
        let known = serde_json::json!({ FORMAT: format }).to_string();
        let old = format!("{{\"__metadata__\":{known}");
        let rest = header.strip_prefix(old.as_bytes()).ok_or_else(broken)?;
        let mut all = about.clone();
        all.insert(FORMAT, format.into());
        let all = serde_json::json!(all).to_string();
        let mut header = [format!("{{\"__metadata__\":{all}").as_bytes(), rest.trim_ascii_end()].concat();
        // Tensors begin at a multiple of eight bytes.
        header.resize(header.len().next_multiple_of(8), b' ');
        Ok([&(header.len() as u64).to_le_bytes(), &header[..], data].concat())
    }

    /// The file with a text about it under a key of one's own.
    ///
    /// # Errors
    /// As [`Tensors::to_bytes`].
    pub fn to_bytes_about(&self, key: &str, text: &str) -> Result<Vec<u8>, StoredError> {
        let views = self.0.iter().map(|(name, dtype, shape, bytes)| {
            TensorView::new(*dtype, shape.clone(), bytes).map(|view| (name.clone(), view))
        });
        let views = views.collect::<Result<Vec<_>, _>>();
        let metadata = HashMap::from([(key.into(), text.into())]);
        let bytes = views.and_then(|views| serialize(views, Some(metadata)));
        bytes.map_err(|error| StoredError(format!("cannot be written as safetensors ({error})")))
    }
}

/// The tensors of a file. Nothing is allocated by what its header claims: safetensors checks it against the bytes.
#[derive(Debug)]
pub struct Stored<'a> {
    tensors: SafeTensors<'a>,
    header: Metadata,
}

impl<'a> Stored<'a> {
    /// Opens a file of this format.
    ///
    /// # Errors
    /// [`StoredError`] if it is none.
    pub fn open(bytes: &'a [u8], format: &str) -> Result<Self, StoredError> {
        let stored = Self::open_any(bytes)?;
        match stored.about(FORMAT) {
            Some(found) if found == format => Ok(stored),
            Some(found) => wrong(format!("it holds `{found}`, expected `{format}`")),
            None => wrong(format!("its metadata names no format, expected `{format}`")),
        }
    }

    /// Opens a file, whatever it says about itself.
    ///
    /// # Errors
    /// [`StoredError`] if it is no safetensors file, or has not all of its bytes.
    pub fn open_any(bytes: &'a [u8]) -> Result<Self, StoredError> {
        let broken = |error| StoredError(format!("it is no safetensors file, or a truncated one ({error})"));
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(broken)?;
        Ok(Self { tensors: SafeTensors::deserialize(bytes).map_err(broken)?, header })
    }

    /// What it says about itself under a key.
    pub fn about(&self, key: &str) -> Option<&str> {
        self.header.metadata().as_ref()?.get(key).map(String::as_str)
    }

    /// All names, sorted.
    pub fn names(&self) -> Vec<&str> {
        let mut names = self.tensors.names();
        names.sort_unstable();
        names
    }

    fn find(&self, name: &str) -> Result<TensorView<'a>, StoredError> {
        self.tensors.tensor(name).map_err(|_| StoredError(format!("it has no tensor `{name}`")))
    }

    fn tensor(&self, name: &str, dtype: Dtype, shape: &[usize]) -> Result<&'a [u8], StoredError> {
        let tensor = self.find(name)?;
        if tensor.dtype() != dtype || tensor.shape() != shape {
            let (found, sizes) = (tensor.dtype(), tensor.shape());
            return wrong(format!("tensor `{name}` is {found} {sizes:?}, expected {dtype} {shape:?}"));
        }
        Ok(tensor.data())
    }

    /// Values of a tensor of this shape, whatever they are.
    ///
    /// # Errors
    /// [`StoredError`] that names the tensor, here and below.
    pub fn any_f32(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, StoredError> {
        let bytes = self.tensor(name, Dtype::F32, shape)?;
        Ok(bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
    }

    /// Finite values of a tensor of this shape, put behind `values`.
    ///
    /// # Errors
    /// [`StoredError`], also for a value that is not finite.
    pub fn extend_f32(&self, values: &mut Vec<f32>, name: &str, shape: &[usize]) -> Result<(), StoredError> {
        let first = values.len();
        let bytes = self.tensor(name, Dtype::F32, shape)?;
        values.extend(bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)));
        match values[first..].iter().position(|value| !value.is_finite()) {
            Some(place) => wrong(format!("value {place} of tensor `{name}` is not finite")),
            None => Ok(()),
        }
    }

    /// Finite values of a tensor of this shape.
    ///
    /// # Errors
    /// As [`Stored::extend_f32`].
    pub fn f32(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, StoredError> {
        let mut values = Vec::new();
        self.extend_f32(&mut values, name, shape)?;
        Ok(values)
    }

    /// Bytes of a tensor of any shape with as many dimensions, and its shape.
    ///
    /// # Errors
    /// [`StoredError`] that names the tensor.
    pub fn u8<const D: usize>(&self, name: &str) -> Result<([usize; D], &'a [u8]), StoredError> {
        let tensor = self.find(name)?;
        match <[usize; D]>::try_from(tensor.shape()) {
            Ok(shape) if tensor.dtype() == Dtype::U8 => Ok((shape, tensor.data())),
            _ => wrong(format!("tensor `{name}` is {} {:?}, expected U8 of {D} sizes", tensor.dtype(), tensor.shape())),
        }
    }

    /// As many values in a row.
    ///
    /// # Errors
    /// [`StoredError`] that names the tensor.
    pub fn f64<const N: usize>(&self, name: &str) -> Result<[f64; N], StoredError> {
        let bytes = self.tensor(name, Dtype::F64, &[N])?.as_chunks::<8>().0;
        // `tensor` checked that there are N of them.
        Ok(std::array::from_fn(|index| f64::from_le_bytes(bytes[index])))
    }

    /// As many numbers in a row.
    ///
    /// # Errors
    /// [`StoredError`] that names the tensor.
    pub fn u64<const N: usize>(&self, name: &str) -> Result<[u64; N], StoredError> {
        let numbers = self.all_u64(name)?;
        let found = numbers.len();
        numbers.try_into().or_else(|_| wrong(format!("tensor `{name}` is U64 [{found}], expected U64 [{N}]")))
    }

    /// Numbers in a row, however many there are.
    ///
    /// # Errors
    /// [`StoredError`] that names the tensor.
    pub fn all_u64(&self, name: &str) -> Result<Vec<u64>, StoredError> {
        let length = self.find(name)?.shape().first().copied().unwrap_or(0);
        let bytes = self.tensor(name, Dtype::U64, &[length])?;
        Ok(bytes.as_chunks::<8>().0.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_reads_back_and_what_differs_is_named() {
        let mut tensors = Tensors::default();
        assert!(tensors.is_empty());
        tensors.add_f32("f", &[1, 2], &[1.5, f32::NAN]);
        tensors.add_f64("d", &[0.1, f64::INFINITY]);
        tensors.add_u8("b", &[3], &[1, 2, 3]);
        tensors.add_u64("n", &[u64::MAX, 7]);
        let bytes = tensors.to_bytes_about("key", "text").unwrap();
        let stored = Stored::open_any(&bytes).unwrap();
        assert_eq!((stored.about("key"), stored.about("format")), (Some("text"), None));
        assert_eq!(stored.names(), ["b", "d", "f", "n"]);
        assert!(stored.any_f32("f", &[1, 2]).unwrap()[1].is_nan());
        assert_eq!(stored.f64("d").unwrap(), [0.1, f64::INFINITY]);
        assert_eq!(stored.u8::<1>("b").unwrap(), ([3], &[1u8, 2, 3][..]));
        assert_eq!((stored.u64("n").unwrap(), stored.all_u64("n").unwrap()), ([u64::MAX, 7], vec![u64::MAX, 7]));
        let problem = |result: Result<(), StoredError>| result.unwrap_err().to_string();
        assert_eq!(problem(stored.f32("f", &[1, 2]).map(drop)), "value 1 of tensor `f` is not finite");
        assert!(problem(stored.f32("f", &[2]).map(drop)).contains("is F32 [1, 2], expected F32 [2]"));
        assert!(problem(stored.f64::<3>("d").map(drop)).contains("is F64 [2], expected F64 [3]"));
        assert!(problem(stored.u64::<3>("n").map(drop)).contains("is U64 [2], expected U64 [3]"));
        assert!(problem(stored.all_u64("d").map(drop)).contains("expected U64"));
        assert!(problem(stored.u8::<2>("b").map(drop)).contains("U8 of 2 sizes"));
        assert!(problem(stored.all_u64("x").map(drop)).contains("no tensor `x`"));
        assert!(problem(Stored::open(&bytes, "f/1").map(drop)).contains("names no format"));
        tensors.add_f32("f", &[1], &[0.0, 0.0]);
        assert!(problem(tensors.to_bytes("f/1").map(drop)).contains("cannot be written"));
    }
}
