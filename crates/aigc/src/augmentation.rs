use imfl_engine::random::{Purpose, keyed};
use rand::seq::SliceRandom;

/// What augmented mode does to one client's data: surplus samples give way to generated ones of missing classes, and the
/// total stays.
///
/// Targets are whole images: `samples * share` rounded by largest remainders (Hamilton's method). Equal remainders go
/// first to classes of which the client has more than the whole part, so that no image is generated to round up another
/// class, then to the lower class. So each class ends within one image of its exact share, and the number of generated
/// images is within half the number of classes of `samples * lambda / 2`.
///
/// ```
/// use imfl_aigc::{Augmentation, Request};
///
/// // Six samples of class 0, three of class 1 and none of class 2, where the target holds all alike.
/// let plan = Augmentation::plan(&[0, 0, 0, 0, 0, 0, 1, 1, 1], &[1.0 / 3.0; 3], 1, 0)?;
/// assert_eq!(plan.generated, [0, 0, 3]);
/// assert_eq!(plan.kept(9).len(), 6);
/// let requests = Request::of_counts(&plan.generated, 0);
/// assert!(requests.iter().all(|request| request.label == 2));
/// # Ok::<(), imfl_aigc::AugmentationError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Augmentation {
    /// Places among the client's samples that give way, in increasing order.
    pub removed: Vec<u32>,
    /// Images to generate of each class; as many in all as are removed.
    pub generated: Vec<usize>,
}

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum AugmentationError {
    /// A label without a target share.
    #[error("sample {sample} has class {label}, but the target has shares of {classes} classes")]
    Class {
        /// Place among the client's samples.
        sample: usize,
        /// Its class.
        label: u16,
        /// Number of target shares.
        classes: usize,
    },
    /// Shares that are negative, not finite, or do not sum to one.
    #[error("target shares must be at least 0 and sum to 1; these sum to {sum}")]
    Shares {
        /// Their sum.
        sum: f64,
    },
}

impl Augmentation {
    /// Plans for a client with these labels. Which samples of a surplus class give way is drawn for (seed, client).
    ///
    /// # Errors
    /// [`AugmentationError`] if a label has no share or the shares are none.
    pub fn plan(labels: &[u16], shares: &[f64], seed: u64, client: u64) -> Result<Self, AugmentationError> {
        let sum = shares.iter().sum::<f64>();
        if !shares.iter().all(|share| *share >= 0.0) || (sum - 1.0).abs() > 1e-6 || sum.is_nan() {
            return Err(AugmentationError::Shares { sum });
        }
        let classes = shares.len();
        let mut held = vec![Vec::new(); classes];
        for (sample, &label) in labels.iter().enumerate() {
            match held.get_mut(usize::from(label)) {
                Some(places) => places.push(sample as u32),
                None => return Err(AugmentationError::Class { sample, label, classes }),
            }
        }
        let counts: Vec<usize> = held.iter().map(Vec::len).collect();
        let targets = whole(&counts, shares);
        let mut removed = Vec::new();
        for (class, mut places) in held.into_iter().enumerate() {
            if places.len() > targets[class] {
                places.shuffle(&mut keyed(seed, Purpose::Augmentation, 0, client, class as u64));
                removed.extend_from_slice(&places[targets[class]..]);
            }
        }
        removed.sort_unstable();
        let generated = targets.iter().zip(&counts).map(|(target, count)| target.saturating_sub(*count)).collect();
        Ok(Self { removed, generated })
    }

    /// Number of images to generate.
    pub fn images(&self) -> usize {
        self.generated.iter().sum()
    }

    /// Places among `samples` samples that stay, in increasing order.
    pub fn kept(&self, samples: usize) -> Vec<u32> {
        let mut gone = self.removed.iter().peekable();
        (0..samples as u32).filter(|place| gone.next_if_eq(&place).is_none()).collect()
    }
}

