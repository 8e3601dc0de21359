//! A client's update on its way to the server, and what keeps it from being counted.

use std::collections::BTreeSet;
use std::fmt;

/// What a client sends.
#[derive(Clone, Debug, PartialEq)]
pub struct ClientUpdate {
    /// Who sends it.
    pub client: u32,
    /// The round that it was made in.
    pub made: u64,
    /// How much it counts relative to others, where a rule weighs updates.
    pub weight: f64,
    /// The client's model minus the global model of that round, in layout order.
    pub change: Vec<f32>,
    /// What its algorithm remembers of it until its next round: SCAFFOLD's control variate.
    pub variate: Option<Vec<f32>>,
    /// Mean loss over its samples.
    pub loss: f64,
    /// Samples that it trained on, every epoch counted.
    pub samples: u64,
}

/// What is known of an update beside its values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Receipt {
    /// Who sent it.
    pub client: u32,
    /// The round that it was made in.
    pub made: u64,
    /// How much it counts relative to others.
    pub weight: f64,
    /// Mean loss over its samples.
    pub loss: f64,
    /// Samples that it was trained on.
    pub samples: u64,
}

impl Receipt {
    /// The update that it was written for.
    pub fn with(self, change: Vec<f32>, variate: Option<Vec<f32>>) -> ClientUpdate {
        let Self { client, made, weight, loss, samples } = self;
        ClientUpdate { client, made, weight, change, variate, loss, samples }
    }
}

impl ClientUpdate {
    /// What is known of it beside its values.
    pub fn receipt(&self) -> Receipt {
        let Self { client, made, weight, loss, samples, .. } = *self;
        Receipt { client, made, weight, loss, samples }
    }
}

/// What training changed, `model - base`.
pub(crate) fn difference(model: &[f32], base: &[f32]) -> Vec<f32> {
    model.iter().zip(base).map(|(model, base)| (f64::from(*model) - f64::from(*base)) as f32).collect()
}

/// Why an update does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// A value is NaN or infinite.
    NotFinite,
    /// A value moved by 2,048 or more, which no model survives.
    TooFar,
    /// It has another number of values than the model.
    WrongShape,
    /// An update of the same client was there already.
    Duplicate,
}

/// An update that was left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Rejection {
    /// Whose it was.
    pub client: u32,
    /// Why.
    pub reason: Refusal,
}

/// Values that move by so much are refused.
const LIMIT: f32 = 2048.0;

impl Refusal {
    /// What is wrong with the values of an update, `change`, for a model of `size` values.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(change: &[f32], size: usize) -> Result<(), Self> {
        if change.len() != size {
            return Err(Self::WrongShape);
        }
        let (mut finite, mut near) = (true, true);
        for value in change {
            finite &= value.is_finite();
            near &= value.abs() < LIMIT;
        }
        match (finite, near) {
            (false, _) => Err(Self::NotFinite),
            (true, false) => Err(Self::TooFar),
            (true, true) => Ok(()),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::NotFinite => "values that are not finite",
            Self::TooFar => "values that moved by over 2,048",
            Self::WrongShape => "another number of values than the model has",
            Self::Duplicate => "a second update",
        })
    }
}

/// Parts updates for a model of `size` values into those that can count, in their order, and those that cannot. The first
/// of several of one client counts.
pub fn screen(size: usize, updates: Vec<ClientUpdate>) -> (Vec<ClientUpdate>, Vec<Rejection>) {
    let (mut seen, mut accepted, mut rejected) = (BTreeSet::new(), Vec::with_capacity(updates.len()), Vec::new());
    for update in updates {
        let checked = match seen.insert(update.client) {
            true => Refusal::check(&update.change, size),
            false => Err(Refusal::Duplicate),
        };
        match checked {
            Ok(()) => accepted.push(update),
            Err(reason) => rejected.push(Rejection { client: update.client, reason }),
        }
    }
    (accepted, rejected)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn update(client: u32, change: &[f32]) -> ClientUpdate {
        ClientUpdate { client, made: 1, weight: 1.0, change: change.into(), variate: None, loss: 0.0, samples: 1 }
    }

    #[test]
    fn what_cannot_count_is_named_and_left_out() {
        let updates = vec![
            update(4, &[1.0, 2.0]),
            update(1, &[f32::NAN, 0.0]),
            update(2, &[0.0, f32::NEG_INFINITY]),
            update(3, &[1.0]),
            update(4, &[5.0, 5.0]),
            update(5, &[0.0, -2048.0]),
            update(6, &[0.0, 2047.9]),
            update(7, &[0.0; 3]),
            update(1, &[1.0, 1.0]),
        ];
        let (accepted, rejected) = screen(2, updates);
        assert_eq!(accepted.iter().map(|update| update.client).collect::<Vec<_>>(), [4, 6]);
        assert_eq!(accepted[0].change, [1.0, 2.0], "the first of two counts");
        use Refusal::{Duplicate, NotFinite, TooFar, WrongShape};
        let expected = [
            (1, NotFinite),
            (2, NotFinite),
            (3, WrongShape),
            (4, Duplicate),
            (5, TooFar),
            (7, WrongShape),
            (1, Duplicate),
        ];
        assert_eq!(rejected, expected.map(|(client, reason)| Rejection { client, reason }));
    }
}
