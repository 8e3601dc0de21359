//! What a convolution reads, and where its gradients go.

use super::shape::ConvShape;

/// A convolution of one client's batch: its shape and what both of its passes read.
#[derive(Clone, Copy, Debug)]
pub struct Conv2d<'a> {
    /// The sizes.
    pub shape: ConvShape,
    /// The images, `[batch, cin, h, w]`.
    pub x: &'a [f32],
    /// The kernels, `[cout, cin, kh, kw]`.
    pub weight: &'a [f32],
}

/// Where [`Conv2d::backward`] puts the gradients. All are overwritten.
#[derive(Debug)]
pub struct Gradients<'a> {
    /// `[batch, cin, h, w]`, or `None` where nobody needs it.
    pub x: Option<&'a mut [f32]>,
    /// `[cout, cin, kh, kw]`.
    pub weight: &'a mut [f32],
    /// `[cout]`.
    pub bias: &'a mut [f32],
}
