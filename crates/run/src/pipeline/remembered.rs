//! What a private run's products remember of images: the model of its clients', the generator of those that it learnt from.

use super::{Setup, Training};
use crate::allocation::Allocation;
use crate::privacy::Remembered;
use imfl_aigc::quality::Memorisation;

/// Generated images that are looked at, at most.
const LOOKED_AT: usize = 300;

/// Tries the simplest attack on the final model, and looks for copies among the images that were generated for clients.
pub fn of(setup: &Setup, allocation: &Allocation, training: &Training) -> Remembered {
    let modes = allocation.outcome.modes();
    let playing = training.on_clients.iter().zip(&modes).filter(|(_, mode)| mode.plays());
    let (correct, samples) = playing.fold((0, 0), |(correct, samples), (evaluation, _)| {
        (correct + evaluation.correct, samples + evaluation.samples)
    });
    let on_own = correct as f64 / samples.max(1) as f64;
    Remembered { membership: on_own - training.evaluation.accuracy(), generator: copies(setup, training) }
}

/// Nothing where nothing was generated, or the images that the generator learnt from are not at hand.
fn copies(setup: &Setup, training: &Training) -> Option<Memorisation> {
    let (generator, generated, held) =
        (setup.generator.as_deref()?, training.generated.as_deref()?, setup.held.as_deref()?);
    let learnt = held.select(&generator.provenance().fingerprints.shared_with(held));
    let count = generated.len().min(LOOKED_AT);
    let some: Vec<u32> = (0..count).map(|index| (index * generated.len() / count) as u32).collect();
    // Too few images of either kind say nothing.
    Memorisation::measure(&generated.select(&some), &learnt, &setup.test, setup.compute.workers).ok()
}
