//! Two-dimensional convolution of one client's batch, with bias, ReLU and 2x2 max pooling fused.
//!
//! Three algorithms share this door, and [`Algorithm::of`] says which one a shape takes:
//! - `winograd`: F(4x4, 3x3) for 3x3 kernels of stride 1, a quarter of the multiplications;
//! - `direct`: stride 1, reading the padded image in place of a column matrix;
//! - `im2col`: everything else.

use super::planes::Upstream;
use super::scratch::Scratch;
use super::{direct, im2col, winograd};

/// The shape of a convolution. Images are `[batch, cin, h, w]`, weights `[cout, cin, kh, kw]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv2d {
    /// Images in the batch.
    pub batch: usize,
    /// Input channels.
    pub cin: usize,
    /// Input height.
    pub h: usize,
    /// Input width.
    pub w: usize,
    /// Output channels.
    pub cout: usize,
    /// Kernel height.
    pub kh: usize,
    /// Kernel width.
    pub kw: usize,
    /// Vertical and horizontal stride.
    pub stride: [usize; 2],
    /// Rows added above and below, columns added left and right.
    pub padding: [usize; 2],
}

/// What follows a convolution in the same pass over memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// Bias only.
    Linear,
    /// Bias, then ReLU.
    Relu,
    /// Bias, ReLU, then max pooling over 2x2 windows with stride 2; an odd last row or column is dropped.
    ReluPool2,
}

impl Conv2d {
    /// Height of the convolution's output, before pooling.
    pub fn out_h(&self) -> usize {
        (self.h + 2 * self.padding[0] - self.kh) / self.stride[0] + 1
    }
    /// Width of the convolution's output, before pooling.
    pub fn out_w(&self) -> usize {
        (self.w + 2 * self.padding[1] - self.kw) / self.stride[1] + 1
    }
    /// Height and width after `finish`.
    pub fn finished(&self, finish: Finish) -> [usize; 2] {
        match finish {
            Finish::ReluPool2 => [self.out_h() / 2, self.out_w() / 2],
            _ => [self.out_h(), self.out_w()],
        }
    }
    /// Elements of the input.
    pub fn input_len(&self) -> usize {
        self.batch * self.cin * self.h * self.w
    }
    /// Elements of the weights.
    pub fn weight_len(&self) -> usize {
        self.cout * self.cin * self.kh * self.kw
    }
    /// Elements of the output after `finish`.
    pub fn output_len(&self, finish: Finish) -> usize {
        let [h, w] = self.finished(finish);
        self.batch * self.cout * h * w
    }
    /// Depth of the sums: `cin * kh * kw`.
    pub(super) fn depth(&self) -> usize {
        self.cin * self.kh * self.kw
    }
}

/// How a convolution is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// Winograd's minimal filtering F(4x4, 3x3).
    Winograd,
    /// Products straight from the padded image.
    Direct,
    /// Products from a column matrix.
    Im2col,
}

impl Algorithm {
    /// The algorithm that `shape` takes.
    pub fn of(shape: &Conv2d) -> Self {
        let [ph, pw] = shape.padding;
        if shape.stride != [1, 1] || ph >= shape.kh || pw >= shape.kw {
            return Self::Im2col;
        }
        let (oh, ow) = (shape.out_h(), shape.out_w());
        let covered = 16 * oh.div_ceil(4) * ow.div_ceil(4);
        // The transforms cost as much as 8 or so channels of products, and tiles that hang over waste theirs.
        let pays = shape.cin >= 8 && shape.cout >= 8 && 2 * oh * ow >= covered;
        if (shape.kh, shape.kw) == (3, 3) && pays { Self::Winograd } else { Self::Direct }
    }
}

