use super::{Closing, Crowd, PolicyRule};
use crate::random::{Purpose, keyed};
use rand::seq::SliceRandom;

/// Asynchronous rounds, FedBuff (Nguyen et al. 2022, arXiv 2106.06639): as many clients as a cohort has are always at work, one
/// is asked whenever one ends, and the server steps whenever so many updates have arrived. A change is weighed down by its
/// staleness, `(1 + rounds)^-exponent`.
///
/// A client is asked at most once for each model: random numbers are addressed, so it would train the same update again.
pub struct Buffered {
    /// Updates of a step of the server, K.
    pub updates: usize,
    /// At least 0; the paper takes 1/2.
    pub exponent: f64,
}

impl PolicyRule for Buffered {
    fn chooses(&self) -> bool {
        true
    }

    fn order(&self, crowd: &Crowd) -> Vec<usize> {
        let mut places: Vec<usize> = (0..crowd.candidates.len()).collect();
        places.shuffle(&mut keyed(crowd.seed, Purpose::Dispatch, crowd.round, 0, 0));
        places
    }

    fn closing(&self, _wanted: usize) -> Closing {
        Closing { arrivals: Some(self.updates), ..Closing::default() }
    }

    fn keeps(&self) -> bool {
        true
    }

    fn refills(&self) -> bool {
        true
    }

    fn staleness(&self, rounds: u64) -> f64 {
        (1.0 + rounds as f64).powf(-self.exponent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_fresh_counts_whole_and_what_is_old_less() {
        let rule = Buffered { updates: 2, exponent: 0.5 };
        assert_eq!([0, 3, 8].map(|rounds| rule.staleness(rounds)), [1.0, 0.5, 1.0 / 3.0]);
        assert_eq!(Buffered { exponent: 0.0, ..rule }.staleness(9), 1.0);
    }
}
