//! What ranks tell each other in a round: one sum of integers with the updates, their weights and what is known about them,
//! and where a rule, SCAFFOLD or a late client needs whole vectors, those.
//!
//! Every rank leaves with everything, in the order of the cohort, and goes on as a single process does. So nothing behind
//! this point knows of ranks, and the result is that of one process to the bit.

use super::gather::{Called, Roll, Trained};
use super::trainings::Trainings;
use super::update::{ClientUpdate, Refusal};
use super::{Federation, ServerState};
use imfl_ranks::{Ranks, balanced};
use std::time::Instant;

/// Values of each vector in one message, so that a message stays small however large the model is.
const SLICE: usize = 1 << 16;
/// Integers that tell about a client: verdict, bits of the loss, samples.
const WORDS: usize = 3;

/// Which rank trains whom: shares have about equally many samples.
pub(super) fn owners(ranks: &Ranks, called: &[Called]) -> Vec<usize> {
    let loads: Vec<u64> = called.iter().map(|called| called.participant.client.samples.len() as u64).collect();
    balanced(&loads, ranks.size())
}

/// Brings together what the ranks trained. `own` holds this rank's clients, in the order of the cohort.
pub(super) fn join(
    federation: &Federation,
    state: &ServerState,
    roll: &Roll,
    owners: &[usize],
    own: Trainings,
) -> Trainings {
    let ranks = &federation.compute.ranks;
    let trained_here = Instant::now();
    ranks.barrier();
    let waiting = trained_here.elapsed().as_secs_f64();
    let all_here = Instant::now();

    let Trainings { trained, mut mean, rows, plan, .. } = own;
    let mut numbers = vec![0; 1 + WORDS * owners.len()];
    numbers[0] = rows as i64;
    let mut here: Vec<Option<Trained>> = owners.iter().map(|_| None).collect();
    let own_places = (0..owners.len()).filter(|&place| owners[place] == ranks.rank());
    for (place, trained) in own_places.zip(trained) {
        let about = [verdict(trained.accepted), trained.update.loss.to_bits() as i64, trained.samples() as i64];
        numbers[1 + WORDS * place..][..WORDS].copy_from_slice(&about);
        here[place] = Some(trained);
    }
    mean.join(ranks, &mut numbers);

    let about = numbers[1..].as_chunks::<WORDS>().0;
    let made = state.round + 1;
    let whole = roll.called.iter().zip(here).zip(about).map(|((called, here), &[verdict, loss, samples])| {
        here.unwrap_or_else(|| Trained {
            accepted: accepted(verdict),
            update: ClientUpdate {
                client: called.participant.client.id,
                made,
                weight: called.participant.weight,
                change: Vec::new(),
                variate: None,
                loss: f64::from_bits(loss as u64),
                samples: samples as u64,
            },
            late: called.late,
        })
    });
    let mut trained: Vec<Trained> = whole.collect();
    let size = state.weights.values().len();
    let kept = |place: &usize| federation.keeps_updates() || roll.called[*place].late;
    let changes = gather_vectors(ranks, owners, size, (0..owners.len()).filter(kept).collect(), |place| {
        &trained[place].update.change
    });
    for (place, change) in changes {
        trained[place].update.change = change;
    }
    if federation.local.has_variates() {
        let variates = gather_vectors(ranks, owners, size, (0..owners.len()).collect(), |place| {
            trained[place].update.variate.as_deref().unwrap_or_default()
        });
        for (place, variate) in variates {
            trained[place].update.variate = Some(variate);
        }
    }
    let communication = all_here.elapsed().as_secs_f64();
    Trainings { trained, mean, rows: numbers[0] as u64, plan, waiting, communication }
}

/// The vectors of `size` values that other ranks hold for `places`, by place; `own` gives those that are here.
fn gather_vectors<'a>(
    ranks: &Ranks,
    owners: &[usize],
    size: usize,
    places: Vec<usize>,
    own: impl Fn(usize) -> &'a [f32],
) -> Vec<(usize, Vec<f32>)> {
    let (mine, others): (Vec<usize>, Vec<usize>) = places.iter().partition(|&&place| owners[place] == ranks.rank());
    let mut vectors: Vec<(usize, Vec<f32>)> =
        others.into_iter().map(|place| (place, Vec::with_capacity(size))).collect();
    if places.is_empty() {
        return vectors;
    }
    for start in (0..size).step_by(SLICE) {
        let slice = start..size.min(start + SLICE);
        let slices: Vec<&[f32]> = mine.iter().map(|&place| &own(place)[slice.clone()]).collect();
        let brought = ranks.gather_f32(&slices.concat());
        // Each rank brings its vectors in the order of places.
        let mut rest: Vec<&[f32]> = brought.iter().map(Vec::as_slice).collect();
        for (place, vector) in &mut vectors {
            let (now, later) = rest[owners[*place]].split_at(slice.len());
            vector.extend_from_slice(now);
            rest[owners[*place]] = later;
        }
    }
    vectors
}

const REFUSALS: [Refusal; 4] = [Refusal::NotFinite, Refusal::TooFar, Refusal::WrongShape, Refusal::Duplicate];

/// 0 for an update that counts, else one more than the place of its fault.
fn verdict(accepted: Result<(), Refusal>) -> i64 {
    match accepted {
        Ok(()) => 0,
        Err(reason) => 1 + REFUSALS.iter().position(|known| *known == reason).unwrap_or(0) as i64,
    }
}

fn accepted(verdict: i64) -> Result<(), Refusal> {
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
            assert_eq!(accepted(verdict(Err(reason))), Err(reason));
        }
        assert_eq!(accepted(verdict(Ok(()))), Ok(()));
    }

    #[test]
    fn vectors_of_several_messages_arrive_whole() {
        let size = 2 * SLICE + 3;
        let vector = |place: usize| (0..size).map(|i| (i * 7 + place) as f32).collect::<Vec<f32>>();
        let owners = [1, 0, 1, 2, 0];
        let all: Vec<Vec<f32>> = (0..owners.len()).map(vector).collect();
        imfl_ranks::together(3, |ranks| {
            let got = gather_vectors(&ranks, &owners, size, vec![0, 2, 3, 4], |place| {
                assert_eq!(owners[place], ranks.rank(), "only what is here is asked for");
                &all[place]
            });
            let expected: Vec<usize> =
                [0, 2, 3, 4].into_iter().filter(|&place| owners[place] != ranks.rank()).collect();
            assert_eq!(got.iter().map(|(place, _)| *place).collect::<Vec<_>>(), expected);
            assert!(got.iter().all(|(place, vector)| vector == &all[*place]));
        });
    }
}
