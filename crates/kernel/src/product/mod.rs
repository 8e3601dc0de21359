//! The two inner products that every kernel here is made of.
//!
//! [`outer`] adds rank-one updates to a tile of `C` held in registers (`C = A B` with `B` read in place through a
//! table of row starts, so that a convolution needs no column matrix). [`inner`] takes dot products of long rows
//! (`C = A B^T`), which is what weight gradients are. Both sum in an order that depends on the shapes alone.

mod inner;
mod outer;
mod pack;

pub use inner::{Inner, inner};
pub use outer::{Outer, outer};
pub use pack::{Store, blocks, pack};
