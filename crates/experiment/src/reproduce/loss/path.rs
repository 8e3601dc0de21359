//! What the terms of Phi claim to bound, measured along the trajectory of one choice of participants and modes.
//!
//! The target's gradient is that of the mean over classes on test images, by the target's shares. Squares of distances to it are
//! products of the distances to two independent halves of these images, which does not count the images' own noise.

use super::super::lab::Lab;
use imfl_engine::client::Sample;
use imfl_engine::federated::{Participant, ServerState};
use imfl_engine::gradient;
use imfl_mechanism::{Mode, Target};
use serde::{Deserialize, Serialize};

/// Squared lengths of gradients at one point. Nothing in here is known before training.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Point {
    /// Rounds before this point.
    pub round: u64,
    /// ‖grad F‖², which the theorem bounds.
    pub gradient: f64,
    /// ‖sum_k a_k grad f_k - grad F‖², f_k on the client's own images: bias and finite data.
    pub error: f64,
    /// sum_k a_k ‖grad f_k - grad F‖²: what drift grows from.
    pub spread: f64,
    /// ‖sum_y m_y grad f_y‖², m the labels of the local participants against the target's: the bias without the triangle
    /// inequality over classes.
    pub labels: f64,
    /// ‖grad f_y‖² of each class.
    pub classes: Vec<f64>,
    /// ‖D - sum_k a_k grad f_k‖² with D = (w_t - w_t+1)/(eta h), a_k by weight and steps: the drift of the round that follows, and its
    /// noise. Not at the end.
    pub drift: Option<f64>,
}

/// The mean of something over the points before the end, which are rounds at equal distances.
pub fn mean(points: &[Point], part: impl Fn(&Point) -> f64) -> f64 {
    let before = &points[..points.len().saturating_sub(1)];
    before.iter().map(part).sum::<f64>() / before.len() as f64
}

/// Watches a trajectory.
pub struct Path<'a> {
    lab: &'a Lab,
    participants: &'a [Participant],
    /// m_y.
    labels: Vec<f64>,
    target: Vec<f64>,
    /// Test images of each class: first halves, then second halves.
    sets: Vec<Vec<Sample>>,
    every: u64,
    /// Weights at the last point, and the mean of the participants' gradients there by weight and steps.
    open: Option<(Vec<f32>, Vec<f32>)>,
    /// What was seen.
    pub points: Vec<Point>,
}

impl<'a> Path<'a> {
    /// Of a choice, to be measured before every so many rounds and at the end.
    pub fn new(lab: &'a Lab, modes: &[Mode], participants: &'a [Participant], every: u64) -> Self {
        let target = lab.place.market.population().target().map(Target::shares).unwrap_or_default();
        let (mut sets, mut second) = (Vec::new(), Vec::new());
        for class in lab.place.setup.test.by_class() {
            let samples: Vec<Sample> = class.into_iter().map(Sample::Authentic).collect();
            let (a, b) = samples.split_at(samples.len() / 2);
            sets.push(a.to_vec());
            second.push(b.to_vec());
        }
        sets.extend(second);
        Self {
            labels: labels(lab, modes, &target),
            lab,
            participants,
            target,
            sets,
            every,
            open: None,
            points: Vec::new(),
        }
    }

