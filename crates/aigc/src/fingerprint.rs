use imfl_engine::data::Dataset;
use sha2::{Digest, Sha256};

/// What a generator remembers of the images it learnt from: the first eight bytes of the SHA-256 of each image's bytes.
///
/// It cannot be turned back into images, yet shows whether a client's or a test image was among them. Two different
/// images share a fingerprint with probability 2^-64.
///
/// ```
/// use imfl_aigc::Fingerprints;
/// use imfl_engine::data::{Dataset, ImageShape};
///
/// let shape = ImageShape { channels: 1, height: 1, width: 2 };
/// let data = |pixels: Vec<u8>| Dataset::new("pairs", shape, vec!["0".into()], pixels, vec![0, 0]);
/// let learnt = Fingerprints::of(&data(vec![1, 2, 3, 4])?);
/// assert_eq!(learnt.shared_with(&data(vec![5, 6, 1, 2])?), [1]);
/// # Ok::<(), imfl_engine::data::DataError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fingerprints {
    sorted: Vec<u64>,
}

impl Fingerprints {
    /// The fingerprints of all images of a dataset.
    pub fn of(data: &Dataset) -> Self {
        Self::from_values((0..data.len()).map(|index| fingerprint(data.image(index))).collect())
    }

    /// Takes fingerprints in any order.
    pub fn from_values(mut values: Vec<u64>) -> Self {
        values.sort_unstable();
        values.dedup();
        Self { sorted: values }
    }

    /// The fingerprints in increasing order, each once.
    pub fn values(&self) -> &[u64] {
        &self.sorted
    }

    /// Number of different images.
    pub fn len(&self) -> usize {
        self.sorted.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.sorted.is_empty()
    }

    /// Whether an image is among them.
    pub fn contains(&self, image: &[u8]) -> bool {
        self.sorted.binary_search(&fingerprint(image)).is_ok()
    }

    /// Which images of a dataset are among them.
    pub fn shared_with(&self, data: &Dataset) -> Vec<u32> {
        (0..data.len() as u32).filter(|&index| self.contains(data.image(index as usize))).collect()
    }
}

fn fingerprint(image: &[u8]) -> u64 {
    let digest = Sha256::digest(image);
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    u64::from_le_bytes(first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use imfl_engine::data::ImageShape;

    #[test]
    fn shared_images_are_found_and_no_others() {
        let shape = ImageShape { channels: 1, height: 2, width: 2 };
        let data = |images: Vec<u8>| {
            let labels = vec![0; images.len() / 4];
            Dataset::new("t", shape, vec!["0".into()], images, labels).unwrap()
        };
        let learnt = Fingerprints::of(&data(vec![1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4]));
        assert_eq!(learnt.len(), 2);
        assert_eq!(learnt.shared_with(&data(vec![9, 9, 9, 9, 5, 6, 7, 8, 4, 3, 2, 1])), [1]);
        assert_eq!(Fingerprints::from_values(learnt.values().to_vec()), learnt);
    }

    #[test]
    fn the_fingerprint_is_the_published_hash() {
        // SHA-256 of "abc" begins ba 78 16 bf 8f 01 cf ea (FIPS 180-2, appendix B.1).
        assert_eq!(fingerprint(b"abc").to_le_bytes(), [0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea]);
    }
}
