//! Disjoint parts of a dataset.

use super::dataset::Dataset;
use crate::random::{Purpose, keyed};
use rand::seq::SliceRandom;

impl Dataset {
    /// Draws disjoint parts at random, each with as equal a number of images of every class as `sizes` allows.
    ///
    /// A class that has too few images for its share gives what it has. What is left over is the last part.
    pub fn split_balanced(&self, sizes: &[usize], seed: u64) -> Vec<Dataset> {
        let mut parts = vec![Vec::new(); sizes.len() + 1];
        let classes = self.classes().max(1);
        for (class, mut members) in self.by_class().into_iter().enumerate() {
            members.shuffle(&mut keyed(seed, Purpose::Split, 0, 0, class as u64));
            let mut rest = members.into_iter();
            for (part, &size) in parts.iter_mut().zip(sizes) {
                let share = size / classes + usize::from(class < size % classes);
                part.extend(rest.by_ref().take(share));
            }
            parts[sizes.len()].extend(rest);
        }
        parts.iter_mut().enumerate().for_each(|(part, indices)| {
            indices.shuffle(&mut keyed(seed, Purpose::Split, 1, 0, part as u64));
        });
        parts.iter().map(|indices| self.select(indices)).collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::data::{Dataset, ImageShape};
    use std::collections::BTreeSet;

    #[test]
    fn parts_are_balanced_disjoint_and_complete() {
        let shape = ImageShape { channels: 1, height: 1, width: 1 };
        let names = vec!["0".to_string(), "1".into(), "2".into()];
        let labels = (0..90).map(|i| i % 3).collect();
        let data = Dataset::new("t", shape, names, (0..90).collect(), labels).unwrap();
        let parts = data.split_balanced(&[30, 10], 5);
        assert_eq!(parts.iter().map(Dataset::len).collect::<Vec<_>>(), [30, 10, 50]);
        assert_eq!(parts[0].histogram(), [10, 10, 10]);
        assert_eq!(parts[1].histogram(), [4, 3, 3]);
        let all: BTreeSet<u8> = parts.iter().flat_map(|part| (0..part.len()).map(|i| part.image(i)[0])).collect();
        assert_eq!(all.len(), 90);
        assert_eq!(data.split_balanced(&[30, 10], 5), parts);
        assert_ne!(data.split_balanced(&[30, 10], 6)[0], parts[0]);
    }
}
