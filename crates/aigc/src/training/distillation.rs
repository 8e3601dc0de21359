//! Fewer evaluations for the same images: a student learns to go in one step where its teacher goes in several (progressive distillation,
//! Salimans and Ho 2022, arXiv 2202.00512), the teacher's guidance included (Meng et al. 2023, arXiv 2210.03142).

use super::batch::Shard;
use crate::generator::Generator;
use crate::sampling::Sampling;
use imfl_engine::random::{Purpose, keyed};
use rand::RngExt;

/// Steps of the teacher for one of the student's.
const STEPS: usize = 4;

/// Who teaches, and the noise levels between which the student learns to step.
#[derive(Debug)]
pub struct Lesson {
    teacher: Generator,
    levels: Vec<f64>,
}

impl Lesson {
    /// Of a teacher, for a student that draws by Euler's method at the levels of its sampling.
    pub fn new(teacher: Generator, student: &Sampling) -> Self {
        Self { teacher, levels: student.sigmas() }
    }

    /// Puts the images of a shard at one of the student's levels, the same for all, and what their clean values were in the place of
    /// them: the guess by which Euler's method takes the student where the teacher comes to by the next level.
    pub fn teach(&self, shard: &mut Shard, [seed, step, number]: [u64; 3]) {
        let level = keyed(seed, Purpose::Diffusion, 1, number, step).random_range(0..self.levels.len() - 1);
        let [sigma, next] = [self.levels[level], self.levels[level + 1]];
        shard.sigmas.fill(sigma);
        // The teacher's steps are taken as they are: no gradient goes through them.
        let x = shard.noisy().inner();
        let there = self.teacher.walk(x.clone(), [sigma, next], STEPS, &shard.classes);
        let kept = next / sigma;
        let clean = (there - x.clone() * kept) * (1.0 / (1.0 - kept));
        shard.noise = ((x - clean.clone()) * (1.0 / sigma)).autodiff();
        shard.clean = clean.autodiff();
    }
}
