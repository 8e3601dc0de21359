//! Differentiable operations with a leading client axis.
//!
//! Each client has weights of its own, and one call serves a chunk of clients. On `flex` the operations run the CPU
//! kernels of `imfl-kernel`; on every other backend they are expressed with the backend's own operations in a number of
//! launches that does not grow with the clients (`generic`).

// `ndarray` is deprecated upstream and kept because users asked for it.
#![cfg_attr(feature = "ndarray", allow(deprecated))]

mod assertion;
mod autodiff;
mod convolution;
#[cfg(any(feature = "wgpu", feature = "cuda"))]
mod cube;
mod descend;
mod dropout;
#[cfg(feature = "flex")]
mod flex;
#[cfg(feature = "flex")]
mod fused;
mod generic;
mod linear;
#[cfg(any(feature = "wgpu", feature = "cuda"))]
pub(crate) mod loss;
mod mask;
mod norm;
mod options;
mod primitive;
#[cfg(any(feature = "wgpu", feature = "cuda"))]
mod routes;
#[cfg(feature = "flex")]
mod slices;
mod stacked;
mod table;
mod tape;
#[cfg(any(feature = "wgpu", feature = "cuda"))]
pub(crate) mod trial;

pub use convolution::conv2d;
pub use descend::Descending;
pub use dropout::dropout;
pub use linear::{linear, linear_descending};
pub use mask::{Mask, Masked};
pub use norm::norm;
pub use options::{Activation, Convolution, Finish, Norm};
pub use table::DescendingTable;

#[cfg(all(test, feature = "flex"))]
mod tests;
