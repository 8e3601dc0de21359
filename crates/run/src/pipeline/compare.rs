//! Theta and pull of several generators along one and the same trajectory.

use super::assess::{self, authentic_halves, generated_sets};
use super::setup::Setup;
use super::trajectory;
use crate::failure::{Failure, Kind, Outcome};
use imfl_aigc::{GradientProbe, Pull, Theta, theta};
use imfl_engine::client::{Client, Images, Sample};
use imfl_engine::data::Dataset;
use imfl_engine::gradient;
use std::sync::Arc;

/// The authentic images whose gradients those of generated images are compared with.
pub struct Yardstick {
    halves: [Vec<Vec<Sample>>; 2],
}

impl Yardstick {
    /// Two disjoint halves of a setup's training images.
    ///
    /// # Errors
    /// A failure that names a class with fewer than two images.
    pub fn new(setup: &Setup) -> Outcome<Self> {
        Ok(Self { halves: authentic_halves(setup)? })
    }

    /// Images of each class in a half, and for a fair floor in every generated set.
    pub fn sizes(&self) -> Vec<usize> {
        self.halves[0].iter().map(Vec::len).collect()
    }

    /// Theta and pull of each set of generated images: all at the same points of training on the clients' authentic images.
    ///
    /// # Errors
    /// A failure if training or a gradient leaves the range of numbers.
    pub fn measure(&self, setup: &Setup, clients: &[Client], generated: &[Arc<Dataset>]) -> Outcome<Vec<(Theta, f64)>> {
        let federation = setup.undisturbed(None)?;
        let mut measured = vec![(Vec::new(), Pull::default()); generated.len()];
        trajectory::walk(setup, &federation, clients, |state| {
            let of = |images: &Images, sets: &[Vec<Sample>]| {
                gradient::of_sets(federation.model.as_ref(), &state.weights, images, sets, &federation.compute)
            };
            let halves = [of(&federation.images, &self.halves[0]), of(&federation.images, &self.halves[1])];
            for (generated, measured) in generated.iter().zip(&mut measured) {
                let images = federation.images.clone().with_generated(generated.clone());
                let sets = generated_sets(generated);
                let parts = [0, 1].map(|odd| assess::halved(&sets, odd));
                let each = parts.each_ref().map(|part| of(&images, part));
                let whole = |class: usize| {
                    assess::whole([&each[0][class], &each[1][class]], parts.each_ref().map(|part| part[class].len()))
                };
                let generated: Vec<Vec<f32>> = (0..sets.len()).map(whole).collect();
                let probe =
                    GradientProbe { authentic: &halves[0], generated: &generated, halves: [&halves[0], &halves[1]] };
                measured.0.push(theta(&[probe]).map_err(|error| Failure::new(Kind::Diverged, error))?);
                measured.1.add([&each[0], &each[1]], [&halves[0], &halves[1]]);
            }
            Ok(())
        })?;
        let no_pull = "a step on authentic samples does not lower the loss of others: take more of them (--images-per-class), or fewer --points";
        let one = |(thetas, pull): (Vec<Theta>, Pull)| -> Outcome<(Theta, f64)> {
            let theta =
                Theta::over(thetas).ok_or_else(|| Failure::new(Kind::Config, "`probe.points` must be at least 1"))?;
            Ok((theta, pull.value().ok_or_else(|| Failure::new(Kind::Data, no_pull))?))
        };
        measured.into_iter().map(one).collect()
    }
}
