//! A model as safetensors.

use crate::parameters::{Layout, Weights};
pub use imfl_storage::StoredError;
pub(crate) use imfl_storage::{Stored, Tensors};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A model: one tensor for each parameter, by its name, without the client axis.
const MODEL: &str = "imfl.model/1";

impl Weights {
    /// The model as a safetensors file: one tensor for each parameter, by its name.
    ///
    /// # Errors
    /// [`StoredError`] if two parameters have one name.
    pub fn to_safetensors(&self) -> Result<Vec<u8>, StoredError> {
        self.to_safetensors_about(&BTreeMap::new())
    }

    /// The same with texts about the model in its metadata, each under a key of its own.
    ///
    /// # Errors
    /// As [`Weights::to_safetensors`].
    pub fn to_safetensors_about(&self, about: &BTreeMap<&str, String>) -> Result<Vec<u8>, StoredError> {
        let mut tensors = Tensors::default();
        self.iter().for_each(|(parameter, values)| tensors.add_f32(&parameter.name, &parameter.shape, values));
        tensors.to_bytes_with(MODEL, about)
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
            _ => Err(StoredError(format!("it has {unknown} tensors that the model has no parameters for"))),
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
        let about = BTreeMap::from([("model", "mlp".to_string()), ("a \"quoted\" key", "\u{e9}\n".into())]);
        let described = weights.to_safetensors_about(&about).unwrap();
        assert_eq!(Weights::from_safetensors(layout(3), &described).unwrap(), weights);
        let stored = Stored::open(&described, MODEL).unwrap();
        assert!(about.iter().all(|(key, text)| stored.about(key) == Some(text.as_str())), "{stored:?}");
        assert!((0..20).all(|_| weights.to_safetensors_about(&about).unwrap() == described), "in one order");
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