/// `out = finish(conv(x, weight) + bias)`.
///
/// `choice` is used by [`Finish::ReluPool2`] only: it receives, per pooled element, which of the window's four
/// elements was taken (row-major), or [`super::planes::DEAD`] where ReLU cut it off; the first one wins a tie.
///
/// # Panics
/// If a slice's length does not match `shape`.
pub fn forward(
    shape: &Conv2d,
    finish: Finish,
    x: &[f32],
    weight: &[f32],
    bias: &[f32],
    out: &mut [f32],
    choice: &mut [u8],
) {
    forward_by(Algorithm::of(shape), shape, finish, x, weight, bias, out, choice);
}

/// [`forward`] by a given algorithm, which must be able to take the shape.
#[allow(clippy::too_many_arguments)]
pub fn forward_by(
    algorithm: Algorithm,
    shape: &Conv2d,
    finish: Finish,
    x: &[f32],
    weight: &[f32],
    bias: &[f32],
    out: &mut [f32],
    choice: &mut [u8],
) {
    assert_eq!(x.len(), shape.input_len(), "conv2d: input does not match {shape:?}");
    assert_eq!(weight.len(), shape.weight_len(), "conv2d: weight does not match {shape:?}");
    assert_eq!(bias.len(), shape.cout, "conv2d: bias does not match {shape:?}");
    assert_eq!(out.len(), shape.output_len(finish), "conv2d: output does not match {shape:?}");
    if finish == Finish::ReluPool2 {
        assert_eq!(choice.len(), out.len(), "conv2d: choice does not match {shape:?}");
    }
    if out.is_empty() {
        return;
    }
    Scratch::with(|scratch| match algorithm {
        Algorithm::Winograd => winograd::forward(shape, finish, x, weight, bias, out, choice, scratch),
        Algorithm::Direct => direct::forward(shape, finish, x, weight, bias, out, choice, scratch),
        Algorithm::Im2col => im2col::forward(shape, finish, x, weight, bias, out, choice, scratch),
    });
}

/// Where [`backward`] puts the gradients. All are overwritten.
pub struct Gradients<'a> {
    /// `[batch, cin, h, w]`, or `None` where nobody needs it.
    pub x: Option<&'a mut [f32]>,
    /// `[cout, cin, kh, kw]`.
    pub weight: &'a mut [f32],
    /// `[cout]`.
    pub bias: &'a mut [f32],
}

/// Gradients of a loss with respect to input, weights and bias, from that with respect to the output.
///
/// # Panics
/// If a slice's length does not match `shape`.
pub fn backward(shape: &Conv2d, x: &[f32], weight: &[f32], upstream: Upstream, grads: Gradients) {
    backward_by(Algorithm::of(shape), shape, x, weight, upstream, grads);
}

/// [`backward`] by a given algorithm, which must be able to take the shape.
pub fn backward_by(
    algorithm: Algorithm,
    shape: &Conv2d,
    x: &[f32],
    weight: &[f32],
    upstream: Upstream,
    mut grads: Gradients,
) {
    assert_eq!(x.len(), shape.input_len(), "conv2d: input does not match {shape:?}");
    assert_eq!(weight.len(), shape.weight_len(), "conv2d: weight does not match {shape:?}");
    upstream.check(shape);
    if let Some(x) = &grads.x {
        assert_eq!(x.len(), shape.input_len(), "conv2d: input gradient does not match {shape:?}");
    }
    assert_eq!(grads.weight.len(), weight.len(), "conv2d: weight gradient does not match {shape:?}");
    assert_eq!(grads.bias.len(), shape.cout, "conv2d: bias gradient does not match {shape:?}");
    grads.weight.fill(0.0);
    grads.bias.fill(0.0);
    Scratch::with(|scratch| match algorithm {
        Algorithm::Winograd => winograd::backward(shape, x, weight, upstream, &mut grads, scratch),
        Algorithm::Direct => direct::backward(shape, x, weight, upstream, &mut grads, scratch),
        Algorithm::Im2col => im2col::backward(shape, x, weight, upstream, &mut grads, scratch),
    });
}
