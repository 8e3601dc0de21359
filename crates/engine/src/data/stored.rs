//! Samples and labels as one safetensors file.

use super::dataset::Dataset;
use super::kind::Kind;
use super::shape::ImageShape;
use crate::stored::{Stored, StoredError, Tensors};
use std::collections::BTreeMap;
use std::sync::Arc;

const FORMAT: &str = "imfl.images/1";
/// The metadata key whose value is the [`Kind`] in JSON, of samples that are no images.
const KIND: &str = "kind";

impl Dataset {
    /// `images`, `[samples, channels, height, width]`, and `labels`, `[samples, 2]`, the bytes of 16-bit little-endian numbers. Of another
    /// kind `images` is `[samples, bytes, 1, 1]`, and the kind is described in the metadata.
    ///
    /// # Errors
    /// [`StoredError`] if safetensors refuses the shapes.
    pub fn to_safetensors(&self) -> Result<Vec<u8>, StoredError> {
        let ImageShape { channels, height, width } = self.shape;
        let labels: Vec<u8> = self.labels.iter().flat_map(|label| label.to_le_bytes()).collect();
        let mut tensors = Tensors::default();
        tensors.add_u8("labels", &[self.len(), 2], &labels);
        if *self.kind == Kind::Images {
            tensors.add_u8("images", &[self.len(), channels, height, width], &self.images);
            return tensors.to_bytes(FORMAT);
        }
        tensors.add_u8("images", &[self.len(), self.kind.record(self.shape), 1, 1], &self.images);
        let kind = serde_json::to_string(self.kind.as_ref()).map_err(|error| StoredError(error.to_string()))?;
        tensors.to_bytes_with(FORMAT, &BTreeMap::from([(KIND, kind)]))
    }

    /// Reads images back; names are not in the file.
    ///
    /// # Errors
    /// [`StoredError`] that says what is missing or does not fit.
    pub fn from_safetensors(name: &str, class_names: Vec<String>, bytes: &[u8]) -> Result<Self, StoredError> {
        let stored = Stored::open(bytes, FORMAT)?;
        let ([samples, channels, height, width], images) = stored.u8::<4>("images")?;
        let ([labelled, width_of_label], labels) = stored.u8::<2>("labels")?;
        if labelled != samples || width_of_label != 2 {
            let problem = format!("`labels` is [{labelled}, {width_of_label}], expected [{samples}, 2]");
            return Err(StoredError(problem));
        }
        let labels = labels.as_chunks::<2>().0.iter().map(|bytes| u16::from_le_bytes(*bytes)).collect();
        let kind: Kind = match stored.about(KIND) {
            Some(text) => serde_json::from_str(text).map_err(|error| StoredError(format!("`{KIND}`: {error}")))?,
            None => Kind::Images,
        };
        let shape = kind.shape().unwrap_or(ImageShape { channels, height, width });
        let read = Self::of_kind(Arc::new(kind), name, shape, class_names, images.to_vec(), labels);
        read.map_err(|error| StoredError(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_read_back_equal_and_labels_have_to_fit() {
        let shape = ImageShape { channels: 1, height: 2, width: 3 };
        let names = |count: usize| (0..count).map(|class| class.to_string()).collect::<Vec<_>>();
        let data = Dataset::new("t", shape, names(300), (0..12).collect(), vec![299, 1]).unwrap();
        let bytes = data.to_safetensors().unwrap();
        assert_eq!(Dataset::from_safetensors("t", names(300), &bytes).unwrap(), data);
        let error = Dataset::from_safetensors("t", names(299), &bytes).unwrap_err().to_string();
        assert!(error.contains("label 299"), "{error}");
        assert!(Dataset::from_safetensors("t", names(300), &bytes[..bytes.len() - 1]).is_err());
    }
}
