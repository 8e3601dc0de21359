//! What clients say that they hold: the truth, but for those that are set to lie.

use super::Profile;
use super::setup::Setup;
use crate::config::Lie;
use imfl_engine::random::{Purpose, keyed};
use rand::seq::SliceRandom;

/// What the server is told.
#[derive(Clone, Debug)]
pub struct Claims {
    /// Claimed label counts, device speeds and costs.
    pub profile: Profile,
    /// Clients that lie, in increasing order, and how. The server does not know.
    pub liars: Vec<u32>,
}

/// Draws who lies, and what is claimed.
pub fn run(setup: &Setup, truth: &Profile) -> Claims {
    let config = &setup.config.claims;
    let Some(lie) = config.lie else { return Claims { profile: truth.clone(), liars: Vec::new() } };
    let mut order: Vec<u32> = (0..truth.clients.len() as u32).collect();
    order.shuffle(&mut keyed(setup.seed, Purpose::Attack, 0, 1, 0));
    order.truncate(config.liars);
    order.sort_unstable();
    let mut profile = truth.clone();
    for &liar in &order {
        let client = &mut profile.clients[liar as usize];
        client.histogram = claim(lie, &client.histogram);
    }
    Claims { profile, liars: order }
}

/// What is claimed in the place of these label counts.
fn claim(lie: Lie, held: &[usize]) -> Vec<usize> {
    match lie {
        Lie::Maximal | Lie::Forged => towards_even(held, 1.0),
        Lie::Half => towards_even(held, 0.5),
        Lie::Quarter => towards_even(held, 0.25),
        Lie::Swapped => held.iter().rev().copied().collect(),
        Lie::Duplicated => held.iter().map(|count| 2 * count).collect(),
    }
}

/// Counts on the way to equal ones, with the same sum.
fn towards_even(held: &[usize], share: f64) -> Vec<usize> {
    let total: usize = held.iter().sum();
    let even = total as f64 / held.len().max(1) as f64;
    let mut claimed: Vec<usize> =
        held.iter().map(|count| ((1.0 - share) * *count as f64 + share * even).floor() as usize).collect();
    // what rounding down has left over, one each from the first class on
    let left = total - claimed.iter().sum::<usize>();
    claimed.iter_mut().take(left).for_each(|count| *count += 1);
    claimed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lies_by_hand() {
        let held = [7, 0, 1];
        assert_eq!(claim(Lie::Maximal, &held), [3, 3, 2]);
        assert_eq!(claim(Lie::Half, &held), [5, 2, 1]);
        assert_eq!(claim(Lie::Swapped, &held), [1, 0, 7]);
        assert_eq!(claim(Lie::Duplicated, &held), [14, 0, 2]);
        assert_eq!(claim(Lie::Quarter, &[8, 0]), [7, 1]);
    }
}
