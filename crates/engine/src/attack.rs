//! Clients that lie, for finding out what a run stands.

use crate::federated::ClientUpdate;
use crate::random::{Purpose, keyed};
use rand::RngExt;
use rand::seq::index;
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// What hostile clients send in the place of their updates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Attack {
    /// Their own update times `-scale`.
    SignFlip {
        /// How many times longer.
        scale: f64,
    },
    /// Noise without any update in it.
    Gaussian {
        /// Its standard deviation.
        deviation: f64,
    },
    /// The mean of the honest updates minus `z` of their standard deviations, value by value: near enough to pass for one of
    /// them (Baruch et al. 2019, "A Little Is Enough", arXiv 1902.06156, algorithm 3, with all honest updates known).
    LittleIsEnough {
        /// Standard deviations.
        z: f64,
    },
    /// NaN.
    NotANumber,
}

/// Hostile clients of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Hostility {
    /// What they do.
    pub attack: Attack,
    /// Who they are, by client id.
    pub clients: BTreeSet<u32>,
}

impl Hostility {
    /// Draws `hostile` clients out of `population`; all of them if there are no more.
    pub fn draw(attack: Attack, hostile: usize, population: usize, seed: u64) -> Self {
        let mut random = keyed(seed, Purpose::Attack, 0, 0, 0);
        let drawn = index::sample(&mut random, population, hostile.min(population));
        Self { attack, clients: drawn.into_iter().map(|client| client as u32).collect() }
    }

    /// Puts lies into the place of the hostile clients' updates.
    pub fn strike(&self, updates: &mut [ClientUpdate], seed: u64, round: u64) {
        let lie = match self.attack {
            Attack::LittleIsEnough { z } => {
                let honest: Vec<&[f32]> = updates
                    .iter()
                    .filter(|update| !self.clients.contains(&update.client))
                    .map(|update| update.change.as_slice())
                    .collect();
                a_little_off(&honest, z)
            }
            _ => Vec::new(),
        };
        for update in updates.iter_mut().filter(|update| self.clients.contains(&update.client)) {
            let change = &mut update.change;
            match self.attack {
                Attack::SignFlip { scale } => change.iter_mut().for_each(|value| *value *= -scale as f32),
                Attack::Gaussian { deviation } => {
                    let mut random = keyed(seed, Purpose::Attack, round, u64::from(update.client), 1);
                    let mut draw = || random.sample::<f64, _>(rand_distr::StandardNormal);
                    change.iter_mut().for_each(|value| *value = (deviation * draw()) as f32);
                }
                // Where everybody is hostile there is nobody to imitate.
                Attack::LittleIsEnough { .. } if lie.is_empty() => {}
                Attack::LittleIsEnough { .. } => change.clone_from(&lie),
                Attack::NotANumber => change.fill(f32::NAN),
            }
        }
    }
}

/// The mean of the updates minus `z` of their standard deviations, value by value; empty if there is none.
fn a_little_off(honest: &[&[f32]], z: f64) -> Vec<f32> {
    let count = honest.len() as f64;
    let size = honest.first().map_or(0, |change| change.len());
    let value = |place: usize| {
        let values = honest.iter().map(|change| f64::from(change[place]));
        let mean = values.clone().sum::<f64>() / count;
        let variance = values.map(|value| (value - mean).powi(2)).sum::<f64>() / count;
        (mean - z * variance.sqrt()) as f32
    };
    (0..size).map(value).collect()
}

/// Text that names no attack.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no attack; expected sign-flip[:SCALE], gaussian[:DEVIATION], little-is-enough[:DEVIATIONS] or nan, with \
     numbers above 0"
)]
pub struct AttackError(String);

impl FromStr for Attack {
    type Err = AttackError;

    fn from_str(text: &str) -> Result<Self, AttackError> {
        let (name, number) = text.split_once(':').map_or((text, None), |(name, number)| (name, Some(number)));
        let number = |otherwise: f64| match number {
            None => Ok(otherwise),
            Some(given) => {
                let given = given.parse().ok().filter(|given: &f64| *given > 0.0 && given.is_finite());
                given.ok_or_else(|| AttackError(text.into()))
            }
        };
        match name {
            "sign-flip" => Ok(Self::SignFlip { scale: number(10.0)? }),
            "gaussian" => Ok(Self::Gaussian { deviation: number(1.0)? }),
            "little-is-enough" => Ok(Self::LittleIsEnough { z: number(1.5)? }),
            "nan" if text == "nan" => Ok(Self::NotANumber),
            _ => Err(AttackError(text.into())),
        }
    }
}

impl fmt::Display for Attack {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::SignFlip { scale } => write!(f, "sign-flip:{scale}"),
            Self::Gaussian { deviation } => write!(f, "gaussian:{deviation}"),
            Self::LittleIsEnough { z } => write!(f, "little-is-enough:{z}"),
            Self::NotANumber => write!(f, "nan"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn updates() -> Vec<ClientUpdate> {
        let update = |client: u32, value: f32| ClientUpdate {
            client,
            made: 1,
            weight: 1.0,
            change: vec![value; 1000],
            variate: None,
            loss: 0.0,
            samples: 1,
        };
        vec![update(0, 1.0), update(1, 3.0), update(2, 7.0)]
    }

    fn after(attack: &str) -> Vec<Vec<f32>> {
        let mut updates = updates();
        let hostility = Hostility { attack: attack.parse().unwrap(), clients: [2].into() };
        hostility.strike(&mut updates, 1, 1);
        assert_eq!(updates[..2], self::updates()[..2], "honest updates stay as they were");
        updates.into_iter().map(|update| update.change).collect()
    }

    #[test]
    fn each_attack_is_what_it_says() {
        assert!(after("sign-flip:10")[2].iter().all(|value| *value == -70.0));
        assert!(after("nan")[2].iter().all(|value| value.is_nan()));
        // Mean 2 and deviation 1 of 1 and 3.
        assert!(after("little-is-enough:1.5")[2].iter().all(|value| *value == 0.5));
        let noise = &after("gaussian:2")[2];
        let mean = noise.iter().map(|value| f64::from(*value)).sum::<f64>() / 1000.0;
        let variance = noise.iter().map(|value| (f64::from(*value) - mean).powi(2)).sum::<f64>() / 1000.0;
        // Four deviations of each estimate.
        assert!(
            mean.abs() < 4.0 * 2.0 / 1000f64.sqrt() && (variance - 4.0).abs() < 4.0 * 4.0 * (2.0f64 / 1000.0).sqrt()
        );
    }

    #[test]
    fn names_are_read_and_written_and_hostile_clients_are_drawn() {
        for name in ["sign-flip:10", "gaussian:1", "little-is-enough:1.5", "nan"] {
            assert_eq!(name.parse::<Attack>().unwrap().to_string(), name);
        }
        for wrong in ["sign", "sign-flip:0", "gaussian:nan", "nan:1", "little-is-enough:", ""] {
            assert!(wrong.parse::<Attack>().unwrap_err().to_string().contains(&format!("`{wrong}`")));
        }
        let draw = |seed| Hostility::draw(Attack::NotANumber, 3, 10, seed).clients;
        assert_eq!(draw(1).len(), 3);
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        assert_eq!(Hostility::draw(Attack::NotANumber, 9, 4, 1).clients.len(), 4);
    }
}
