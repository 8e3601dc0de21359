use super::error::QualityError;
use imfl_engine::data::{Dataset, Samples, Scale};
use imfl_engine::worker;

/// Whether a generator repeats the samples that it learnt from, by distances between pixels, or between what a model gets of rows.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Memorisation {
    /// Share of generated images that are copies: nearer to one image that was learnt from than to a third of the distance
    /// to the next (Gu et al. 2023).
    pub memorised: f64,
    /// The same share among images that were not learnt from: what chance and near-duplicates give.
    pub by_chance: f64,
    /// Share of generated images that are nearer to what was learnt from than to equally many images that were not; 0.5
    /// for a generator that remembers no image.
    pub nearer_to_learnt: f64,
}

/// Nearest over second nearest distance below which an image counts as a copy.
const RATIO: f64 = 1.0 / 3.0;

impl Memorisation {
    /// Compares generated images with those that were `learnt` from and with `held_out` ones.
    ///
    /// # Errors
    /// [`QualityError`] for fewer than two learnt images, none of another set, or images of different shapes.
    pub fn measure(
        generated: &Dataset,
        learnt: &Dataset,
        held_out: &Dataset,
        workers: usize,
    ) -> Result<Self, QualityError> {
        for (which, set, needed) in
            [("generated images", generated, 1), ("learnt images", learnt, 2), ("held-out images", held_out, 1)]
        {
            if set.len() < needed {
                return Err(QualityError::TooFew { measure: "memorisation", which, needed, found: set.len() });
            }
            if set.shape != generated.shape {
                let problem = format!("generated images are {}, {which} {}", generated.shape, set.shape);
                return Err(QualityError::Mismatch(problem));
            }
        }
        let equal = learnt.len().min(held_out.len());
        let [generated, learnt, held_out] = [generated, learnt, held_out].map(Gallery::of);
        let found = worker::map(workers, generated.data.len(), |index| {
            let near_learnt = generated.nearest(index, &learnt, equal)[0];
            let near_held_out = generated.nearest(index, &held_out, equal)[0];
            // A tie, as for the same image in both, says nothing for either side.
            let nearer = match near_learnt.total_cmp(&near_held_out) {
                std::cmp::Ordering::Less => 1.0,
                std::cmp::Ordering::Equal => 0.5,
                std::cmp::Ordering::Greater => 0.0,
            };
            (generated.is_copy(index, &learnt), nearer)
        });
        let chance = worker::map(workers, held_out.data.len().min(generated.data.len()), |index| {
            held_out.is_copy(index, &learnt)
        });
        let share = |copies: usize, of: usize| copies as f64 / of as f64;
        Ok(Self {
            memorised: share(found.iter().filter(|(copy, _)| *copy).count(), found.len()),
            by_chance: share(chance.iter().filter(|copy| **copy).count(), chance.len()),
            nearer_to_learnt: found.iter().map(|(_, nearer)| nearer).sum::<f64>() / found.len() as f64,
        })
    }
}

/// Samples as distances see them: bytes as they are, of other kinds what a model gets.
struct Gallery<'a> {
    data: &'a Dataset,
    values: Vec<f32>,
}

impl<'a> Gallery<'a> {
    fn of(data: &'a Dataset) -> Self {
        let mut values = Vec::new();
        if !data.kind.is_bytes() {
            let scale = Scale::from(&data.normalisation());
            (0..data.len()).for_each(|index| data.extend(&mut values, index, &scale));
        }
        Self { data, values }
    }

    fn squared_distance(&self, index: usize, other: &Self, at: usize) -> f64 {
        if self.data.kind.is_bytes() {
            // Far below 2^53: exact.
            return squared_distance(self.data.image(index), other.data.image(at)) as f64;
        }
        let size = self.data.shape.size();
        let [a, b] = [&self.values[index * size..][..size], &other.values[at * size..][..size]];
        a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2)).sum()
    }

    /// Squared distances of a sample to the nearest and the second nearest of the first `count` others.
    fn nearest(&self, index: usize, among: &Self, count: usize) -> [f64; 2] {
        (0..count).fold([f64::INFINITY; 2], |[first, second], at| match self.squared_distance(index, among, at) {
            distance if distance < first => [distance, first],
            distance => [first, second.min(distance)],
        })
    }

    fn is_copy(&self, index: usize, learnt: &Self) -> bool {
        let [first, second] = self.nearest(index, learnt, learnt.data.len());
        first.sqrt() < RATIO * second.sqrt()
    }
}

/// Exact: differences of bytes are integers.
fn squared_distance(a: &[u8], b: &[u8]) -> u64 {
    // 65,536 squares of at most 255^2 fit 32 bits.
    let chunks = a.chunks(1 << 16).zip(b.chunks(1 << 16));
    let square = |(&a, &b): (&u8, &u8)| u32::from(a.abs_diff(b)).pow(2);
    chunks.map(|(a, b)| u64::from(a.iter().zip(b).map(square).sum::<u32>())).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use imfl_engine::data::ImageShape;
    use imfl_engine::random::{Purpose, keyed};
    use rand::Rng;

    fn random_images(seed: u64, count: usize) -> Dataset {
        let shape = ImageShape { channels: 1, height: 8, width: 8 };
        let mut images = vec![0; count * shape.size()];
        keyed(seed, Purpose::Benchmark, 0, 0, 0).fill_bytes(&mut images);
        Dataset::new("t", shape, vec!["0".into()], images, vec![0; count]).unwrap()
    }

    /// `count` images of which each tenth repeats a learnt one, with every pixel moved by up to `off`.
    fn with_copies(learnt: &Dataset, count: usize, off: u8) -> Dataset {
        let fresh = random_images(9, count);
        let mut images = Vec::new();
        for index in 0..count {
            match index % 10 {
                0 => images.extend(
                    learnt.image(index).iter().enumerate().map(|(i, &b)| b.saturating_add(off * (i % 2) as u8)),
                ),
                _ => images.extend_from_slice(fresh.image(index)),
            }
        }
        Dataset::new("t", learnt.shape, vec!["0".into()], images, vec![0; count]).unwrap()
    }

    #[test]
    fn a_tenth_of_copies_is_found_also_when_they_are_not_exact() {
        let (learnt, held_out) = (random_images(1, 300), random_images(2, 300));
        for off in [0, 20] {
            let found = Memorisation::measure(&with_copies(&learnt, 200, off), &learnt, &held_out, 2).unwrap();
            assert_eq!((found.memorised, found.by_chance), (0.1, 0.0));
            assert!(found.nearer_to_learnt > 0.5);
        }
        let none = Memorisation::measure(&random_images(3, 200), &learnt, &held_out, 1).unwrap();
        assert_eq!(none.memorised, 0.0);
        assert!((none.nearer_to_learnt - 0.5).abs() < 0.12, "{none:?}");
    }

    #[test]
    fn what_cannot_be_compared_says_why() {
        let set = random_images(1, 5);
        let error = Memorisation::measure(&set, &set.select(&[0]), &set, 1).unwrap_err().to_string();
        assert!(error.contains("at least 2 learnt images, there are 1"), "{error}");
        assert!(Memorisation::measure(&set.select(&[]), &set, &set, 1).is_err());
    }

    #[test]
    fn distances_are_exact() {
        assert_eq!(squared_distance(&[0, 255, 7], &[255, 0, 9]), 2 * 255 * 255 + 4);
        assert_eq!(squared_distance(&vec![0; 70_000], &vec![255; 70_000]), 70_000 * 255 * 255);
    }
}
