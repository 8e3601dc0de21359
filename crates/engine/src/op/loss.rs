//! Cross-entropy on GPUs: one launch for loss and gradient together, in the place of some thirty, and its place on the autodiff tape.

use super::tape;
use crate::gpu::loss;
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::{Autodiff, Backend, Cube, Dispatch, backend_extension, tensor::FloatTensor};
use burn::tensor::{Int, Tensor};

/// What the logits should say, on a GPU and without autodiff.
#[derive(Clone, Debug)]
pub struct Targets {
    /// `[clients, batch]`.
    pub labels: Tensor<2, Int>,
    /// `[clients, batch]`.
    pub weights: Tensor<2>,
}

/// The weighted cross-entropy of each client, `[clients]`, from logits `[clients, batch, classes]` on a GPU.
pub fn cross_entropy(logits: Tensor<3>, targets: Targets) -> Tensor<1> {
    Tensor::from_dispatch(<Dispatch as LossOps>::fused_loss(logits.into_dispatch(), targets))
}

/// The operation as Burn dispatches it; use [`cross_entropy`].
#[backend_extension(Autodiff, Cube)]
pub trait LossOps: Backend {
    /// See [`cross_entropy`].
    fn fused_loss(logits: FloatTensor<Self>, targets: Targets) -> FloatTensor<Self>;
}

/// Forward and backward passes, from which the differentiable operation is made.
pub trait LossKernels: Backend {
    /// The losses, and their gradient by the logits.
    fn loss_forward(logits: FloatTensor<Self>, targets: Targets) -> (FloatTensor<Self>, FloatTensor<Self>);

    /// The gradient by the logits, from that and the gradient of the losses.
    fn loss_backward(gradient: FloatTensor<Self>, losses: FloatTensor<Self>) -> FloatTensor<Self>;
}

impl LossKernels for Cube {
    fn loss_forward(logits: FloatTensor<Self>, targets: Targets) -> (FloatTensor<Self>, FloatTensor<Self>) {
        loss::forward(logits, crate::gpu::memory(targets.labels), crate::gpu::memory(targets.weights))
    }

    fn loss_backward(gradient: FloatTensor<Self>, losses: FloatTensor<Self>) -> FloatTensor<Self> {
        loss::backward(gradient, losses)
    }
}

impl LossOps for Cube {
    fn fused_loss(logits: FloatTensor<Self>, targets: Targets) -> FloatTensor<Self> {
        Self::loss_forward(logits, targets).0
    }
}

#[derive(Debug)]
struct LossStep;

impl<B: LossKernels> Backward<B, 1> for LossStep {
    type State = FloatTensor<B>;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        tape::backward::<B, _, 1>(ops, grads, |saved, losses, _| [Some(B::loss_backward(saved, losses))]);
    }
}

impl<B: LossKernels, C: CheckpointStrategy> LossOps for Autodiff<B, C> {
    fn fused_loss(logits: FloatTensor<Self>, targets: Targets) -> FloatTensor<Self> {
        let (logits, node) = logits.into_parts();
        match LossStep.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => {
                let (losses, gradient) = B::loss_forward(logits, targets);
                prepared.finish(gradient, losses)
            }
            OpsKind::UnTracked(prepared) => prepared.finish(B::loss_forward(logits, targets).0),
        }
    }
}
