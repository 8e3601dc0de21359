//! Fewer evaluations for the same images: a student learns to go in one step where its teacher goes in several (progressive distillation,
//! Salimans and Ho 2022, arXiv 2202.00512), the teacher's guidance included (Meng et al. 2023, arXiv 2210.03142).

use super::batch::Example;
use crate::generator::Generator;
use crate::sampling::Sampling;
use burn::tensor::{Device, TensorData};
use imfl_engine::random::{Purpose, keyed};
use imfl_engine::transfer::{floats, upload};
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

    /// Puts the examples of a shard at one of the student's levels, the same for all, and what their clean values were in the place of
    /// them: the guess by which Euler's method takes the student where the teacher comes to by the next level.
    pub fn teach(&self, examples: &mut [Example], [seed, step, shard]: [u64; 3], device: &Device) {
        let level = keyed(seed, Purpose::Diffusion, 1, shard, step).random_range(0..self.levels.len() - 1);
        let [sigma, next] = [self.levels[level], self.levels[level + 1]];
        let Some(first) = examples.first() else { return };
        let size = first.clean.len();
        let noisy = |example: &Example| -> Vec<f32> {
            example.clean.iter().zip(&example.noise).map(|(y, n)| y + sigma as f32 * n).collect()
        };
        let noisy: Vec<Vec<f32>> = examples.iter().map(noisy).collect();
        let shape = self.teacher.description().denoiser.shape;
        let dims = [1, examples.len(), shape.channels, shape.height, shape.width];
        let x = upload(TensorData::new(noisy.concat(), dims), device);
        let labels: Vec<usize> = examples.iter().map(|example| example.class).collect();
        let there = floats(self.teacher.walk(x, [sigma, next], STEPS, &labels));
        let kept = (next / sigma) as f32;
        for ((example, x), there) in examples.iter_mut().zip(noisy).zip(there.chunks_exact(size)) {
            example.sigma = sigma;
            example.clean = x.iter().zip(there).map(|(x, there)| (there - kept * x) / (1.0 - kept)).collect();
            example.noise = x.iter().zip(&example.clean).map(|(x, y)| (x - y) / sigma as f32).collect();
        }
    }
}
