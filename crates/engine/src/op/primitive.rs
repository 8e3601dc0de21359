//! Between plain tensors and those of a backend.

use burn::backend::{Backend, DispatchKindConversion, DispatchTensor, tensor::FloatTensor};
use burn::tensor::Tensor;

/// A backend that tensors can be brought to by name.
pub trait Primitive: Backend {
    /// The backend's tensor behind a plain one. `None` if it lives on another backend or records gradients.
    fn lower(tensor: Tensor<3>) -> Option<FloatTensor<Self>>;

    /// The inverse of [`Self::lower`].
    fn raise(tensor: FloatTensor<Self>) -> Tensor<3>;
}

impl<B: Backend> Primitive for B
where
    DispatchTensor: DispatchKindConversion<B>,
{
    fn lower(tensor: Tensor<3>) -> Option<FloatTensor<B>> {
        tensor.try_into_primitive::<B>().ok()
    }

    fn raise(tensor: FloatTensor<B>) -> Tensor<3> {
        Tensor::from_primitive::<B>(tensor)
    }
}
