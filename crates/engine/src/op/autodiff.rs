//! The operations on the tape: run the kernels forward, keep what the backward pass reads, register the gradients.

use super::descend::Descending;
use super::mask::{Mask, Masked};
use super::options::{Activation, Convolution};
use super::stacked::{StackedKernels, StackedOps};
use super::tape;
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::{Autodiff, tensor::FloatTensor};

#[derive(Debug)]
struct Conv2dStep;

impl<B: StackedKernels> Backward<B, 3> for Conv2dStep {
    type State = (FloatTensor<B>, FloatTensor<B>, B::Saved, Masked<Convolution>);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        tape::backward::<B, _, 3>(ops, grads, |(x, weight, saved, options), grad, wanted| {
            B::conv2d_backward(x, weight, saved, grad, &options, wanted)
        });
    }
}

#[derive(Debug)]
struct LinearStep;

impl<B: StackedKernels> Backward<B, 3> for LinearStep {
    type State = (FloatTensor<B>, FloatTensor<B>, FloatTensor<B>, Masked<Activation>);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        tape::backward::<B, _, 3>(ops, grads, |(x, weight, y, activation), grad, wanted| {
            B::linear_backward(x, weight, y, grad, &activation, wanted)
        });
    }
}

#[derive(Debug)]
struct DescendStep;

impl<B: StackedKernels> Backward<B, 2> for DescendStep {
    type State = (FloatTensor<B>, FloatTensor<B>, Descending, Masked<Activation>);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        tape::backward::<B, _, 2>(ops, grads, |(x, y, weight, activation), grad, wanted| {
            weight.step::<B, _>(|weight, rate| B::linear_descend(x, weight, y, grad, &activation, rate, wanted))
        });
    }
}

#[derive(Debug)]
struct MaskStep;

impl<B: StackedKernels> Backward<B, 1> for MaskStep {
    type State = Mask;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        tape::backward::<B, _, 1>(ops, grads, |mask, grad, _| [Some(B::masked(grad, &mask))]);
    }
}

impl<B: StackedKernels, C: CheckpointStrategy> StackedOps for Autodiff<B, C> {
    fn stacked_conv2d(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        options: Masked<Convolution>,
    ) -> FloatTensor<Self> {
        let ((x, nx), (weight, nw), (bias, nb)) = (x.into_parts(), weight.into_parts(), bias.into_parts());
        match Conv2dStep.prepare::<C>([nx, nw, nb]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => {
                let (y, saved) = B::conv2d_forward(x.clone(), weight.clone(), bias, &options);
                prepared.finish((x, weight, saved, options), y)
            }
            OpsKind::UnTracked(prepared) => prepared.finish(B::conv2d_forward(x, weight, bias, &options).0),
        }
    }

    fn stacked_linear(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        activation: Masked<Activation>,
    ) -> FloatTensor<Self> {
        let ((x, nx), (weight, nw), (bias, nb)) = (x.into_parts(), weight.into_parts(), bias.into_parts());
        match LinearStep.prepare::<C>([nx, nw, nb]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => {
                let y = B::linear_forward(x.clone(), weight.clone(), bias, &activation);
                prepared.finish((x, weight, y.clone(), activation), y)
            }
            OpsKind::UnTracked(prepared) => prepared.finish(B::linear_forward(x, weight, bias, &activation)),
        }
    }

    fn stacked_linear_descending(
        x: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        weight: Descending,
        activation: Masked<Activation>,
    ) -> FloatTensor<Self> {
        let ((x, nx), (bias, nb)) = (x.into_parts(), bias.into_parts());
        match DescendStep.prepare::<C>([nx, nb]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => {
                let y = B::linear_forward(x.clone(), weight.handle::<B>(), bias, &activation);
                prepared.finish((x, y.clone(), weight, activation), y)
            }
            OpsKind::UnTracked(prepared) => {
                prepared.finish(B::linear_forward(x, weight.handle::<B>(), bias, &activation))
            }
        }
    }

    fn stacked_dropout(x: FloatTensor<Self>, mask: Mask) -> FloatTensor<Self> {
        let (x, node) = x.into_parts();
        match MaskStep.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => {
                let y = B::masked(x, &mask);
                prepared.finish(mask, y)
            }
            OpsKind::UnTracked(prepared) => prepared.finish(B::masked(x, &mask)),
        }
    }
}
