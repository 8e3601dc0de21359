//! Dropout on its own; behind an operation it is part of that ([`super::Masked`]).

use super::mask::Mask;
use super::stacked::StackedOps;
use burn::backend::Dispatch;
use burn::tensor::Tensor;

/// Activations `[clients, ...]` after dropout.
pub fn dropout<const D: usize>(x: Tensor<D>, mask: Mask) -> Tensor<D> {
    Tensor::from_dispatch(<Dispatch as StackedOps>::stacked_dropout(x.into_dispatch(), mask))
}
