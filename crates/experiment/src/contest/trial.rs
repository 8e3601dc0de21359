//! One trial: what every contestant's images score, and what federated training gains from them.

use super::contestants::Contestants;
use super::settings::Settings;
use crate::assess::Part;
use crate::reproduce::lab;
use imfl_aigc::Request;
use imfl_aigc::quality::{self, Classifier};
use imfl_engine::client::Client;
use imfl_engine::data::Dataset;
use imfl_engine::random::{Purpose, keyed};
use imfl_run::failure::Outcome;
use imfl_run::host::Host;
use imfl_run::pipeline::{self, Opened, Setup, Yardstick};
use rand::seq::SliceRandom;
use std::ops::ControlFlow;
use std::sync::Arc;

/// What one contestant scored.
#[derive(Clone, Copy, Debug)]
pub struct Score {
    /// Distance of gradients.
    pub theta: f64,
    /// Fall of the authentic loss by a step on generated samples, over that by one on authentic ones.
    pub pull: f64,
    /// Frechet distance of features.
    pub fid: f64,
    /// Accuracy of federated training with the missing classes filled.
    pub accuracy: f64,
}

/// One seed's clients, models and images.
pub struct Trial {
    /// The seed.
    pub seed: u64,
    /// Accuracy of federated training on authentic images alone.
    pub baseline: f64,
    /// What sampling noise alone makes of theta.
    pub theta_floor: f64,
    /// By contestant.
    pub scores: Vec<Score>,
}

impl Trial {
    /// Draws images, measures them, trains with and without them.
    pub fn run(settings: &Settings, contest: &Contestants, seed: u64, host: &Host) -> Outcome<Self> {
        let setup = setup(settings, contest, seed, host)?;
        let clients = clients(&setup, settings.client_samples)?;
        let classes = setup.train.classes();
        let (filled, asked) =
            pipeline::fill(&setup, clients.iter().map(|client| (client, true)), &vec![1.0 / classes as f64; classes])?;
        let yardstick = Yardstick::new(&setup)?;
        let measured = Request::of_counts(&yardstick.sizes(), 0);
        let (for_measures, for_clients) = draw(contest, &setup, &measured, &asked)?;

        let measured = yardstick.measure(&setup, &clients, &for_measures)?;
        let fids = fids(settings, &setup, &for_measures)?;
        let bar = host.progress.task("federated training", 1 + for_clients.len() as u64);
        let baseline = lab::by_samples(&setup, &clients, None)?.accuracy;
        let mut scores = Vec::new();
        for ((&(theta, pull), fid), images) in measured.iter().zip(fids).zip(for_clients) {
            bar.advance();
            scores.push(Score {
                theta: theta.theta,
                pull,
                fid,
                accuracy: lab::by_samples(&setup, &filled, Some(&images))?.accuracy,
            });
        }
        // The floor is the same for all: it comes from authentic images.
        Ok(Self { seed, baseline, theta_floor: measured.first().map_or(0.0, |(theta, _)| theta.theta_floor), scores })
    }
}

/// Images that no generator learnt from, and the settings of federated training.
fn setup(settings: &Settings, contest: &Contestants, seed: u64, host: &Host) -> Outcome<Setup> {
    let mut config = settings.assess.config(seed)?;
    config.partition.clients = settings.clients;
    config.partition.scheme = settings.partition;
    config.training.rounds = settings.rounds;
    config.check()?;
    let mut opened = Opened::new(config, host)?;
    opened.keep_from_clients(contest.generators.iter());
    if settings.assess.on == Part::Validation {
        opened.hold_out_validation()?;
    }
    Setup::for_generators(opened, &contest.generators)
}

/// Clients with so many of the samples that their shares hold.
fn clients(setup: &Setup, samples: usize) -> Outcome<Vec<Client>> {
    let mut clients = pipeline::partition(setup)?;
    for client in &mut clients {
        client.samples.shuffle(&mut keyed(setup.seed, Purpose::Partition, 2, u64::from(client.id), 0));
        client.samples.truncate(samples);
    }
    Ok(clients)
}

/// Images of a set of requests, by contestant.
type Drawn = Vec<Arc<Dataset>>;

/// Every contestant's images for the measures and for the clients.
fn draw(contest: &Contestants, setup: &Setup, measured: &[Request], asked: &[Request]) -> Outcome<(Drawn, Drawn)> {
    let (mut clean, mut for_measures, mut for_clients) = (Vec::new(), Vec::new(), Vec::new());
    let all = [measured, asked].concat();
    let bar = setup.progress.task("drawing images", (contest.generators.len() * all.len()) as u64);
    for (index, generator) in contest.generators.iter().enumerate() {
        clean.push(generator.draw(&all, setup.seed, &setup.compute, &mut |done, _| {
            bar.set((index * all.len() + done) as u64);
            ControlFlow::Continue(())
        })?);
    }
    let parts = [0..measured.len() as u32, measured.len() as u32..all.len() as u32].map(Vec::from_iter);
    for contestant in &contest.all {
        let images = &clean[contestant.generator];
        let [first, second] = [0, 1].map(|part| {
            let part = images.select(&parts[part]);
            Arc::new(
                contestant.corruption.map_or_else(|| part.clone(), |corruption| corruption.apply(&part, setup.seed)),
            )
        });
        for_measures.push(first);
        for_clients.push(second);
    }
    Ok((for_measures, for_clients))
}

/// FID of every set, seen by one classifier of authentic images, on equally many generated and authentic ones.
fn fids(settings: &Settings, setup: &Setup, sets: &[Arc<Dataset>]) -> Outcome<Vec<f64>> {
    let real = settings.assess.classifier("on authentic images", &setup.train, setup)?;
    let equal = setup.test.len().min(sets.iter().map(|set| set.len()).min().unwrap_or(0));
    let features = |classifier: &Classifier, images: &Arc<Dataset>| {
        let places: Vec<u32> = (0..equal).map(|index| (index * images.len() / equal) as u32).collect();
        classifier.features(&Arc::new(images.select(&places)), &setup.compute)
    };
    let reference = features(&real, &setup.test);
    let fid = |set| Ok(quality::frechet_distance(&features(&real, set), &reference)?);
    sets.iter().map(fid).collect()
}
