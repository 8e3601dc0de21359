//! Clients that lie, for finding out what a run stands.

mod adversary;
mod gaussian;
mod little_is_enough;
mod nan;
mod sign_flip;

pub use adversary::Adversary;

use crate::choice::{Entry, Named, Registered, optional, positive, registry};
use crate::random::{Purpose, keyed};
use crate::update::ClientUpdate;
use rand::seq::index;
use std::collections::BTreeSet;

/// What hostile clients send in the place of their updates.
pub type Attack = Named<dyn Adversary>;

impl Registered for dyn Adversary {
    const THING: &'static str = "attack";
    const LIMITS: &'static str = ", with numbers above 0";
    const ENTRIES: &'static [Entry<Self>] = registry![
        "sign-flip[:SCALE]": scale @ ([] | [_]) =>
            sign_flip::SignFlip { scale: optional(scale, positive)?.unwrap_or(10.0) },
        "gaussian[:DEVIATION]": deviation @ ([] | [_]) =>
            gaussian::Gaussian { deviation: optional(deviation, positive)?.unwrap_or(1.0) },
        "little-is-enough[:DEVIATIONS]": z @ ([] | [_]) =>
            little_is_enough::LittleIsEnough { z: optional(z, positive)?.unwrap_or(1.5) },
        "nan": [] => nan::NotANumber,
    ];
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
        let (mut hostile, honest): (Vec<&mut ClientUpdate>, Vec<&mut ClientUpdate>) =
            updates.iter_mut().partition(|update| self.clients.contains(&update.client));
        let honest: Vec<&[f32]> = honest.iter().map(|update| update.change.as_slice()).collect();
        let random = |client| keyed(seed, Purpose::Attack, round, u64::from(client), 1);
        self.attack.strike(&mut hostile, &honest, &random);
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
        let draw = |seed| Hostility::draw("nan".parse().unwrap(), 3, 10, seed).clients;
        assert_eq!(draw(1).len(), 3);
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        assert_eq!(Hostility::draw("nan".parse().unwrap(), 9, 4, 1).clients.len(), 4);
    }
}
