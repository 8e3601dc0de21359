//! An award paid round by round.
//!
//! An award is for all the rounds in which the server asks the client. Each of them earns one instalment, and only if the
//! client's update counted in the model: a client that drops out of a round, is too late for it, or sends what cannot be
//! used is not paid for that round, and nobody is paid for a round that was skipped. A client that always delivers gets its
//! award to the last micro-credit.

use crate::money::Credits;

/// An award and the number of rounds that it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instalments {
    /// What all rounds together earn.
    pub award: Credits,
    /// Rounds in which the client is asked.
    pub rounds: u64,
}

impl Instalments {
    /// The instalment of the client's `nth` round, from 1: `floor(award n / rounds) - floor(award (n - 1) / rounds)`, so that
    /// all of them sum to the award. 0 outside the rounds.
    pub fn nth(&self, nth: u64) -> Credits {
        if nth == 0 || nth > self.rounds {
            return Credits::ZERO;
        }
        let upto = |n: u64| i128::from(self.award.micros()) * i128::from(n) / i128::from(self.rounds);
        // Between 0 and the award in size, which fits.
        Credits::from_micros((upto(nth) - upto(nth - 1)) as i64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn by_hand() {
        let instalments = Instalments { award: Credits::from_micros(10), rounds: 3 };
        let each: Vec<i64> = (0..=4).map(|nth| instalments.nth(nth).micros()).collect();
        assert_eq!(each, [0, 3, 3, 4, 0]);
    }

    proptest! {
        #[test]
        fn they_sum_to_the_award_and_differ_by_one_at_most(award in 0i64..=i64::MAX, rounds in 1u64..200) {
            let instalments = Instalments { award: Credits::from_micros(award), rounds };
            let each: Vec<i64> = (1..=rounds).map(|nth| instalments.nth(nth).micros()).collect();
            prop_assert_eq!(each.iter().sum::<i64>(), award);
            prop_assert!(each.iter().max().unwrap() - each.iter().min().unwrap() <= 1);
        }
    }
}
