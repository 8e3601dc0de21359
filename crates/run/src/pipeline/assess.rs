//! Stage 3: what generated images are worth, and the constants of the convergence bound, measured along a short
//! trajectory of federated training on authentic images only.

use super::footprint::CLASSES;
use super::setup::{Setup, fit_batch};
use super::trajectory;
use crate::agreement;
use crate::assessment::Assessment;
use crate::failure::{Failure, Kind, Outcome};
use crate::limits;
use imfl_aigc::{AboveNoise, Lengths, Longest, Request, ThetaError};
use imfl_engine::client::{Client, Sample};
use imfl_engine::data::Dataset;
use imfl_engine::federated::Federation;
use imfl_engine::gradient;
use imfl_engine::parameters::Weights;
use imfl_engine::random::{Purpose, keyed};
use rand::seq::SliceRandom;
use std::sync::Arc;

/// Batches whose gradients tell the noise of one sample's gradient.
const NOISE_BATCHES: usize = 20;

/// What gradients at one point of the trajectory come to. They are as long as the model for every class, so none is kept.
struct Point {
    weights: Weights,
    /// The gradient of the target objective: the mean over classes of both halves.
    target: Vec<f32>,
    /// The longest class gradient on authentic images.
    g_data: f64,
    sigma: f64,
    /// Where there are generated images.
    longest: Option<Result<Longest, ThetaError>>,
    above: AboveNoise,
}

/// Trains for a few rounds on authentic images and takes gradients at every point; `samples` are those of [`generate`].
pub fn run(setup: &Setup, clients: &[Client], samples: Option<&Arc<Dataset>>) -> Outcome<Assessment> {
    let halves = authentic_halves(setup)?;
    let mut federation = setup.undisturbed(samples)?;
    fit_batch(&mut federation, clients);
    let bar = setup.progress.task("measuring gradients", setup.config.points() as u64);
    let mut points = Vec::with_capacity(setup.config.points());
    let generated = samples.map(|samples| generated_sets(samples));
    trajectory::walk(setup, &federation, &trajectory::travellers(setup, clients), |state| {
        points.push(Point::measure(&federation, &state.weights, &halves, generated.as_deref(), state.round));
        bar.advance();
        Ok(())
    })?;
    // All ranks have the same gradients; on machines of different kinds the last bits may differ, and rank 0 has the word.
    agreement::from_first(&setup.compute.ranks, || summarise(&points))
}

impl Point {
    fn measure(
        federation: &Federation,
        weights: &Weights,
        halves: &[Vec<Vec<Sample>>; 2],
        generated: Option<&[Vec<Sample>]>,
        index: u64,
    ) -> Self {
        let images = &federation.images;
        let of = |sets: &[Vec<Sample>]| {
            gradient::of_sets(federation.model.as_ref(), weights, images, sets, &federation.compute)
        };
        let other = of(&halves[1]);
        let share = (2 * other.len()) as f32;
        let mut target = vec![0.0f32; weights.values().len()];
        let mut add = |gradient: &[f32]| target.iter_mut().zip(gradient).for_each(|(sum, value)| *sum += value / share);
        let mut g_data = 0f64;
        let mut longest = generated.map(|_| Ok(Longest::default()));
        let mut above = AboveNoise::default();
        for start in (0..other.len()).step_by(CLASSES) {
            let classes = start..(start + CLASSES).min(other.len());
            let mut sets = halves[0][classes.clone()].to_vec();
            for odd in [0, 1] {
                sets.extend(generated.iter().flat_map(|generated| halved(&generated[classes.clone()], odd)));
            }
            let gradients = of(&sets);
            let (authentic, generated) = gradients.split_at(classes.len());
            let (even, odd) = generated.split_at(generated.len() / 2);
            let group = classes.len();
            for (place, (class, authentic)) in classes.zip(authentic).enumerate() {
                add(authentic);
                let length = gradient::norm(authentic);
                g_data = g_data.max(length);
                let (Some(longest), Some(even), Some(odd)) = (&mut longest, even.get(place), odd.get(place)) else {
                    continue;
                };
                above.add([authentic, &other[class]], [even, odd]);
                let generated = whole([even, odd], [sets[group + place].len(), sets[2 * group + place].len()]);
                let lengths = Lengths {
                    authentic: length,
                    apart: gradient::distance(&generated, authentic),
                    halves: gradient::distance(authentic, &other[class]),
                };
                if let Ok(so_far) = longest
                    && so_far.add(&lengths).is_err()
                {
                    *longest = Err(ThetaError::NotFinite { point: index as usize, class });
                }
            }
        }
        other.iter().for_each(|gradient| add(gradient));
        drop(other);
        let batch = federation.local.batch;
        let mut order: Vec<u32> = (0..images.authentic().len() as u32).collect();
        order.shuffle(&mut keyed(federation.seed, Purpose::Probe, index, 1, 0));
        let batches: Vec<Vec<Sample>> = order
            .chunks_exact(batch)
            .take(NOISE_BATCHES)
            .map(|part| part.iter().map(|&image| Sample::Authentic(image)).collect())
            .collect();
        let sigma = gradient::noise(&of(&batches), batch).sqrt();
        Self { weights: weights.clone(), target, g_data, sigma, longest, above }
    }
}

/// Every second sample of each set, from its first or, for `odd` 1, its second on.
pub(super) fn halved(sets: &[Vec<Sample>], odd: usize) -> Vec<Vec<Sample>> {
    sets.iter().map(|set| set.iter().copied().skip(odd).step_by(2).collect()).collect()
}

/// The mean gradient over two sets of so many images each, out of the mean gradients of both.
pub(super) fn whole(halves: [&[f32]; 2], images: [usize; 2]) -> Vec<f32> {
    let share = images[0] as f32 / (images[0] + images[1]).max(1) as f32;
    halves[0].iter().zip(halves[1]).map(|(even, odd)| share * even + (1.0 - share) * odd).collect()
}

fn summarise(points: &[Point]) -> Outcome<Assessment> {
    let thetas = points.iter().filter_map(|point| point.longest.clone());
    let together = thetas.reduce(|one, other| Ok(one?.with(other?)));
    let theta = together.map(|longest| longest.and_then(|longest| longest.theta())).transpose();
    let theta = theta.map_err(|error| Failure::new(Kind::Diverged, error))?;
    let slope = |pair: &[Point]| {
        let moved = gradient::distance(pair[1].weights.values(), pair[0].weights.values());
        gradient::distance(&pair[1].target, &pair[0].target) / moved.max(f64::MIN_POSITIVE)
    };
    Ok(Assessment {
        g_data: points.iter().map(|point| point.g_data).fold(0.0, f64::max),
        theta,
        theta_above_noise: points.iter().map(|point| point.above).fold(AboveNoise::default(), AboveNoise::with).theta(),
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
    let requests = Request::of_classes(&sizes, &vec![0; sizes.len()]);
    setup.draw(generator, &requests, "generating for the probe").map(Some)
}
