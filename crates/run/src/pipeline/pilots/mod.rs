//! Pilots: trainings on images that the server holds, from which it learns before any bid what to expect of clients.
//!
//! The held images are cut into a pool, which is shared out over made-up clients, and a validation part, which scores; test images are never
//! among them. Every pilot trains at the run's model, rate and rounds. A ladder of sizes covers few and many samples of few and many clients,
//! of even and skewed labels, with and without generated images.

mod ladder;
mod plan;

pub use plan::{Plan, Trial};

use super::augment::{fill, from_stock};
use super::setup::{Setup, fit_batch};
use super::source::HELD_PER_CLASS;
use crate::agreement;
use crate::failure::{Failure, Outcome};
use crate::privacy::Rehearsal;
use imfl_aigc::Request;
use imfl_engine::client::{Client, Sample};
use imfl_engine::data::Dataset;
use imfl_engine::device::Compute;
use imfl_engine::federated::Participant;
use imfl_engine::partition::{LabelSkew, Scheme};
use imfl_engine::worker;
use imfl_mechanism::objective::{Pilot, Prediction, Update};
use plan::Market;
use std::ops::ControlFlow;
use std::sync::Arc;

/// Keys all that is random about pilots, so that they come out alike in every run of the same settings.
pub const SEED: u64 = 0;
/// The validation part of the held images: one in so many.
const VALIDATION_SHARE: usize = 4;
/// The most validation images.
const VALIDATION: usize = 2000;
/// Samples of a class that a share has on average where labels are looked at.
const FAIR: usize = 8;
/// Seconds of one core that pilots may take even where the run's training takes less.
const LEAST_SECONDS: f64 = 60.0;
/// What a core of a usual machine takes for a sample of the smallest model, to bring one parameter through a step, and for one floating-point
/// operation. They are constants, so that pilots are the same on every machine.
const SECONDS_PER_SAMPLE: f64 = 2e-5;
const SECONDS_PER_PARAMETER: f64 = 1e-8;
const SECONDS_PER_OPERATION: f64 = 1e-11;
/// The images that pilots train on, those that score them, and settings of the run; nothing of its clients.
pub struct Ground {
    setup: Setup,
    market: Market,
    private: Option<Rehearsal>,
}

impl Ground {
    /// Cuts the held images in two.
    ///
    /// # Errors
    /// A failure of kind [`crate::Kind::Data`] if the server holds too few images.
    pub fn new(setup: &Setup) -> Outcome<Self> {
        let few = || {
            Failure::new(
                crate::failure::Kind::Data,
                format!(
                    "{} is too small for pilots: the server needs {HELD_PER_CLASS} images of each class that are no client's; bring more, \
                     or give a forecast by `--forecast FILE`",
                    setup.train.name
                ),
            )
        };
        // What is not there for others to learn: words that only these texts brought into the vocabulary.
        let held = Dataset::uncounted(setup.held.as_ref().ok_or_else(few)?);
        if held.histogram().iter().any(|count| *count < HELD_PER_CLASS) {
            return Err(few());
        }
        let validation = (held.len() / VALIDATION_SHARE).clamp(held.classes(), VALIDATION.max(held.classes()));
        let mut parts = held.split_balanced(&[validation], SEED).into_iter();
        let (Some(validation), Some(pool)) = (parts.next(), parts.next()) else { return Err(few()) };
        let private = Rehearsal::of(&setup.config);
        let (training, clients) = (&setup.config.training, setup.config.partition.clients);
        let market = Market {
            pool: pool.len(),
            classes: pool.classes(),
            clients,
            cohort: training.cohort.unwrap_or(clients).min(clients),
            per_client: setup.train.len() as f64 / clients.max(1) as f64,
            scheme: setup.config.partition.scheme,
            rounds: training.rounds as usize,
            local_epochs: training.local_epochs(),
            generates: setup.generator.is_some(),
            private: private.is_some(),
        };
        Ok(Self { setup: setup.on(Arc::new(pool), Arc::new(validation), SEED), market, private })
    }

    /// The images that score pilots, and those that they train on.
    pub fn parts(&self) -> [&Dataset; 2] {
        [&self.setup.test, &self.setup.train]
    }

    /// Samples of a client of the run, on average.
    pub fn per_client(&self) -> f64 {
        self.market.per_client
    }

