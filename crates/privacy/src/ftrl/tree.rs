//! Tree aggregation: every block of 2^l rounds has a node, and a prefix is the sum of few nodes.

use super::Participation;
use crate::account::{Event, MOST_ROUNDS};
use crate::{Error, Result};

/// A binary tree over the rounds of a training.
///
/// Every node has noise of its own, drawn once; the noise of a round's prefix is the sum over [`Tree::prefix`].
///
/// ```
/// use imfl_privacy::ftrl::{Participation, Tree};
///
/// # fn main() -> imfl_privacy::Result<()> {
/// let tree = Tree::new(1000)?;
/// let event = tree.event(5.0, Participation { separation: 100, most: 10 })?;
/// assert!(event.noise() < 5.0);
/// // Round 11 = 8 + 2 + 1.
/// assert_eq!(tree.prefix(11).map(|node| 1 << node.level).collect::<Vec<u64>>(), [8, 2, 1]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tree {
    rounds: u64,
}

/// The rounds `index * 2^level + 1 ..= (index + 1) * 2^level`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Node {
    /// Its height; 0 for one round.
    pub level: u32,
    /// Which of its level.
    pub index: u64,
}

impl Tree {
    /// A tree over so many rounds.
    ///
    /// # Errors
    /// No rounds, or more than [`MOST_ROUNDS`].
    pub fn new(rounds: u64) -> Result<Self> {
        if (1..=MOST_ROUNDS).contains(&rounds) {
            Ok(Self { rounds })
        } else {
            Err(Error::parameter("rounds", rounds, "from 1 to 1000000000"))
        }
    }

    /// The nodes whose sum is the first `round` rounds, largest first: one for each 1 in the number's binary digits.
    pub fn prefix(&self, round: u64) -> impl Iterator<Item = Node> {
        let levels = (0..u64::BITS).rev().filter(move |level| round >> level & 1 == 1);
        levels.map(move |level| Node { level, index: (round >> level) - 1 })
    }

    /// The length of what one client adds to all nodes, at most, if he adds at most 1 to a round.
    ///
    /// A node holds at most `c = ceil(2^l / separation)` of his rounds and a level at most all of them: squares add
    /// up to the most where nodes are full. Exact for one participation, and where separations are powers of two.
    ///
    /// # Errors
    /// A separation or a number of participations of 0.
    pub fn sensitivity(&self, participation: Participation) -> Result<f64> {
        let times = participation.times(self.rounds)?;
        let squares = (0..=self.rounds.ilog2()).map(|level| {
            let held = times.min((1u64 << level).div_ceil(participation.separation));
            let (full, rest) = (times / held, times % held);
            // Only whole blocks have a node.
            let full = full.min(self.rounds >> level);
            let rest = if full < self.rounds >> level { rest } else { 0 };
            full as f64 * (held as f64).powi(2) + (rest as f64).powi(2)
        });
        Ok(squares.sum::<f64>().sqrt())
    }

    /// What the whole training releases, if every node has noise of `noise` times the length of one contribution.
    ///
    /// # Errors
    /// As [`Self::sensitivity`]; a noise out of range.
    pub fn event(&self, noise: f64, participation: Participation) -> Result<Event> {
        Event::gaussian(noise / self.sensitivity(participation)?)
    }
}

#[cfg(test)]
mod tests {
    use super::super::squared_by_trial;
    use super::*;

    fn columns(rounds: u64) -> Vec<Vec<f64>> {
        let nodes =
            || (0..=rounds.ilog2()).flat_map(|level| (0..rounds >> level).map(move |index| Node { level, index }));
        (0..rounds)
            .map(|round| nodes().map(|node| f64::from(u8::from(round >> node.level == node.index))).collect())
            .collect()
    }

    #[test]
    fn prefixes_are_whole() {
        let tree = Tree::new(100).unwrap();
        for round in 0..=100 {
            let mut rounds: Vec<u64> = tree
                .prefix(round)
                .flat_map(|node| (node.index << node.level)..(node.index + 1) << node.level)
                .collect();
            rounds.sort();
            assert_eq!(rounds, (0..round).collect::<Vec<_>>());
        }
    }

    #[test]
    fn sensitivity_is_never_below_the_true_one() {
        for rounds in 1..=13 {
            for separation in 1..=5 {
                for most in 1..=4 {
                    let participation = Participation { separation, most };
                    let found = Tree::new(rounds).unwrap().sensitivity(participation).unwrap().powi(2);
                    let exact = squared_by_trial(&columns(rounds), participation);
                    assert!(found > exact - 1e-9, "{rounds} {participation:?}: {found} {exact}");
                    if most == 1 {
                        assert!((found - exact).abs() < 1e-9);
                    }
                }
            }
        }
        let participation = Participation { separation: 4, most: 4 };
        let found = Tree::new(16).unwrap().sensitivity(participation).unwrap().powi(2);
        assert!((found - squared_by_trial(&columns(16), participation)).abs() < 1e-9);
    }

    #[test]
    fn one_participation_is_the_height() {
        // dp_accounting's SingleEpochTreeAggregationDpEvent: ceil(log2(rounds + 1)) releases.
        for (rounds, height) in [(1, 1.0), (2, 2.0), (3, 2.0), (4, 3.0), (1000, 10.0), (1024, 11.0)] {
            let event = Tree::new(rounds).unwrap().event(7.0, Participation::ONCE).unwrap();
            assert!((event.noise() - 7.0 / f64::sqrt(height)).abs() < 1e-12);
        }
        assert!(
            Tree::new(0).is_err()
                && Tree::new(5).unwrap().sensitivity(Participation { separation: 0, most: 1 }).is_err()
        );
    }
}
