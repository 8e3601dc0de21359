//! How many samples of each class a client trains on, in whole samples.

use crate::client::population::Population;
use crate::client::scale::NANOS;
use crate::error::{Error, Result};

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
        for (client, deviations) in self.clients.iter().zip(self.deviations.chunks_exact(classes)) {
            if client.samples > u64::from(u32::MAX) {
                return Err(Error::Population(format!(
                    "the forecast counts at most {} samples of a client; `{}` has {}",
                    u32::MAX,
                    crate::printable::Printable(&client.id),
                    client.samples
                )));
            }
            // deviations are shares less targets, so the sums are shares again
            let shares = deviations
                .iter()
                .zip(&target.0)
                .map(|(deviation, goal)| (i64::from(*deviation) + i64::from(*goal)) as u64);
            let authentic = whole(client.samples, &shares.collect::<Vec<_>>(), &vec![0; classes]);
            let goals: Vec<u64> = target.0.iter().map(|goal| u64::from(*goal)).collect();
            let goals = whole(client.samples, &goals, &authentic);
            held.extend(
                authentic.iter().zip(&goals).map(|(&own, &goal)| Held { authentic: own as u32, target: goal as u32 }),
            );
        }
        Ok(held)
    }
}

/// Shares of `total`, in parts of 1e9, as whole numbers that sum to it: largest remainders first; of equal ones first those that lie below what
/// the client has.
fn whole(total: u64, shares: &[u64], counts: &[u64]) -> Vec<u64> {
    let exact = |class: usize| u128::from(total) * u128::from(shares[class]);
    // a millionth of a sample is rounding
    let nanos = u128::from(NANOS);
    let mut targets: Vec<u64> = (0..shares.len()).map(|class| ((exact(class) + 1000) / nanos) as u64).collect();
    let remainder =
        |class: usize, target: u64| (exact(class) as i128 - i128::from(target) * nanos as i128 + 500).div_euclid(1000);
    let mut order: Vec<usize> = (0..shares.len()).collect();
    order.sort_by_key(|&class| (-remainder(class, targets[class]), counts[class] <= targets[class], class));
    let missing = total.saturating_sub(targets.iter().sum());
    order.into_iter().cycle().take(missing as usize).for_each(|class| targets[class] += 1);
    targets
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn counts_are_recovered_from_their_shares(counts in prop::collection::vec(0u64..200_000, 1..12)) {
            let total: u64 = counts.iter().sum();
            prop_assume!(total > 0);
            let shares: Vec<u64> = counts.iter().map(|count| (count * NANOS + total / 2) / total).collect();
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
