//! What ranks tell each other in a round: one sum of integers with the updates, their weights and what is known about them,
//! and where a rule, SCAFFOLD or a late client needs whole vectors, those.
//!
//! Every rank leaves with everything and goes on as a single process does. So nothing behind this point knows of ranks, and
//! the result is that of one process to the bit.

use crate::update::Refusal;
use imfl_ranks::Ranks;
use std::collections::BTreeMap;

/// Values of each vector in one message, so that a message stays small however large the model is.
const SLICE: usize = 1 << 16;

/// Ranks that share a cohort.
pub struct Exchange<'a> {
    /// This one among the others.
    pub ranks: &'a Ranks,
    /// Everybody who trains, in the order of the cohort.
    pub senders: Vec<Sender>,
    /// Values of each vector.
    pub size: usize,
}

/// A client that trains on one of the ranks.
#[derive(Clone, Copy, Debug)]
pub struct Sender {
    /// Its id.
    pub client: u32,
    /// The rank that trains it.
    pub owner: usize,
    /// Whether its update arrives in the next round.
    pub late: bool,
}

impl Exchange<'_> {
    /// Adds the vectors that other ranks hold of the `wanted` clients to those that are here, by client.
    pub fn complete(&self, vectors: &mut BTreeMap<u32, Vec<f32>>, wanted: impl Fn(&Sender) -> bool) {
        let senders: Vec<&Sender> = self.senders.iter().filter(|sender| wanted(sender)).collect();
        let (mine, others): (Vec<&Sender>, Vec<&Sender>) =
            senders.iter().partition(|sender| sender.owner == self.ranks.rank());
        let mut whole: Vec<Vec<f32>> = others.iter().map(|_| Vec::with_capacity(self.size)).collect();
        let slices = if senders.is_empty() { 0 } else { self.size.div_ceil(SLICE) };
        for start in (0..slices).map(|slice| slice * SLICE) {
            let slice = start..self.size.min(start + SLICE);
            let own: Vec<&[f32]> = mine.iter().map(|sender| &vectors[&sender.client][slice.clone()]).collect();
            let brought = self.ranks.gather_f32(&own.concat());
            // Each rank brings its vectors in the order of the cohort.
            let mut rest: Vec<&[f32]> = brought.iter().map(Vec::as_slice).collect();
            for (sender, vector) in others.iter().zip(&mut whole) {
                let (now, later) = rest[sender.owner].split_at(slice.len());
                vector.extend_from_slice(now);
                rest[sender.owner] = later;
            }
        }
        vectors.extend(others.iter().map(|sender| sender.client).zip(whole));
    }
}

const REFUSALS: [Refusal; 4] = [Refusal::NotFinite, Refusal::TooFar, Refusal::WrongShape, Refusal::Duplicate];

/// 0 for an update that was taken in, else one more than the place of its fault.
pub fn verdict(taken: Result<(), Refusal>) -> i64 {
    match taken {
        Ok(()) => 0,
        Err(reason) => 1 + REFUSALS.iter().position(|known| *known == reason).unwrap_or(0) as i64,
    }
}

/// The inverse of [`verdict`].
pub fn taken(verdict: i64) -> Result<(), Refusal> {
    match usize::try_from(verdict - 1).ok().and_then(|place| REFUSALS.get(place)) {
        Some(reason) => Err(*reason),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_travel_as_integers() {
        for reason in REFUSALS {
            assert_eq!(taken(verdict(Err(reason))), Err(reason));
        }
        assert_eq!(taken(verdict(Ok(()))), Ok(()));
    }

    #[test]
    fn vectors_of_several_messages_arrive_whole() {
        let size = 2 * SLICE + 3;
        let vector = |client: u32| (0..size).map(|i| (i * 7 + client as usize) as f32).collect::<Vec<f32>>();
        let owners = [1, 0, 1, 2, 0];
        imfl_ranks::together(3, |ranks| {
            let senders =
                (0..).zip(owners).map(|(client, owner)| Sender { client, owner, late: client == 1 }).collect();
            let exchange = Exchange { ranks: &ranks, senders, size };
            // Only what is here is there to begin with.
            let own = (0..).zip(owners).filter(|(client, owner)| *owner == ranks.rank() && *client != 1);
            let mut vectors: BTreeMap<u32, Vec<f32>> = own.map(|(client, _)| (client, vector(client))).collect();
            exchange.complete(&mut vectors, |sender| !sender.late);
            assert_eq!(vectors.keys().copied().collect::<Vec<_>>(), [0, 2, 3, 4]);
            assert!(vectors.iter().all(|(client, whole)| whole == &vector(*client)));
        });
    }
}
