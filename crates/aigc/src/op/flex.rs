//! The fused operation on `flex`, and its place on the autodiff tape.

use super::{Norm, kernel};
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::{Autodiff, Backend, Dispatch, DispatchDevice, Flex, TensorMetadata};
use burn::backend::{backend_extension, tensor::FloatTensor};
use burn::tensor::{Device, Tensor, TensorData};
use std::sync::Arc;

/// Whether a device, or the one under its autodiff, is `flex`.
pub fn runs(device: &Device) -> bool {
    matches!(device.clone().without_autodiff().as_dispatch(), DispatchDevice::Flex(_))
}

/// [`super::norm`] on `flex`.
pub fn norm(x: Tensor<5>, scale: Tensor<3>, shift: Tensor<3>, options: Norm) -> Tensor<5> {
    let (x, scale, shift) = (x.into_dispatch(), scale.into_dispatch(), shift.into_dispatch());
    Tensor::from_dispatch(<Dispatch as FusedOps>::fused_norm(x, scale, shift, options))
}

/// The operation as Burn dispatches it; use [`super::norm`].
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
        let shape = shape(&x, options);
        let inputs = kernel::Inputs { x: slice(&x), scale: slice(&scale), shift: slice(&shift) };
        let (y, moments) = kernel::forward(&shape, inputs);
        (like(y, &x), Arc::new(moments))
    }

    fn norm_backward(saved: Saved<Self>, gradient: FlexTensor) -> [FlexTensor; 3] {
        let (x, scale, shift) = (dense(saved.x), dense(saved.scale), dense(saved.shift));
        let gradient = dense(gradient);
        let shape = shape(&x, saved.options);
        let inputs = kernel::Inputs { x: slice(&x), scale: slice(&scale), shift: slice(&shift) };
        let [of_x, of_scale, of_shift] = kernel::backward(&shape, inputs, &saved.moments, slice(&gradient));
        [like(of_x, &x), like(of_scale, &scale), like(of_shift, &shift)]
    }
}

fn shape(x: &FlexTensor, options: Norm) -> kernel::Shape {
    let dims = x.shape();
    kernel::Shape {
        images: dims[0] * dims[1],
        groups: options.groups,
        channels: dims[2] / options.groups,
        pixels: dims[3] * dims[4],
        silu: options.silu,
    }
}

/// The tensor with its elements in order.
fn dense(tensor: FlexTensor) -> FlexTensor {
    if tensor.as_slice::<f32>().is_some() { tensor } else { tensor.to_contiguous() }
}

fn slice(tensor: &FlexTensor) -> &[f32] {
    // `dense` came first, and every tensor of the denoiser is f32.
    tensor.as_slice().expect("a dense f32 tensor")
}

fn like(values: Vec<f32>, tensor: &FlexTensor) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, tensor.shape()))
}

#[derive(Debug)]
struct NormStep;

impl<B: FusedKernels> Backward<B, 3> for NormStep {
    type State = Saved<B>;

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = grads.consume::<B>(&ops.node);
        let own = B::norm_backward(ops.state, gradient);
        for (parent, gradient) in ops.parents.into_iter().zip(own) {
            if let Some(parent) = parent {
                grads.register::<B>(parent.id, gradient);
            }
        }
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
