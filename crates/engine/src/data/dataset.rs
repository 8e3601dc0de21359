//! Labelled samples in memory: images, or another kind.

use super::error::DataError;
use super::kind::Kind;
use super::scale::Normalisation;
use super::shape::ImageShape;
use super::vocabulary::Words;
use std::sync::Arc;

/// Labelled images as bytes.
///
/// ```
/// use imfl_engine::prelude::*;
///
/// let shape: ImageShape = "1x2x2".parse()?;
/// let pixels = vec![0, 255, 0, 255, 7, 7, 7, 7];
/// let data = Dataset::new("two", shape, vec!["stripes".into(), "plain".into()], pixels, vec![0, 1])?;
/// assert_eq!((data.len(), data.classes(), data.image(1)), (2, 2, &[7; 4][..]));
/// assert_eq!(data.histogram(), [1, 1]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// What messages call it.
    pub name: String,
    /// Size of every image; of other kinds, of what a model gets.
    pub shape: ImageShape,
    /// What each class is called.
    pub class_names: Vec<String>,
    /// What its samples are: images, unless they come from [`Dataset::of_kind`].
    pub kind: Arc<Kind>,
    pub(super) images: Vec<u8>,
    pub(super) labels: Vec<u16>,
}

impl Dataset {
    /// Takes images `[samples, channels, height, width]` and one label for each.
    ///
    /// # Errors
    /// [`DataError::Mismatch`] if counts disagree or a label names no class.
    pub fn new(
        name: impl Into<String>,
        shape: ImageShape,
        class_names: Vec<String>,
        images: Vec<u8>,
        labels: Vec<u16>,
    ) -> Result<Self, DataError> {
        Self::of_kind(Arc::default(), name, shape, class_names, images, labels)
    }

    /// Takes samples of any kind, as many bytes of each as that says, one behind the other, and one label for each.
    ///
    /// # Errors
    /// As [`Dataset::new`].
    pub fn of_kind(
        kind: Arc<Kind>,
        name: impl Into<String>,
        shape: ImageShape,
        class_names: Vec<String>,
        images: Vec<u8>,
        labels: Vec<u16>,
    ) -> Result<Self, DataError> {
        let name = name.into();
        let (wanted, plural) = (labels.len() * kind.record(shape), kind.plural());
        if images.len() != wanted {
            return Err(DataError::Mismatch(format!(
                "{name}: {} labels need {wanted} bytes of {shape} {plural}, but there are {}",
                labels.len(),
                images.len()
            )));
        }
        if let Some(fault) = kind.fault(&images) {
            return Err(DataError::Mismatch(format!("{name}: {fault}")));
        }
        if let Some(index) = labels.iter().position(|&label| usize::from(label) >= class_names.len()) {
            return Err(DataError::Mismatch(format!(
                "{name}: image {index} has label {}, but there are {} classes",
                labels[index],
                class_names.len()
            )));
        }
        Ok(Self { name, shape, class_names, kind, images, labels })
    }

    /// Other samples of the same kind, shape and classes.
    ///
    /// # Errors
    /// As [`Dataset::new`].
    pub fn like(&self, name: impl Into<String>, images: Vec<u8>, labels: Vec<u16>) -> Result<Self, DataError> {
        Self::of_kind(self.kind.clone(), name, self.shape, self.class_names.clone(), images, labels)
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is no image.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.class_names.len()
    }

    /// The bytes of one image, `[channels, height, width]`; of other kinds, of one sample as [`Kind`] says.
    pub fn image(&self, index: usize) -> &[u8] {
        let size = self.kind.record(self.shape);
        &self.images[index * size..(index + 1) * size]
    }

    /// The class of one image.
    pub fn label(&self, index: usize) -> usize {
        usize::from(self.labels[index])
    }

    /// The class of every image.
    pub fn labels(&self) -> &[u16] {
        &self.labels
    }

