//! What every backward pass on the tape begins and ends with.

use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::Ops;
use burn::backend::{Backend, tensor::FloatTensor};

/// Takes the gradient of a step's output off the tape and hands the parents theirs: `backward` makes them from the step's
/// state, that gradient, and which of them somebody needs.
pub fn backward<B: Backend, S, const N: usize>(
    ops: Ops<S, N>,
    grads: &mut Gradients,
    backward: impl FnOnce(S, FloatTensor<B>, [bool; N]) -> [Option<FloatTensor<B>>; N],
) {
    let wanted = ops.parents.each_ref().map(Option::is_some);
    let grad = grads.consume::<B>(&ops.node);
    for (parent, grad) in ops.parents.into_iter().zip(backward(ops.state, grad, wanted)) {
        if let (Some(parent), Some(grad)) = (parent, grad) {
            grads.register::<B>(parent.id, grad);
        }
    }
}
