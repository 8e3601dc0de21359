//! `flex` tensors as slices.

use burn::backend::TensorMetadata;
use burn::backend::flex::FlexTensor;
use burn::tensor::TensorData;

/// The first sizes.
pub fn dims<const D: usize>(tensor: &FlexTensor) -> [usize; D] {
    let shape = tensor.shape();
    std::array::from_fn(|i| shape[i])
}

/// The tensor with its elements in order, and without copying where they are.
pub fn dense(tensor: FlexTensor) -> FlexTensor {
    if tensor.as_slice::<f32>().is_some() { tensor } else { tensor.to_contiguous() }
}

/// The elements of a dense tensor.
pub fn slice(tensor: &FlexTensor) -> &[f32] {
    // `dense` came first, and the public operations check for f32.
    tensor.as_slice().expect("a dense f32 tensor")
}

/// A tensor of values in order.
pub fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, shape))
}

/// Room for values.
pub fn zeros(n: usize) -> Vec<f32> {
    vec![0.0; n]
}
