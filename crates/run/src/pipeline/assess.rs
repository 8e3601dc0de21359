//! Stage 3: what generated images are worth, and the constants of the convergence bound, measured along a short
//! trajectory of federated training on authentic images only.

use super::setup::{Setup, fit_batch};
use super::trajectory;
use crate::agreement;
use crate::assessment::Assessment;
use crate::failure::{Failure, Kind, Outcome};
use crate::limits;
use imfl_aigc::{GradientProbe, Halves, Request, theta, theta_above_noise};
use imfl_engine::client::{Client, Images, Sample};
use imfl_engine::data::Dataset;
use imfl_engine::federated::Federation;
use imfl_engine::gradient;
use imfl_engine::parameters::Weights;
use imfl_engine::random::{Purpose, keyed};
use rand::seq::SliceRandom;
use std::sync::Arc;

/// Batches whose gradients tell the noise of one sample's gradient.
const NOISE_BATCHES: usize = 20;

/// Gradients at one point of the trajectory.
struct Point {
    weights: Weights,
    halves: [Vec<Vec<f32>>; 2],
    generated: Vec<Vec<f32>>,
    /// On every other generated image, and on the others.
    generated_halves: [Vec<Vec<f32>>; 2],
    sigma: f64,
}

/// Trains for a few rounds on authentic images and takes gradients at every point; `samples` are those of [`generate`].
pub fn run(setup: &Setup, clients: &[Client], samples: Option<&Arc<Dataset>>) -> Outcome<Assessment> {
    let halves = authentic_halves(setup)?;
    let mut federation = setup.undisturbed(samples)?;
    fit_batch(&mut federation, clients);
    let bar = setup.progress.task("measuring gradients", setup.config.probe.points as u64);
    let mut points = Vec::with_capacity(setup.config.probe.points);
    trajectory::walk(setup, &federation, clients, |state| {
        points.push(Point::measure(&federation, &state.weights, &halves, samples.map(Arc::as_ref), state.round));
        bar.advance();
        Ok(())
    })?;
    // All ranks have the same gradients; on machines of different kinds the last bits may differ, and rank 0 has the word.
    agreement::from_first(&setup.compute.ranks, || summarise(&points, samples.is_some()))
}

impl Point {
    fn measure(
        federation: &Federation,
        weights: &Weights,
        halves: &[Vec<Vec<Sample>>; 2],
        generated: Option<&Dataset>,
        index: u64,
    ) -> Self {
        let of = |images: &Images, sets: &[Vec<Sample>]| {
            gradient::of_sets(federation.model.as_ref(), weights, images, sets, &federation.compute)
        };
        let images = &federation.images;
        let sets = generated.map_or_else(Vec::new, generated_sets);
        let half = |odd: usize| -> Vec<Vec<Sample>> {
            sets.iter().map(|set| set.iter().copied().skip(odd).step_by(2).collect()).collect()
        };
        let generated_halves = [of(images, &half(0)), of(images, &half(1))];
        let generated = of(images, &sets);
        let batch = federation.local.batch;
        let mut order: Vec<u32> = (0..images.authentic().len() as u32).collect();
        order.shuffle(&mut keyed(federation.seed, Purpose::Probe, index, 1, 0));
        let batches: Vec<Vec<Sample>> = order
            .chunks_exact(batch)
            .take(NOISE_BATCHES)
            .map(|part| part.iter().map(|&image| Sample::Authentic(image)).collect())
            .collect();
        Self {
            halves: [of(images, &halves[0]), of(images, &halves[1])],
            generated,
            generated_halves,
            sigma: gradient::noise(&of(images, &batches), batch).sqrt(),
            weights: weights.clone(),
        }
    }

    /// The gradient of the target objective: the mean over classes of both halves.
    fn target_gradient(&self) -> Vec<f32> {
        let sets: Vec<&Vec<f32>> = self.halves.iter().flatten().collect();
        let mut mean = vec![0.0f32; sets.first().map_or(0, |set| set.len())];
        for set in &sets {
            mean.iter_mut().zip(*set).for_each(|(mean, value)| *mean += value / sets.len() as f32);
        }
        mean
    }
}

fn summarise(points: &[Point], generated: bool) -> Outcome<Assessment> {
    let measured = match generated {
        true => {
            let probes: Vec<GradientProbe> = points
                .iter()
                .map(|point| GradientProbe {
                    authentic: &point.halves[0],
                    generated: &point.generated,
                    halves: [&point.halves[0], &point.halves[1]],
                })
                .collect();
            Some(theta(&probes).map_err(|error| Failure::new(Kind::Diverged, error))?)
        }
        false => None,
    };
    let halves = points.iter().map(|point| Halves {
        authentic: [&point.halves[0], &point.halves[1]],
        generated: [&point.generated_halves[0], &point.generated_halves[1]],
    });
    let above = theta_above_noise(&halves.filter(|_| generated).collect::<Vec<Halves>>());
    let norms = points.iter().flat_map(|point| point.halves[0].iter().map(|gradient| gradient::norm(gradient)));
    let g_data = measured.as_ref().map_or_else(|| norms.fold(0.0, f64::max), |theta| theta.g_data);
    let slope = |pair: &[Point]| {
        let moved = gradient::distance(pair[1].weights.values(), pair[0].weights.values());
        gradient::distance(&pair[1].target_gradient(), &pair[0].target_gradient()) / moved.max(f64::MIN_POSITIVE)
    };
    Ok(Assessment {
        g_data,
        theta: measured,
        theta_above_noise: above,
        sigma: points.iter().map(|point| point.sigma).fold(0.0, f64::max),
        smoothness: points.windows(2).map(slope).fold(0.0, f64::max),
        filling: None,
    })
}

/// All images of a generated dataset, by class.
pub(super) fn generated_sets(generated: &Dataset) -> Vec<Vec<Sample>> {
    generated.by_class().into_iter().map(|class| class.into_iter().map(Sample::Generated).collect()).collect()
}

/// Two disjoint halves of authentic images, by class: as many in each as asked for, or as the rarer half allows.
pub(super) fn authentic_halves(setup: &Setup) -> Outcome<[Vec<Vec<Sample>>; 2]> {
    let wanted = setup.config.probe.images_per_class;
    let (mut first, mut second) = (Vec::new(), Vec::new());
    limits::enough_for_gradients(&setup.train)?;
    for (class, mut members) in setup.train.by_class().into_iter().enumerate() {
        let half = wanted.min(members.len() / 2);
        members.shuffle(&mut keyed(setup.seed, Purpose::Probe, 0, 0, class as u64));
        let mut samples = members.into_iter().map(Sample::Authentic);
        first.push(samples.by_ref().take(half).collect());
        second.push(samples.take(half).collect());
    }
    Ok([first, second])
}

/// As many generated images of each class as a half has authentic ones, if there is a generator.
pub fn generate(setup: &Setup) -> Outcome<Option<Arc<Dataset>>> {
    let Some(generator) = setup.generator.as_deref() else { return Ok(None) };
    let sizes: Vec<usize> = authentic_halves(setup)?[0].iter().map(Vec::len).collect();
    let requests = Request::of_counts(&sizes, 0);
    setup.draw(generator, &requests, "generating for the probe").map(Some)
}
