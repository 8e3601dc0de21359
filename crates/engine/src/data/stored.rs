//! Images and labels as one safetensors file.

use super::dataset::{Dataset, ImageShape};
use crate::stored::{Stored, StoredError, Tensors};

const FORMAT: &str = "imfl.images/1";

impl Dataset {
    /// `images`, `[samples, channels, height, width]`, and `labels`, `[samples, 2]`, the bytes of 16-bit little-endian numbers.
    ///
    /// # Errors
    /// [`StoredError`] if safetensors refuses the shapes.
    pub fn to_safetensors(&self) -> Result<Vec<u8>, StoredError> {
        let ImageShape { channels, height, width } = self.shape;
        let labels: Vec<u8> = self.labels.iter().flat_map(|label| label.to_le_bytes()).collect();
        let mut tensors = Tensors::default();
        tensors.add_u8("images", &[self.len(), channels, height, width], &self.images);
        tensors.add_u8("labels", &[self.len(), 2], &labels);
        tensors.to_bytes(FORMAT)
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
        let shape = ImageShape { channels, height, width };
        Self::new(name, shape, class_names, images.to_vec(), labels).map_err(|error| StoredError(error.to_string()))
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