/// Shares of the total of `counts` in whole images.
fn whole(counts: &[usize], shares: &[f64]) -> Vec<usize> {
    let total: usize = counts.iter().sum();
    let exact: Vec<f64> = shares.iter().map(|share| share * total as f64).collect();
    // Sums of rounded products stray by some ulps; what is an integer but for them is taken as one.
    let mut targets: Vec<usize> = exact.iter().map(|exact| (exact + 1e-6).floor() as usize).collect();
    let remainder = |class: usize, target: &[usize]| ((exact[class] - target[class] as f64) * 1e6).round() as i64;
    let mut order: Vec<usize> = (0..counts.len()).collect();
    order.sort_by_key(|&class| (-remainder(class, &targets), counts[class] <= targets[class], class));
    let missing = total.saturating_sub(targets.iter().sum());
    order.into_iter().cycle().take(missing).for_each(|class| targets[class] += 1);
    targets
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn surplus_gives_way_and_the_missing_class_is_generated() {
        let labels = [0, 0, 0, 0, 0, 0, 1, 1, 1];
        let plan = Augmentation::plan(&labels, &[1.0 / 3.0; 3], 1, 0).unwrap();
        assert_eq!(plan.generated, [0, 0, 3]);
        assert_eq!(plan.removed.len(), 3);
        assert!(plan.removed.iter().all(|&place| place < 6));
        assert_eq!(plan.kept(9).len(), 6);
        let many = [0; 50];
        let of_client = |client| Augmentation::plan(&many, &[0.5, 0.5], 1, client).unwrap();
        assert_eq!(of_client(0), of_client(0));
        assert_ne!(of_client(0).removed, of_client(1).removed);
    }

    #[test]
    fn rounding_generates_nothing_for_a_client_that_is_as_even_as_whole_images_allow() {
        let plan = Augmentation::plan(&[0, 1, 1, 2, 2], &[1.0 / 3.0; 3], 1, 0).unwrap();
        assert_eq!((plan.removed.len(), plan.generated), (0, vec![0, 0, 0]));
    }

    #[test]
    fn what_is_no_target_is_named() {
        let problem = |labels: &[u16], shares: &[f64]| Augmentation::plan(labels, shares, 0, 0).unwrap_err();
        assert_eq!(problem(&[0, 2], &[0.5, 0.5]), AugmentationError::Class { sample: 1, label: 2, classes: 2 });
        assert!(matches!(problem(&[0], &[0.5, 0.4]), AugmentationError::Shares { .. }));
        assert!(matches!(problem(&[0], &[1.5, -0.5]), AugmentationError::Shares { .. }));
        assert!(matches!(problem(&[0], &[f64::NAN, 1.0]), AugmentationError::Shares { .. }));
        assert!(matches!(problem(&[], &[]), AugmentationError::Shares { .. }));
        assert_eq!(Augmentation::plan(&[], &[1.0], 0, 0).unwrap().images(), 0);
    }

    fn client() -> impl Strategy<Value = (Vec<u16>, Vec<f64>)> {
        (1usize..12).prop_flat_map(|classes| {
            let labels = prop::collection::vec(0..classes as u16, 0..200);
            let weights = prop::collection::vec(0u32..50, classes).prop_map(|mut weights| {
                weights[0] += 1;
                let sum: u32 = weights.iter().sum();
                weights.into_iter().map(|weight| f64::from(weight) / f64::from(sum)).collect()
            });
            (labels, weights)
        })
    }

    proptest! {
        #[test]
        fn the_total_stays_and_every_class_meets_its_share((labels, shares) in client(), seed: u64) {
            let plan = Augmentation::plan(&labels, &shares, seed, 3).unwrap();
            prop_assert_eq!(plan.images(), plan.removed.len());
            prop_assert!(plan.removed.is_sorted_by(|a, b| a < b));
            let mut counts = plan.generated.clone();
            let kept = plan.kept(labels.len());
            prop_assert_eq!(kept.len() + plan.removed.len(), labels.len());
            let mut before = vec![0usize; shares.len()];
            labels.iter().for_each(|&label| before[usize::from(label)] += 1);
            kept.iter().for_each(|&place| counts[usize::from(labels[place as usize])] += 1);
            let total = labels.len() as f64;
            let mut skew = 0.0;
            for class in 0..shares.len() {
                let exact = total * shares[class];
                prop_assert!((counts[class] as f64 - exact).abs() < 1.0, "class {class}: {} for {exact}", counts[class]);
                // No class both gives way and is generated.
                prop_assert!(plan.generated[class] == 0 || counts[class] >= before[class]);
                skew += (before[class] as f64 - exact).abs();
            }
            // d lambda / 2, up to rounding.
            prop_assert!((plan.images() as f64 - skew / 2.0).abs() <= shares.len() as f64 / 2.0);
            prop_assert_eq!(&plan, &Augmentation::plan(&labels, &shares, seed, 3).unwrap());
        }
    }
}
