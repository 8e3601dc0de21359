//! The most that a machine allows a model (roofline: Williams, Waterman and Patterson 2009): arithmetic at the rate of matrix products, or weights
//! at the rate of the memory that they come from, whichever takes longer.

use super::train::Setting;
use imfl_engine::peak;
use imfl_run::failure::Outcome;

/// Bytes of a parameter that a step of dense weights moves: read forward; read and written back, where the step is taken.
const STEP: f64 = 12.0;
/// Bytes of a parameter that a client moves besides: its copy of the global model is written, and read with the global one; a sum of integers is
/// read and written.
const CLIENT: f64 = 4.0 + 4.0 + 4.0 + 8.0 + 8.0;

/// What bounds a model's training.
#[derive(Clone, Copy, Debug)]
pub struct Roofline {
    /// Bytes of weights that a trained sample moves.
    pub bytes: f64,
    /// GB/s of all workers, each of which goes through as many values as the model has.
    pub bandwidth: f64,
    /// Samples a second if weights are all that takes time.
    pub by_memory: f64,
    /// Samples a second if arithmetic is.
    pub by_arithmetic: f64,
}

impl Roofline {
    /// Of a setting whose samples take so many operations, on a machine that does so many GFLOP/s.
    ///
    /// # Errors
    /// A failure if the model cannot be built.
    pub fn of(setting: &Setting, flops: f64, peak_gflops: f64) -> Outcome<Self> {
        let values = setting.values()?;
        let steps = setting.local.steps(setting.samples) as f64;
        let trained = (setting.samples * setting.local.epochs) as f64;
        let bytes = values as f64 * (STEP * steps + CLIENT) / trained;
        let bandwidth = peak::bandwidth(setting.compute.workers, values);
        Ok(Self { bytes, bandwidth, by_memory: bandwidth * 1e9 / bytes, by_arithmetic: peak_gflops * 1e9 / flops })
    }

    /// Samples a second at most.
    pub fn most(&self) -> f64 {
        self.by_memory.min(self.by_arithmetic)
    }

    /// Samples a second if arithmetic and memory take turns, which a step in one thread does but for what the processor looks ahead.
    pub fn in_turn(&self) -> f64 {
        1.0 / (1.0 / self.by_memory + 1.0 / self.by_arithmetic)
    }
}
