//! Dense layers with a client axis.

use super::assertion::assert_f32;
use super::descend::Descending;
use super::mask::Masked;
use super::options::Activation;
use super::stacked::StackedOps;
use burn::backend::Dispatch;
use burn::tensor::{DType, Tensor};

/// Dense layer of each client, `activation(x W + b)`.
///
/// `x [clients, batch, inputs]`, `weight [clients, inputs, outputs]`, `bias [clients, outputs]`; returns
/// `[clients, batch, outputs]`. With a [`Masked`] dropout follows.
///
/// # Panics
/// If the shapes disagree or a tensor is not `f32`.
pub fn linear(
    x: Tensor<3>,
    weight: Tensor<3>,
    bias: Tensor<2>,
    activation: impl Into<Masked<Activation>>,
) -> Tensor<3> {
    let [clients, _, inputs] = x.dims();
    let [weight_clients, weight_inputs, outputs] = weight.dims();
    assert!(
        weight_clients == clients && weight_inputs == inputs && bias.dims() == [clients, outputs],
        "linear: input {:?}, weights {:?} and bias {:?} do not fit",
        x.dims(),
        weight.dims(),
        bias.dims()
    );
    assert_f32("linear", [x.dtype(), weight.dtype(), bias.dtype()]);
    Tensor::from_dispatch(<Dispatch as StackedOps>::stacked_linear(
        x.into_dispatch(),
        weight.into_dispatch(),
        bias.into_dispatch(),
        activation.into(),
    ))
}

/// [`linear`] on weights that take their step of plain SGD in the backward pass.
///
/// `x [clients, batch, inputs]`, `bias [clients, outputs]`; returns `[clients, batch, outputs]`. The bias is an ordinary
/// parameter; it has to be tracked (or `x` has to be), or there is no backward pass for the weights to move in. The
/// output may be used in one backward pass only, and once: weights move each time.
///
/// # Panics
/// If the shapes disagree, a tensor is not `f32`, or input and weights are on different devices.
pub fn linear_descending(
    x: Tensor<3>,
    weight: &Descending,
    bias: Tensor<2>,
    activation: impl Into<Masked<Activation>>,
) -> Tensor<3> {
    let [clients, _, inputs] = x.dims();
    let [weight_clients, weight_inputs, outputs] = weight.shape();
    assert!(
        weight_clients == clients && weight_inputs == inputs && bias.dims() == [clients, outputs],
        "linear: input {:?}, weights {:?} and bias {:?} do not fit",
        x.dims(),
        weight.shape(),
        bias.dims()
    );
    assert_f32("linear", [x.dtype(), bias.dtype(), DType::F32]);
    Tensor::from_dispatch(<Dispatch as StackedOps>::stacked_linear_descending(
        x.into_dispatch(),
        bias.into_dispatch(),
        weight.clone(),
        activation.into(),
    ))
}