    /// How far the labels of a client are from even ones in the most skewed pilots, on average over clients: 0 to 2. Of the run's scheme and of the
    /// one that pilots always have the one that tells more, dealt out of the pool.
    pub fn skew(&self) -> f64 {
        let pool = &self.setup.train;
        // Shares so large that it is not their size that makes them uneven.
        let clients = self.market.clients.min(pool.len() / (FAIR * pool.classes())).max(2);
        let even = 1.0 / pool.classes() as f64;
        let of = |scheme: &Scheme| {
            let shares = deal(pool, scheme, clients, self.setup.seed);
            let off = |share: &Vec<u32>| -> f64 {
                let mut counts = vec![0usize; pool.classes()];
                share.iter().for_each(|&sample| counts[pool.label(sample as usize)] += 1);
                let size = share.len().max(1) as f64;
                counts.iter().map(|count| (*count as f64 / size - even).abs()).sum()
            };
            shares.iter().map(off).sum::<f64>() / shares.len().max(1) as f64
        };
        self.market.schemes().iter().map(of).fold(0.0, f64::max)
    }

    /// What makes the run private, in words.
    pub fn private(&self) -> Option<String> {
        self.private.as_ref().map(Rehearsal::words)
    }

    /// Samples that the run's training passes over, if everybody whom a round asks takes part.
    pub fn training(&self) -> f64 {
        self.market.training()
    }

    /// Pilots that pass over so many samples in all.
    pub fn plan(&self, passes: f64) -> Plan {
        self.market.plan(passes)
    }

    /// Samples that pilots pass over unless settings say otherwise: as many as the training does, or, of a small model and few samples, what takes
    /// about a minute of one core.
    ///
    /// # Errors
    /// A failure that names a wrong setting.
    pub fn passes(&self) -> Outcome<f64> {
        let federation = self.setup.undisturbed(None)?;
        let batch = federation.local.batch.max(1) as f64;
        let (layout, trace) = (federation.model.layout(), federation.trace());
        // Of a table a step moves the rows of its words alone.
        let tables: usize = trace.lookups().map(|place| layout.parameters()[place].size()).sum();
        let sample = SECONDS_PER_SAMPLE
            + (layout.size() - tables) as f64 / batch * SECONDS_PER_PARAMETER
            + trace.training_flops() as f64 * SECONDS_PER_OPERATION;
        Ok(self.training().max(LEAST_SECONDS / sample))
    }

    /// Loss and error before anybody has trained.
    ///
    /// # Errors
    /// A failure that names a wrong setting.
    pub fn nobody(&self) -> Outcome<Prediction> {
        let federation = self.setup.undisturbed(None)?;
        let found = federation.evaluate(&federation.start(), &self.setup.test_images());
        Ok(Prediction { loss: found.loss, error: 1.0 - found.accuracy() })
    }

    /// Trains all of them, with generated images out of `stock`. Ranks share them, and workers of a rank; every rank returns all.
    ///
    /// # Errors
    /// A failure if one of them leaves the range of numbers.
    pub fn train(&self, plan: &Plan, stock: Option<&Arc<Dataset>>) -> Outcome<Vec<Pilot>> {
        let compute = &self.setup.compute;
        let ranks = &compute.ranks;
        let own: Vec<usize> = (0..plan.trials.len()).rev().skip(ranks.rank()).step_by(ranks.size()).collect();
        let bar = self.setup.progress.task("pilots", own.len() as u64);
        let stock = self.stock(plan, stock)?;
        let (mut found, mut failed) = (Vec::new(), None);
        // The largest come first, so that no worker ends long after the others.
        worker::each(
            compute.workers,
            own.len(),
            |place| self.trial(&plan.trials[own[place]], own[place] as u64, stock.as_ref()),
            |place, result| {
                bar.advance();
                match result {
                    Ok(pilot) => {
                        let Pilot { authentic, generated, update, measured, .. } = pilot;
                        found.push((own[place], authentic, generated, update, measured));
                        ControlFlow::Continue(())
                    }
                    Err(failure) => {
                        failed = Some(failure);
                        ControlFlow::Break(())
                    }
                }
            },
        );
        if let Some(failure) = failed {
            return Err(failure);
        }
        drop(bar);
        let mut all: Vec<_> = agreement::from_all(ranks, &found)?.into_iter().flatten().collect();
        all.sort_by_key(|(at, ..)| *at);
        let pilot = |(_, authentic, generated, update, measured)| Pilot {
            authentic,
            generated,
            update,
            measured,
            group: String::new(),
        };
        Ok(all.into_iter().map(pilot).collect())
    }

    /// Generated samples that pilots may train on. A source that is fitted in a moment is fitted to the pool alone, and draws enough: what learnt from
    /// the samples that score would promise too much. Of others there is what was `given`.
    fn stock(&self, plan: &Plan, given: Option<&Arc<Dataset>>) -> Outcome<Option<Arc<Dataset>>> {
        let generator = self.setup.generator.as_deref();
        let own = generator.and_then(|generator| generator.refitted(&self.setup.train));
        let (Some(given), Some(own)) = (given, own) else { return Ok(given.cloned()) };
        let largest = plan.trials.iter().map(Trial::samples).max().unwrap_or(0).div_ceil(given.classes());
        let counts: Vec<usize> = given.histogram().into_iter().map(|count| count.max(largest)).collect();
        self.setup.draw(own.as_ref(), &Request::of_counts(&counts, 0), "generating for pilots").map(Some)
    }

