//! Part of stage 3: before clients pay for generated images, the same short training with and without them, scored on
//! authentic images that nobody in it holds.
//!
//! The images come out of the training part, never out of the test, and those that were generated for the probe of gradients serve
//! again: the check draws none. It trains on at most [`TRIALS`] x 2 x [`ROUNDS`] x [`CLIENTS`] x [`SAMPLES`] samples.

use super::augment::{fill, from_stock};
use super::setup::{Setup, fit_batch};
use crate::agreement;
use crate::config::{GeneratorSource, RunConfig};
use crate::failure::Outcome;
use crate::filling::Filling;
use imfl_engine::client::{Client, Sample};
use imfl_engine::data::Dataset;
use imfl_engine::federated::{self, Participant};
use imfl_engine::random::{Purpose, keyed};
use rand::Rng;
use rand::seq::SliceRandom;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Pairs of trainings; each draws clients, their samples, held-out images and initial weights of its own.
const TRIALS: u64 = 4;
/// Rounds of a training.
const ROUNDS: u64 = 5;
/// The most clients of a training.
const CLIENTS: usize = 10;
/// The most samples that a client of it holds.
const SAMPLES: usize = 200;
/// The most held-out images, and the share of the training images that they may be: one in so many.
const HELD_OUT: usize = 500;
const HELD_OUT_SHARE: usize = 5;

/// Compares, unless there is no generator or its user named it, and so insists on it.
pub fn run(setup: &Setup, clients: &[Client], samples: Option<&Arc<Dataset>>) -> Outcome<Option<Filling>> {
    let Some(samples) = samples.filter(|_| !insists(&setup.config)) else { return Ok(None) };
    let bar = setup.progress.task("does filling in help?", TRIALS * 2);
    let mut trials = Vec::new();
    for trial in 0..TRIALS {
        let trial = Trial::draw(setup, clients, trial);
        let without = trial.accuracy(setup, samples, &trial.clients)?;
        bar.advance();
        let with = trial.accuracy(setup, samples, &trial.filled(setup, samples)?)?;
        bar.advance();
        trials.push((without, with));
    }
    drop(bar);
    // As with gradients: the last bits may differ from machine to machine, and rank 0 has the word.
    let found = agreement::from_first(&setup.compute.ranks, || Ok(Filling::of(&trials)))?;
    let Filling { without, with, error } = found;
    let compared =
        format!("accuracy {without:.3} without and {with:.3} with generated images (+- {error:.3}) on held-out ones");
    match found.helps() {
        true => setup.progress.note(format!("filling in helps: {compared}")),
        false => setup.progress.warn(format!(
            "filling in does not help here ({compared}), so nobody is offered it; `--generator FILE` with a better one, or with this \
             kind of one, insists"
        )),
    }
    Ok(Some(found))
}

/// Whether the generator was named.
fn insists(config: &RunConfig) -> bool {
    !matches!(config.generator.source, GeneratorSource::Auto | GeneratorSource::Train)
}

/// One pair of trainings.
struct Trial {
    seed: u64,
    clients: Vec<Client>,
    held_out: Client,
}

impl Trial {
    /// Draws who takes part, what each holds, and what nobody does.
    fn draw(setup: &Setup, clients: &[Client], trial: u64) -> Self {
        let random = |of: u64, whose: u64| keyed(setup.seed, Purpose::Probe, trial, 2 + of, whose);
        let mut all: Vec<u32> = (0..setup.train.len() as u32).collect();
        all.shuffle(&mut random(0, 0));
        all.truncate(HELD_OUT.min(all.len() / HELD_OUT_SHARE).max(1));
        let held_out: BTreeSet<u32> = all.iter().copied().collect();
        let is_free = |sample: &Sample| !matches!(sample, Sample::Authentic(index) if held_out.contains(index));
        let mut order: Vec<&Client> = clients.iter().collect();
        order.shuffle(&mut random(1, 0));
        let mut chosen = Vec::new();
        for client in order {
            let mut samples: Vec<Sample> = client.samples.iter().copied().filter(is_free).collect();
            samples.shuffle(&mut random(2, u64::from(client.id)));
            samples.truncate(SAMPLES);
            if !samples.is_empty() && chosen.len() < CLIENTS {
                chosen.push(Client { id: client.id, samples });
            }
        }
        Self { seed: random(3, 0).next_u64(), clients: chosen, held_out: Client::authentic(0, &all) }
    }

    /// The clients with generated images in the place of surplus ones, up to equal shares of all classes.
    fn filled(&self, setup: &Setup, generated: &Dataset) -> Outcome<Vec<Client>> {
        let classes = setup.train.classes();
        let target = vec![1.0 / classes as f64; classes];
        let (clients, requests) = fill(setup, self.clients.iter().map(|client| (client, true)), &target)?;
        Ok(from_stock(clients, &requests, generated))
    }

    /// Accuracy on the held-out images after training with these clients.
    fn accuracy(&self, setup: &Setup, generated: &Arc<Dataset>, clients: &[Client]) -> Outcome<f64> {
        let mut federation = setup.undisturbed(Some(generated))?;
        fit_batch(&mut federation, clients);
        federation.seed = self.seed;
        let cohort: Vec<Participant> = clients.iter().cloned().map(Participant::by_samples).collect();
        let everybody = |_| Outcome::Ok(cohort.clone());
        let state = federation.train_with(federation.start(), ROUNDS, everybody, |_, _| Ok(()))?;
        let (model, images, compute) = (federation.model.as_ref(), &federation.images, &federation.compute);
        let scored = federated::evaluate_clients(model, &state.weights, images, &[&self.held_out], compute);
        Ok(scored.first().map_or(0.0, |scored| scored.accuracy()))
    }
}
