//! Dropout on GPUs, one launch forward and one back, and its place on the autodiff tape.

use super::tape;
use crate::gpu::dropout::{Draw, drop};
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::{Autodiff, Backend, Cube, Dispatch, backend_extension, tensor::FloatTensor};
use burn::tensor::{Int, Tensor};

/// What is random about it: the keys of all clients and steps, on the GPU, and which of them count.
#[derive(Clone, Debug)]
pub struct Random {
    /// Two words a key.
    pub keys: Tensor<1, Int>,
    /// How they are used.
    pub draw: Draw,
}

/// Activations `[clients, ...]` on a GPU after dropout.
pub fn dropout<const D: usize>(x: Tensor<D>, random: Random) -> Tensor<D> {
    Tensor::from_dispatch(<Dispatch as DropoutOps>::fused_dropout(x.into_dispatch(), random))
}

/// The operation as Burn dispatches it; use [`dropout`].
#[backend_extension(Autodiff, Cube)]
pub trait DropoutOps: Backend {
    /// See [`dropout`].
    fn fused_dropout(x: FloatTensor<Self>, random: Random) -> FloatTensor<Self>;
}

impl DropoutOps for Cube {
    fn fused_dropout(x: FloatTensor<Self>, random: Random) -> FloatTensor<Self> {
        drop(x, crate::gpu::memory(random.keys), random.draw)
    }
}

#[derive(Debug)]
struct DropoutStep;

/// The gradient is dropped where the activation was, by the same draws.
impl<B: DropoutOps> Backward<B, 1> for DropoutStep {
    type State = Random;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        tape::backward::<B, _, 1>(ops, grads, |random, gradient, _| [Some(B::fused_dropout(gradient, random))]);
    }
}

impl<B: DropoutOps, C: CheckpointStrategy> DropoutOps for Autodiff<B, C> {
    fn fused_dropout(x: FloatTensor<Self>, random: Random) -> FloatTensor<Self> {
        let (x, node) = x.into_parts();
        match DropoutStep.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => {
                let y = B::fused_dropout(x, random.clone());
                prepared.finish(random, y)
            }
            OpsKind::UnTracked(prepared) => prepared.finish(B::fused_dropout(x, random)),
        }
    }
}
