//! How many samples of each class a client trains on, in whole samples.

use crate::client::population::Population;
use crate::client::scale::NANOS;
use crate::error::{Error, Result};
use crate::printable::Printable;

/// What a client has of one class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Held {
    /// Authentic samples.
    pub authentic: u32,
    /// What augmented mode fills it up, or cuts it down, to.
    pub target: u32,
}

impl Held {
    /// Authentic samples that are kept in augmented mode.
    pub fn kept(self) -> u32 {
        self.authentic.min(self.target)
    }

    /// Samples that are generated in augmented mode.
    pub fn generated(self) -> u32 {
        self.target - self.kept()
    }
}

impl Population {
    /// What every client has of every class, `[clients, classes]`.
    ///
    /// Both counts of a client sum to its samples; shares are rounded by largest remainders, and the targets as `imfl-aigc` rounds them when it
    /// plans an augmentation, so that what is counted here is what is trained on.
    ///
    /// # Errors
    /// Clients without label shares, or more than 4294967295 samples of one client.
    pub(crate) fn held(&self) -> Result<Vec<Held>> {
        let Some(target) = &self.target else {
            let problem = "the forecast counts samples of each class: give label shares (columns p0, p1, ...) or counts (n0, n1, ...)";
            return Err(Error::Population(problem.into()));
        };
        let classes = target.classes();
        let mut held = Vec::with_capacity(self.clients.len() * classes);
        let (mut shares_of, nothing) = (Vec::with_capacity(classes), vec![0; classes]);
        for (client, deviations) in self.clients.iter().zip(self.deviations.chunks_exact(classes)) {
            let Ok(samples) = u32::try_from(client.samples) else {
                return Err(Error::Population(format!(
                    "the forecast counts at most {} samples of a client; `{}` has {}",
                    u32::MAX,
                    Printable(&client.id),
                    client.samples
                )));
            };
            // deviations are shares less targets, so the sums are shares again
            let shares = deviations.iter().zip(&target.0).map(|(deviation, goal)| (deviation + *goal as i32) as u32);
            shares_of.clear();
            shares_of.extend(shares);
            let authentic = whole(samples, &shares_of, &nothing);
            let goals = whole(samples, &target.0, &authentic);
            held.extend(authentic.iter().zip(&goals).map(|(&authentic, &target)| Held { authentic, target }));
        }
        Ok(held)
    }
}

/// Shares of `total`, in parts of 1e9, as whole numbers that sum to it: largest remainders first; of equal ones first those that lie below what
/// the client has.
fn whole(total: u32, shares: &[u32], counts: &[u32]) -> Vec<u32> {
    // below 2^62
    let exact = |class: usize| u64::from(total) * u64::from(shares[class]);
    // a millionth of a sample is rounding
    let mut targets: Vec<u32> = (0..shares.len()).map(|class| ((exact(class) + 1000) / NANOS) as u32).collect();
    let missing = u64::from(total).saturating_sub(targets.iter().copied().map(u64::from).sum());
    if missing > 0 {
        let remainder =
            |class: usize| (exact(class) as i64 - (u64::from(targets[class]) * NANOS) as i64 + 500).div_euclid(1000);
        let mut order: Vec<usize> = (0..shares.len()).collect();
        order.sort_by_key(|&class| (-remainder(class), counts[class] <= targets[class], class));
        order.into_iter().cycle().take(missing as usize).for_each(|class| targets[class] += 1);
    }
    targets
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn counts_are_recovered_from_their_shares(counts in prop::collection::vec(0u32..200_000, 1..12)) {
            let total: u32 = counts.iter().sum();
            prop_assume!(total > 0);
            let share = |count: &u32| ((u64::from(*count) * NANOS + u64::from(total) / 2) / u64::from(total)) as u32;
            let shares: Vec<u32> = counts.iter().map(share).collect();
            prop_assert_eq!(whole(total, &shares, &vec![0; counts.len()]), counts);
        }
    }

    #[test]
    fn what_is_left_over_goes_first_to_classes_that_the_client_has() {
        // 10 samples over three classes: 3.33 each, and the one that is left to the class with a surplus
        assert_eq!(whole(10, &[333_333_333; 3], &[0, 0, 10]), [3, 3, 4]);
        assert_eq!(whole(10, &[333_333_333; 3], &[3, 3, 3]), [4, 3, 3]);
    }
}
