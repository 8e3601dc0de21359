//! Work buffers that a thread keeps between steps, so that a training step allocates nothing once it is warm.

use std::cell::RefCell;

/// The buffers of one thread, by use. A buffer only ever grows.
#[derive(Default)]
pub struct Scratch {
    /// Padded input planes, column matrices, or transformed input tiles.
    pub input: Vec<f32>,
    /// Products before bias and activation, or transformed output tiles.
    pub product: Vec<f32>,
    /// Packed or transformed weights.
    pub weight: Vec<f32>,
    /// Planes of the gradient with respect to the pre-activation.
    pub grad: Vec<f32>,
    /// A few rows or planes that stay in the first-level cache.
    pub rows: Vec<f32>,
    /// Where the operand rows of a product start.
    pub offsets: Vec<usize>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

impl Scratch {
    /// Runs `work` with this thread's buffers. Kernels call each other with the buffers in hand, never through
    /// here again, so that the borrow is unique.
    pub fn with<R>(work: impl FnOnce(&mut Scratch) -> R) -> R {
        SCRATCH.with(|s| work(&mut s.borrow_mut()))
    }
}

/// The first `len` elements of `buffer`, grown if need be; their values are whatever they were.
pub fn take<T: Copy + Default>(buffer: &mut Vec<T>, len: usize) -> &mut [T] {
    if buffer.len() < len {
        buffer.resize(len, T::default());
    }
    &mut buffer[..len]
}
