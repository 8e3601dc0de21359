//! Single-threaded CPU kernels on `f32` slices: convolution, dense layers, pooling, dropout, losses and SGD.
//!
//! Client workers are the parallelism, so a kernel never starts a thread; it keeps its work buffers in
//! `scratch`, one set per thread, and allocates nothing once they have grown. The instruction set is chosen at
//! run time (`simd`). Every sum is taken in an order that depends on shapes alone, so a result depends neither
//! on the number of workers nor on what ran before.
//!
//! This is the only room of the engine where `unsafe` is allowed. Public functions take slices, check their lengths
//! and are safe. Inside, `unsafe fn`s work on pointers under the contract in their `# Safety` section.
#![allow(unsafe_code, unsafe_op_in_unsafe_fn)]
// A body compiled for several instruction sets may leave the vectors to the compiler.
#![allow(clippy::extra_unused_type_parameters)]
#![allow(clippy::needless_range_loop)] // index loops over fixed-size register arrays are what gets unrolled

pub mod conv;
mod direct;
mod im2col;
pub mod linear;
pub(crate) mod mean;
mod planes;
mod product;
mod scratch;
mod simd;
mod winograd;

pub use planes::{DEAD, Upstream};
pub use product::Into;
pub use simd::{Level, level};

#[cfg(test)]
mod tests;