    /// Looks at the model after so many rounds.
    pub fn see(&mut self, round: u64, state: &ServerState) {
        let (weights, local, all) = (state.weights.values(), &self.lab.federation.local, self.participants);
        let total: f64 = all.iter().map(|one| one.weight).sum();
        let shares: Vec<f64> = all.iter().map(|one| one.weight / total).collect();
        let work: Vec<f64> =
            all.iter().zip(&shares).map(|(one, share)| share * local.steps(one.client.samples.len()) as f64).collect();
        let steps: f64 = work.iter().sum();
        if let (Some((before, start)), Some(point)) = (self.open.take(), self.points.last_mut()) {
            let length = (local.rate * steps) as f32;
            let direction: Vec<f32> = before.iter().zip(weights).map(|(old, new)| (old - new) / length).collect();
            point.drift = Some(gradient::distance(&direction, &start).powi(2));
        }
        let last = round == self.lab.place.setup.config.training.rounds;
        if !last && !round.is_multiple_of(self.every) {
            return;
        }
        let (model, compute) = (self.lab.federation.model.as_ref(), &self.lab.federation.compute);
        let classes = gradient::of_sets(model, &state.weights, self.lab.test(), &self.sets, compute);
        let (first, second) = classes.split_at(self.target.len());
        let halves = [weighted(&self.target, first), weighted(&self.target, second)];
        let own: Vec<Vec<Sample>> = all.iter().map(|one| one.client.samples.clone()).collect();
        let own = gradient::of_sets(model, &state.weights, &self.lab.federation.images, &own, compute);
        let target = [&halves[0][..], &halves[1]];
        self.points.push(Point {
            round,
            gradient: product(&halves[0], &halves[1]),
            error: squared_distance(&weighted(&shares, &own), target),
            spread: shares.iter().zip(&own).map(|(share, own)| share * squared_distance(own, target)).sum(),
            labels: product(&weighted(&self.labels, first), &weighted(&self.labels, second)),
            classes: first.iter().zip(second).map(|(a, b)| product(a, b).max(0.0)).collect(),
            drift: None,
        });
        if !last {
            let by_work: Vec<f64> = work.iter().map(|work| work / steps).collect();
            self.open = Some((weights.to_vec(), weighted(&by_work, &own)));
        }
    }
}

/// sum over local participants of a_k (p_k - p), by class.
fn labels(lab: &Lab, modes: &[Mode], target: &[f64]) -> Vec<f64> {
    let weights = lab.place.market.aggregation_weights(modes);
    let mut labels = vec![0.0; target.len()];
    let clients = lab.place.profile.clients.iter().zip(&weights).zip(modes);
    for ((client, weight), _) in clients.filter(|(_, mode)| **mode == Mode::Local) {
        let samples = client.histogram.iter().sum::<usize>() as f64;
        for ((sum, &count), share) in labels.iter_mut().zip(&client.histogram).zip(target) {
            *sum += weight * (count as f64 / samples - share);
        }
    }
    labels
}

fn weighted(weights: &[f64], vectors: &[Vec<f32>]) -> Vec<f32> {
    let mut sum = vec![0.0f32; vectors.first().map_or(0, Vec::len)];
    for (weight, vector) in weights.iter().zip(vectors) {
        sum.iter_mut().zip(vector).for_each(|(sum, value)| *sum += *weight as f32 * value);
    }
    sum
}

fn minus(a: &[f32], b: &[f32]) -> Vec<f32> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}

fn product(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
}

/// The squared distance to something of which two independent estimates are known.
fn squared_distance(vector: &[f32], halves: [&[f32]; 2]) -> f64 {
    product(&minus(vector, halves[0]), &minus(vector, halves[1]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(round: u64, error: f64) -> Point {
        Point { round, gradient: 1.0, error, spread: 1.0, labels: 0.0, classes: vec![4.0, 1.0], drift: None }
    }

    #[test]
    fn the_end_is_no_part_of_the_mean_over_rounds() {
        assert_eq!(mean(&[point(0, 1.0), point(5, 3.0), point(10, 100.0)], |point| point.error), 2.0);
    }

    #[test]
    fn two_estimates_of_a_point_give_distances_to_it_without_their_noise() {
        // The point is 0; its estimates are off by +-e in different coordinates.
        assert_eq!(squared_distance(&[3.0, 4.0], [&[0.5, 0.0], &[-0.5, 0.0]]), 25.0 - 0.25);
        assert_eq!(squared_distance(&[3.0, 4.0], [&[0.0, 0.5], &[0.0, 0.0]]), 25.0 - 2.0);
        assert_eq!(weighted(&[0.25, 0.75], &[vec![4.0, 0.0], vec![0.0, 4.0]]), [1.0, 3.0]);
    }
}
