//! Two-dimensional convolution of one client's batch, with bias, ReLU and 2x2 max pooling fused.
//!
//! Three algorithms share this door, and [`Algorithm::of`] says which one a shape takes:
//! - `winograd`: F(4x4, 3x3) and F(2x2, 5x5) for 3x3 and 5x5 kernels of stride 1, a quarter and a third of the multiplications;
//! - `direct`: reads the padded image in place of a column matrix, for each phase of the strides;
//! - `im2col`: everything else.

mod direct;
mod downstream;
mod im2col;
mod operands;
mod phases;
mod planes;
mod shape;
mod upstream;
mod winograd;

pub use downstream::Downstream;
pub use operands::{Conv2d, Gradients};
pub use shape::{ConvShape, DEAD, Finish};
pub use upstream::Upstream;

use crate::scratch::Scratch;

/// How a convolution is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// Winograd's minimal filtering F(4x4, 3x3) or F(2x2, 5x5).
    Winograd,
    /// Products straight from the padded image.
    Direct,
    /// Products from a column matrix.
    Im2col,
}

impl Algorithm {
    /// The algorithm that `shape` takes.
    ///
    /// # Panics
    /// If a stride is zero, or the kernel is larger than the padded image.
    pub fn of(shape: &ConvShape) -> Self {
        shape.check();
        // The transforms cost as much as 8 or so channels of products, and tiles that hang over waste theirs.
        let wide = shape.cin >= 8 && shape.cout >= 8;
        let pays = || wide && 2 * shape.out_h() * shape.out_w() >= winograd::covered(shape);
        match () {
            () if Self::Winograd.takes(shape) && pays() => Self::Winograd,
            () if Self::Direct.takes(shape) => Self::Direct,
            () => Self::Im2col,
        }
    }

    /// Whether `shape` can be computed this way.
    pub fn takes(self, shape: &ConvShape) -> bool {
        let narrow = shape.padding[0] < shape.kh && shape.padding[1] < shape.kw;
        match self {
            Self::Winograd => narrow && shape.stride == [1, 1] && shape.kh == shape.kw && [3, 5].contains(&shape.kh),
            Self::Direct => narrow,
            Self::Im2col => true,
        }
    }
}

impl Conv2d<'_> {
    /// Writes `finish(conv(x, weight) + bias)` to `out`, which says what `finish` is.
    ///
    /// # Panics
    /// If a slice's length does not match the shape, a stride is zero, or the kernel is larger than the padded image.
    pub fn forward(&self, bias: &[f32], out: Downstream) {
        self.forward_by(Algorithm::of(&self.shape), bias, out);
    }

    /// [`Self::forward`] by a given algorithm.
    ///
    /// # Panics
    /// As [`Self::forward`], and if the algorithm cannot take the shape.
    pub fn forward_by(&self, algorithm: Algorithm, bias: &[f32], mut out: Downstream) {
        self.check(algorithm);
        assert_eq!(bias.len(), self.shape.cout, "conv2d: bias does not match {:?}", self.shape);
        out.check(&self.shape);
        if out.is_empty() {
            return;
        }
        Scratch::with(|scratch| match algorithm {
            Algorithm::Winograd => winograd::forward(self, bias, &mut out, scratch),
            Algorithm::Direct => direct::forward(self, bias, &mut out, scratch),
            Algorithm::Im2col => im2col::forward(self, bias, &mut out, scratch),
        });
    }

    /// Gradients of a loss with respect to input, weights and bias, from that with respect to the output.
    ///
    /// # Panics
    /// As [`Self::forward`].
    pub fn backward(&self, upstream: Upstream, grads: Gradients) {
        self.backward_by(Algorithm::of(&self.shape), upstream, grads);
    }

    /// [`Self::backward`] by a given algorithm.
    ///
    /// # Panics
    /// As [`Self::forward_by`].
    pub fn backward_by(&self, algorithm: Algorithm, upstream: Upstream, mut grads: Gradients) {
        let shape = &self.shape;
        self.check(algorithm);
        upstream.check(shape);
        if let Some(x) = &grads.x {
            assert_eq!(x.len(), shape.input_len(), "conv2d: input gradient does not match {shape:?}");
        }
        assert_eq!(grads.weight.len(), shape.weight_len(), "conv2d: weight gradient does not match {shape:?}");
        assert_eq!(grads.bias.len(), shape.cout, "conv2d: bias gradient does not match {shape:?}");
        grads.weight.fill(0.0);
        grads.bias.fill(0.0);
        if upstream.is_empty() {
            grads.x.into_iter().for_each(|x| x.fill(0.0));
            return;
        }
        Scratch::with(|scratch| match algorithm {
            Algorithm::Winograd => winograd::backward(self, upstream, &mut grads, scratch),
            Algorithm::Direct => direct::backward(self, upstream, &mut grads, scratch),
            Algorithm::Im2col => im2col::backward(self, upstream, &mut grads, scratch),
        });
    }

    fn check(&self, algorithm: Algorithm) {
        let shape = &self.shape;
        shape.check();
        assert!(algorithm.takes(shape), "conv2d: {algorithm:?} cannot take {shape:?}");
        assert_eq!(self.x.len(), shape.input_len(), "conv2d: input does not match {shape:?}");
        assert_eq!(self.weight.len(), shape.weight_len(), "conv2d: weight does not match {shape:?}");
    }
}

#[cfg(test)]
mod tests;
