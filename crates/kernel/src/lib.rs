#![doc = include_str!("../README.md")]
//!
//! # How it is built
//!
//! Client workers are the parallelism, so a kernel never starts a thread; it keeps its work buffers in `scratch`, one
//! set per thread, and allocates nothing once they have grown. Every sum is taken in an order that depends on shapes
//! alone, so a result depends neither on the number of workers nor on what ran before.
//!
//! This is the only crate of the workspace where `unsafe` is allowed. Public functions take slices, check their lengths
//! and are safe. Inside, `unsafe fn`s work on pointers under the contract in their `# Safety` section.
#![allow(clippy::needless_range_loop)] // index loops over fixed-size register arrays are what gets unrolled

pub mod conv;
pub mod linear;
pub mod mean;
pub mod norm;
pub mod normal;
pub mod philox;
mod product;
mod scratch;
mod simd;
#[cfg(test)]
mod testing;

pub use product::Store;
pub use simd::{Level, level};
