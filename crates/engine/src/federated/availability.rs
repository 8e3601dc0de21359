//! Clients that drop out of a round or are too late for it.

use crate::random::{Purpose, keyed};
use rand::RngExt;

/// How often a client that is asked does not deliver in time; the rest of the probability is that it does.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Availability {
    /// It is gone before it starts.
    pub before: f64,
    /// It starts and does not finish.
    pub during: f64,
    /// It finishes, and its update is lost on the way.
    pub after: f64,
    /// Its update arrives during the next round. It is counted there, once; the client is busy until then.
    pub late: f64,
}

/// What becomes of a client that is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attendance {
    /// Its update arrives in this round.
    OnTime,
    /// Its update arrives in the next round.
    Late,
    /// No update of it arrives.
    Dropped(DropOut),
}

/// Why no update of a client arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DropOut {
    /// It was gone before it started.
    Before,
    /// It did not finish.
    During,
    /// Its update was lost.
    After,
    /// It was still at work for an earlier round.
    Busy,
    /// It was too slow, and the server went on without it.
    CutOff,
}

impl Availability {
    /// Whether every client always delivers.
    pub fn is_certain(&self) -> bool {
        *self == Self::default()
    }

    /// What becomes of a client in a round, keyed by both.
    pub fn draw(&self, seed: u64, round: u64, client: u32) -> Attendance {
        let mut rest = keyed(seed, Purpose::Availability, round, u64::from(client), 0).random::<f64>();
        let outcomes = [
            (self.before, Attendance::Dropped(DropOut::Before)),
            (self.during, Attendance::Dropped(DropOut::During)),
            (self.after, Attendance::Dropped(DropOut::After)),
            (self.late, Attendance::Late),
        ];
        for (probability, outcome) in outcomes {
            if rest < probability {
                return outcome;
            }
            rest -= probability;
        }
        // Rounding must not let somebody through where nobody delivers.
        let certain = outcomes.iter().map(|(probability, _)| probability).sum::<f64>() >= 1.0;
        if certain { Attendance::Dropped(DropOut::Before) } else { Attendance::OnTime }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_are_as_frequent_as_asked_for() {
        let availability = Availability { before: 0.1, during: 0.2, after: 0.05, late: 0.15 };
        let mut counts = std::collections::BTreeMap::new();
        for round in 0..100 {
            for client in 0..100 {
                *counts.entry(format!("{:?}", availability.draw(1, round, client))).or_insert(0.0f64) += 1.0;
            }
        }
        let expected = [("Dropped(Before)", 0.1), ("Dropped(During)", 0.2), ("Dropped(After)", 0.05), ("Late", 0.15)];
        for (name, share) in expected.into_iter().chain([("OnTime", 0.5)]) {
            // Four deviations of a binomial count out of 10,000.
            let allowed = 4.0 * (10_000.0f64 * share * (1.0 - share)).sqrt();
            assert!((counts[name] - 10_000.0 * share).abs() < allowed, "{counts:?}");
        }
        assert!(!availability.is_certain() && Availability::default().is_certain());
    }

    #[test]
    fn certainties_are_certain() {
        for client in 0..1000 {
            assert_eq!(Availability::default().draw(1, 1, client), Attendance::OnTime);
            let never = Availability { before: 0.7, during: 0.2, after: 0.1, late: 0.0 };
            assert!(matches!(never.draw(1, 1, client), Attendance::Dropped(_)));
            assert_eq!(Availability { late: 1.0, ..Availability::default() }.draw(1, 1, client), Attendance::Late);
        }
    }
}