    fn trial(&self, trial: &Trial, number: u64, stock: Option<&Arc<Dataset>>) -> Outcome<Pilot> {
        let own = |config: &mut crate::RunConfig| config.training.local_epochs = Some(trial.epochs);
        let setup = self.setup.with(SEED + 1 + number, own).alone();
        let setup = Setup { compute: Compute { workers: 1, ..setup.compute.clone() }, ..setup };
        let classes = setup.train.classes();
        let target = vec![1.0 / classes as f64; classes];
        let clients = share_out(&setup.train, trial, setup.seed);
        let stock = stock.filter(|_| trial.augmented > 0);
        let is_filled = |at: usize| stock.is_some() && at.is_multiple_of(trial.augmented.max(1));
        let marked = clients.iter().enumerate().map(|(at, client)| (client, is_filled(at)));
        let (filled, requests) = fill(&setup, marked, &target)?;
        let filled = match stock {
            Some(stock) => from_stock(filled, &requests, stock),
            None => filled,
        };
        let mut federation = setup.undisturbed(stock)?;
        fit_batch(&mut federation, &filled);
        let (mut authentic, mut generated) = (vec![0; classes], vec![0; classes]);
        let mut cohort = Vec::new();
        let mut away = vec![0.0; classes];
        let (mut off, mut steps, mut weights) = (0.0, 0.0, 0.0);
        for client in &filled {
            for &sample in &client.samples {
                let counts = if matches!(sample, Sample::Generated(_)) { &mut generated } else { &mut authentic };
                counts[federation.images.label(sample)] += 1;
            }
            let size = client.samples.len() as f64;
            let shares: Vec<f64> =
                client.histogram(&federation.images).iter().map(|count| *count as f64 / size).collect();
            let own: f64 = shares.iter().zip(&target).map(|(q, p)| (q - p).abs()).sum();
            // as in the run: by effective samples
            let weight = size * (1.0 - own / 2.0);
            if weight > 0.0 {
                let pull = weight * client.samples.len().div_ceil(federation.local.batch) as f64;
                steps += pull;
                off += pull * own;
                weights += weight;
                away.iter_mut().zip(shares.iter().zip(&target)).for_each(|(sum, (q, p))| *sum += pull * (q - p));
                // A private round counts every client alike.
                let weight = if self.private.is_some() { 1.0 } else { weight };
                cohort.push(Participant { client: client.clone(), weight });
            }
        }
        if let Some(private) = self.private.as_ref().filter(|_| !cohort.is_empty()) {
            federation.private =
                Some(private.private(cohort.len(), trial.stands_for / self.market.per_client, setup.seed)?);
            let samples: u64 = authentic.iter().chain(&generated).sum();
            let more = (trial.stands_for / samples.max(1) as f64).max(1.0);
            authentic.iter_mut().chain(&mut generated).for_each(|count| *count = (*count as f64 * more).round() as u64);
        }
        let state = federation.train(federation.start(), setup.config.training.rounds, &cohort)?;
        let found = federation.evaluate(&state, &setup.test_images());
        let per_pull = |sum: f64| (sum / f64::max(steps, f64::MIN_POSITIVE)).min(2.0);
        let (mix, skew) = (per_pull(away.iter().map(|sum| sum.abs()).sum()), per_pull(off));
        let measured = Prediction { loss: found.loss, error: 1.0 - found.accuracy() };
        // counted in epochs of the run, which may have fewer or more of them
        let epochs = trial.epochs as f64 / self.setup.config.training.local_epochs().max(1) as f64;
        let steps = epochs * steps / f64::max(weights, f64::MIN_POSITIVE);
        let update = Update { mix: Some(mix), skew: Some(skew), steps: Some(steps) };
        Ok(Pilot { authentic, generated, update, measured, group: String::new() })
    }
}

/// The clients of a pilot, each with its share of the pool.
fn share_out(pool: &Dataset, trial: &Trial, seed: u64) -> Vec<Client> {
    let shares = (pool.len() / trial.size.max(1)).max(trial.clients).min(pool.len());
    let dealt = deal(pool, &trial.scheme, shares, seed).into_iter().take(trial.clients);
    (0..).zip(dealt).map(|(id, share)| Client::authentic(id, &share)).collect()
}

/// The pool in so many shares. A scheme that cannot be had with so few images gives way to a random deal, which can.
fn deal(pool: &Dataset, scheme: &Scheme, shares: usize, seed: u64) -> Vec<Vec<u32>> {
    let even = Scheme { labels: LabelSkew::Iid, quantity: None };
    scheme.partition(pool, shares, seed).or_else(|_| even.partition(pool, shares, seed)).unwrap_or_default()
}
