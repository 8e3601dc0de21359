//! What the operations are told beside their tensors.

use crate::convolution::Algorithm;
pub use imfl_kernel::conv::Finish;

/// What follows a dense layer in the same pass over memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Activation {
    /// Nothing.
    #[default]
    Linear,
    /// `max(0, y)`; a NaN stays one.
    Relu,
}

/// Stride, padding and what is fused behind a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Convolution {
    /// Vertical and horizontal stride, at least 1.
    pub stride: [usize; 2],
    /// Zero rows added above and below, zero columns left and right.
    pub padding: [usize; 2],
    /// What follows.
    pub finish: Finish,
    /// How a GPU computes it, where it can be computed so; without one the choice is [`crate::convolution::chosen`].
    pub by: Option<Algorithm>,
}

impl Default for Convolution {
    fn default() -> Self {
        Self { stride: [1, 1], padding: [0, 0], finish: Finish::Linear, by: None }
    }
}

/// How values are normalised, and what follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Norm {
    /// Groups of channels; a divisor of the channels.
    pub groups: usize,
    /// Whether SiLU, `z / (1 + exp(-z))`, follows.
    pub silu: bool,
}
