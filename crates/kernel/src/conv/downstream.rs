//! The way out of a convolution: bias, ReLU and pooling, rows by rows.

use super::shape::{ConvShape, DEAD, Finish};
use crate::simd::{Lanes8, dispatch};

/// Where a convolution's output goes, and what is fused in front of it.
#[derive(Debug)]
pub enum Downstream<'a> {
    /// Behind [`Finish::Linear`].
    Linear(&'a mut [f32]),
    /// Behind [`Finish::Relu`].
    Relu(&'a mut [f32]),
    /// Behind [`Finish::ReluPool2`]: the pooled output and, per element, which of the window's four was taken
    /// (row-major), or [`DEAD`] where ReLU cut it off; the first one wins a tie.
    ReluPool2(&'a mut [f32], &'a mut [u8]),
}

impl Downstream<'_> {
    /// What is fused in front.
    pub fn finish(&self) -> Finish {
        match self {
            Self::Linear(_) => Finish::Linear,
            Self::Relu(_) => Finish::Relu,
            Self::ReluPool2(..) => Finish::ReluPool2,
        }
    }

    /// Whether there is nothing to compute.
    pub(super) fn is_empty(&self) -> bool {
        let (Self::Linear(out) | Self::Relu(out) | Self::ReluPool2(out, _)) = self;
        out.is_empty()
    }

    /// # Panics
    /// If the slices do not match `shape`.
    pub(super) fn check(&self, shape: &ConvShape) {
        let (Self::Linear(out) | Self::Relu(out) | Self::ReluPool2(out, _)) = self;
        assert_eq!(out.len(), shape.output_len(self.finish()), "conv2d: output does not match {shape:?}");
        if let Self::ReluPool2(out, choice) = self {
            assert_eq!(choice.len(), out.len(), "conv2d: choice does not match {shape:?}");
        }
    }

    /// Elements `at .. at + len` as pointers.
    pub(super) fn part(&mut self, at: usize, len: usize) -> Target {
        match self {
            Self::Linear(out) => Target::Linear(out[at..][..len].as_mut_ptr()),
            Self::Relu(out) => Target::Relu(out[at..][..len].as_mut_ptr()),
            Self::ReluPool2(out, choice) => {
                Target::ReluPool2(out[at..][..len].as_mut_ptr(), choice[at..][..len].as_mut_ptr())
            }
        }
    }
}

/// Planes of a [`Downstream`] as pointers.
#[derive(Clone, Copy)]
pub enum Target {
    Linear(*mut f32),
    Relu(*mut f32),
    ReluPool2(*mut f32, *mut u8),
}

impl Target {
    /// # Safety
    /// The planes go on for `n` elements.
    #[inline(always)]
    pub unsafe fn add(self, n: usize) -> Self {
        match self {
            Self::Linear(out) => Self::Linear(out.add(n)),
            Self::Relu(out) => Self::Relu(out.add(n)),
            Self::ReluPool2(out, choice) => Self::ReluPool2(out.add(n), choice.add(n)),
        }
    }
}

/// Some rows of products of one channel, on their way to the output plane.
#[derive(Clone, Copy)]
pub struct Rows {
    /// Distance between the rows.
    pub stride: usize,
    /// How many there are; even under pooling, unless they are the last.
    pub count: usize,
    /// Their index in the output before pooling.
    pub first: usize,
    /// Width of the output before pooling.
    pub width: usize,
}

/// Adds bias, applies what is fused and writes the output (and choice) plane.
///
/// # Safety
/// `src` holds `rows`; `target` is the channel's whole planes and holds what `rows` covers.
#[inline(always)]
pub unsafe fn finish_rows(src: *const f32, rows: Rows, bias: f32, target: Target) {
    let w = rows.width;
    match target {
        Target::Linear(out) => {
            for r in 0..rows.count {
                let (from, to) = (src.add(r * rows.stride), out.add((rows.first + r) * w));
                for i in 0..w {
                    *to.add(i) = *from.add(i) + bias;
                }
            }
        }
        Target::Relu(out) => {
            for r in 0..rows.count {
                let (from, to) = (src.add(r * rows.stride), out.add((rows.first + r) * w));
                for i in 0..w {
                    let y = *from.add(i) + bias;
                    // Not `max`: a NaN must pass, so that divergence is seen.
                    *to.add(i) = if y < 0.0 { 0.0 } else { y };
                }
            }
        }
        Target::ReluPool2(out, choice) => {
            let pw = w / 2;
            for r in (0..rows.count / 2 * 2).step_by(2) {
                let (top, bottom) = (src.add(r * rows.stride), src.add((r + 1) * rows.stride));
                let at = (rows.first + r) / 2 * pw;
                let (to, which) = (out.add(at), choice.add(at));
                for i in 0..pw {
                    let (a, b) = (*top.add(2 * i), *top.add(2 * i + 1));
                    let (c, d) = (*bottom.add(2 * i), *bottom.add(2 * i + 1));
                    let (ab, iab) = if a >= b { (a, 0u32) } else { (b, 1) };
                    let (cd, icd) = if c >= d { (c, 2) } else { (d, 3) };
                    let (m, im) = if ab >= cd { (ab, iab) } else { (cd, icd) };
                    let y = m + bias;
                    *to.add(i) = if y < 0.0 { 0.0 } else { y };
                    *which.add(i) = if y > 0.0 { im as u8 } else { DEAD };
                }
            }
        }
    }
}

/// Channels of one image.
#[derive(Clone, Copy)]
pub struct Channels {
    /// How many.
    pub count: usize,
    /// Distance between the channels' rows in the source.
    pub stride: usize,
    /// Elements of an output plane.
    pub plane: usize,
}

dispatch! {
    /// Finishes the same rows of every channel.
    ///
    /// # Safety
    /// As for [`finish_rows`], for each channel; `bias` holds one float per channel.
    pub fn finish_channels(channels: Channels, rows: Rows, src: *const f32, bias: *const f32, target: Target)
        = finish_channels_body, lanes8
}

/// The compiler makes the vectors.
#[inline(always)]
#[allow(clippy::extra_unused_type_parameters)]
unsafe fn finish_channels_body<S: Lanes8>(
    channels: Channels,
    rows: Rows,
    src: *const f32,
    bias: *const f32,
    target: Target,
) {
    for c in 0..channels.count {
        finish_rows(src.add(c * channels.stride), rows, *bias.add(c), target.add(c * channels.plane));
    }
}
