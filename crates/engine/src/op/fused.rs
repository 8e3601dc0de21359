//! Fused group normalisation on `flex`, and its place on the autodiff tape.

use super::options::Norm;
use super::slices::{dense, dims, slice, tensor, zeros};
use super::tape;
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::{Autodiff, Backend, Dispatch, DispatchDevice, Flex, backend_extension, tensor::FloatTensor};
use burn::tensor::{Device, Tensor};
use imfl_kernel::norm::{self as kernel, GroupNorm, Inputs};
use std::sync::Arc;

/// Whether a device, or the one under its autodiff, is `flex`.
pub fn runs(device: &Device) -> bool {
    matches!(device.clone().without_autodiff().as_dispatch(), DispatchDevice::Flex(_))
}

/// [`super::norm`] on `flex`, with a scale and a shift for each image.
pub fn norm(x: Tensor<5>, scale: Tensor<3>, shift: Tensor<3>, options: Norm) -> Tensor<5> {
    let (x, scale, shift) = (x.into_dispatch(), scale.into_dispatch(), shift.into_dispatch());
    Tensor::from_dispatch(<Dispatch as FusedOps>::fused_norm(x, scale, shift, options))
}

/// The operation as Burn dispatches it; use [`norm`](super::norm).
#[backend_extension(Autodiff, Flex)]
pub trait FusedOps: Backend {
    /// See [`super::norm`].
    fn fused_norm(
        x: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        options: Norm,
    ) -> FloatTensor<Self>;
}

/// Forward and backward passes, from which the differentiable operation is made.
pub trait FusedKernels: Backend {
    /// The output, and mean and reciprocal deviation of every group.
    fn norm_forward(
        x: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        options: Norm,
    ) -> (FloatTensor<Self>, Arc<Vec<[f32; 2]>>);

    /// Gradients by input, scale and shift.
    fn norm_backward(saved: Saved<Self>, gradient: FloatTensor<Self>) -> [FloatTensor<Self>; 3];
}

/// What the backward pass reads.
#[derive(Clone, Debug)]
pub struct Saved<B: Backend> {
    x: FloatTensor<B>,
    scale: FloatTensor<B>,
    shift: FloatTensor<B>,
    moments: Arc<Vec<[f32; 2]>>,
    options: Norm,
}

impl FusedOps for Flex {
    fn fused_norm(x: FlexTensor, scale: FlexTensor, shift: FlexTensor, options: Norm) -> FlexTensor {
        Self::norm_forward(x, scale, shift, options).0
    }
}

impl FusedKernels for Flex {
    fn norm_forward(
        x: FlexTensor,
        scale: FlexTensor,
        shift: FlexTensor,
        options: Norm,
    ) -> (FlexTensor, Arc<Vec<[f32; 2]>>) {
        let (x, scale, shift) = (dense(x), dense(scale), dense(shift));
        let norm = shape(&x, options);
        let mut y = zeros(slice(&x).len());
        let mut moments = vec![[0.0; 2]; norm.images * norm.groups];
        let inputs = Inputs { x: slice(&x), scale: slice(&scale), shift: slice(&shift) };
        norm.forward(inputs, &mut y, &mut moments);
        (tensor(y, dims::<5>(&x)), Arc::new(moments))
    }

    fn norm_backward(saved: Saved<Self>, gradient: FlexTensor) -> [FlexTensor; 3] {
        let (x, scale, shift) = (dense(saved.x), dense(saved.scale), dense(saved.shift));
        let gradient = dense(gradient);
        let [mut of_x, mut of_scale, mut of_shift] = [&x, &scale, &shift].map(|input| zeros(slice(input).len()));
        let inputs = Inputs { x: slice(&x), scale: slice(&scale), shift: slice(&shift) };
        let own = kernel::Gradients { x: &mut of_x, scale: &mut of_scale, shift: &mut of_shift };
        shape(&x, saved.options).backward(inputs, &saved.moments, slice(&gradient), own);
        [tensor(of_x, dims::<5>(&x)), tensor(of_scale, dims::<3>(&scale)), tensor(of_shift, dims::<3>(&shift))]
    }
}

fn shape(x: &FlexTensor, Norm { groups, silu }: Norm) -> GroupNorm {
    let [clients, batch, channels, height, width] = dims(x);
    GroupNorm { images: clients * batch, groups, channels: channels / groups, pixels: height * width, silu }
}

#[derive(Debug)]
struct NormStep;

impl<B: FusedKernels> Backward<B, 3> for NormStep {
    type State = Saved<B>;

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        tape::backward::<B, _, 3>(ops, grads, |saved, gradient, _| B::norm_backward(saved, gradient).map(Some));
    }
}

impl<B: FusedKernels, C: CheckpointStrategy> FusedOps for Autodiff<B, C> {
    fn fused_norm(
        x: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        options: Norm,
    ) -> FloatTensor<Self> {
        let ((x, nx), (scale, nscale), (shift, nshift)) = (x.into_parts(), scale.into_parts(), shift.into_parts());
        match NormStep.prepare::<C>([nx, nscale, nshift]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => {
                let (y, moments) = B::norm_forward(x.clone(), scale.clone(), shift.clone(), options);
                prepared.finish(Saved { x, scale, shift, moments, options }, y)
            }
            OpsKind::UnTracked(prepared) => prepared.finish(B::norm_forward(x, scale, shift, options).0),
        }
    }
}
