//! What every operation asks of its tensors.

use burn::tensor::DType;

/// # Panics
/// If a type is not `f32`, naming the operation.
pub fn assert_f32(what: &str, types: [DType; 3]) {
    assert!(types.iter().all(|t| *t == DType::F32), "{what}: tensors must be f32, got {types:?}");
}