    /// Where the images of each class are.
    pub fn by_class(&self) -> Vec<Vec<u32>> {
        let mut classes = vec![Vec::new(); self.classes()];
        for (index, &label) in self.labels.iter().enumerate() {
            classes[usize::from(label)].push(index as u32);
        }
        classes
    }

    /// Number of images of each class.
    pub fn histogram(&self) -> Vec<usize> {
        self.by_class().iter().map(Vec::len).collect()
    }

    /// The images at `indices`, in that order.
    pub fn select(&self, indices: &[u32]) -> Self {
        let mut images = Vec::with_capacity(indices.len() * self.kind.record(self.shape));
        for &index in indices {
            images.extend_from_slice(self.image(index as usize));
        }
        let labels = indices.iter().map(|&index| self.labels[index as usize]).collect();
        let (name, class_names) = (self.name.clone(), self.class_names.clone());
        Self { images, labels, name, shape: self.shape, class_names, kind: self.kind.clone() }
    }

    /// How many words of its texts are known, if it has texts.
    pub fn words(&self) -> Option<Words> {
        match self.kind.as_ref() {
            Kind::Text(vocabulary) => Some(Words::count(vocabulary, &self.images)),
            Kind::Images | Kind::Table(_) | Kind::Sound(_) => None,
        }
    }

    /// Samples that the dataset's words were counted on, as they would be if they had come later: in texts a word that was counted a single time is
    /// unknown. Samples of other kinds stay as they are.
    pub fn uncounted(this: &Arc<Self>) -> Arc<Self> {
        match this.kind.as_ref() {
            Kind::Text(vocabulary) => {
                let images = vocabulary.uncounted(&this.images);
                let (name, class_names, labels) = (this.name.clone(), this.class_names.clone(), this.labels.clone());
                Arc::new(Self { name, shape: this.shape, class_names, kind: this.kind.clone(), images, labels })
            }
            Kind::Images | Kind::Table(_) | Kind::Sound(_) => this.clone(),
        }
    }

    /// Mean and deviation of each channel over all images; a channel without contrast gets deviation 1.
    ///
    /// A table brings those of the server's rows.
    pub fn normalisation(&self) -> Normalisation {
        self.kind.normalisation().unwrap_or_else(|| Normalisation::of_bytes(&self.images, self.shape))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: ImageShape = ImageShape { channels: 2, height: 1, width: 2 };

    fn names(count: usize) -> Vec<String> {
        (0..count).map(|class| class.to_string()).collect()
    }

    #[test]
    fn normalised_channels_have_mean_zero_and_deviation_one() {
        let data = Dataset::new("t", SHAPE, names(2), vec![0, 255, 7, 7, 51, 102, 7, 7], vec![0, 1]).unwrap();
        let table = data.normalisation().table();
        let first: Vec<f32> = [0, 255, 51, 102].iter().map(|&byte: &usize| table[0][byte]).collect();
        assert!(first.iter().sum::<f32>().abs() < 1e-5);
        assert!((first.iter().map(|x| x * x).sum::<f32>() / 4.0 - 1.0).abs() < 1e-5);
        assert_eq!(data.normalisation().deviation[1], 1.0, "a channel without contrast keeps its scale");
    }

    #[test]
    fn counts_and_labels_are_checked() {
        assert!(Dataset::new("t", SHAPE, names(2), vec![0; 7], vec![0, 1]).is_err());
        let error = Dataset::new("t", SHAPE, names(2), vec![0; 8], vec![0, 2]).unwrap_err().to_string();
        assert!(error.contains("image 1") && error.contains("label 2"), "{error}");
    }

    #[test]
    fn selecting_keeps_images_with_their_labels() {
        let data = Dataset::new("t", SHAPE, names(3), (0..12).collect(), vec![0, 1, 2]).unwrap();
        let part = data.select(&[2, 0]);
        assert_eq!((part.image(0), part.label(0)), (&[8, 9, 10, 11][..], 2));
        assert_eq!((part.image(1), part.label(1)), (&[0, 1, 2, 3][..], 0));
        assert_eq!(part.histogram(), [1, 0, 1]);
    }
}
