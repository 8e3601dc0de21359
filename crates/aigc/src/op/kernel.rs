//! The loops of the fused operation, over plain slices.
//!
//! They are written for the compiler's vectoriser: eight strands for every sum, no branch in a loop. [`pulp`] compiles
//! them once for each generation of vector instructions and chooses when the program runs.

use super::EPSILON;
use pulp::{Arch, Simd, WithSimd};

/// Sizes of one call; an image has `groups * channels` channels.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub images: usize,
    pub groups: usize,
    /// Channels of a group.
    pub channels: usize,
    /// Pixels of a channel.
    pub pixels: usize,
    pub silu: bool,
}

/// What went into the forward pass.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// `[images, groups, channels, pixels]`
    pub x: &'a [f32],
    /// `[images, groups, channels]`
    pub scale: &'a [f32],
    /// `[images, groups, channels]`
    pub shift: &'a [f32],
}

/// The output, and mean and reciprocal deviation of every group.
pub fn forward(shape: &Shape, inputs: Inputs) -> (Vec<f32>, Vec<[f32; 2]>) {
    let mut y = vec![0.0; inputs.x.len()];
    let mut moments = vec![[0.0; 2]; shape.images * shape.groups];
    Arch::new().dispatch(Forward { shape, inputs, y: &mut y, moments: &mut moments });
    (y, moments)
}

struct Forward<'a> {
    shape: &'a Shape,
    inputs: Inputs<'a>,
    y: &'a mut [f32],
    moments: &'a mut [[f32; 2]],
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Shape { channels, pixels, silu, .. } = *self.shape;
        let group = channels * pixels;
        for (index, found) in self.moments.iter_mut().enumerate() {
            let x = &self.inputs.x[index * group..][..group];
            let [mean, rate] = moments_of(x);
            *found = [mean, rate];
            let planes = x.chunks_exact(pixels).zip(self.y[index * group..][..group].chunks_exact_mut(pixels));
            for ((x, y), channel) in planes.zip(index * channels..) {
                let slope = self.inputs.scale[channel] * rate;
                let start = self.inputs.shift[channel] - mean * slope;
                if silu {
                    for (x, y) in x.iter().zip(y) {
                        let z = slope * x + start;
                        *y = z * sigmoid(z);
                    }
                } else {
                    for (x, y) in x.iter().zip(y) {
                        *y = slope * x + start;
                    }
                }
            }
        }
    }
}

/// Gradients by x, scale and shift.
pub fn backward(shape: &Shape, inputs: Inputs, moments: &[[f32; 2]], gradient: &[f32]) -> [Vec<f32>; 3] {
    let mut out = [inputs.x, inputs.scale, inputs.shift].map(|input| vec![0.0; input.len()]);
    let [of_x, of_scale, of_shift] = &mut out;
    Arch::new().dispatch(Backward { shape, inputs, moments, gradient, of_x, of_scale, of_shift });
    out
}

struct Backward<'a> {
    shape: &'a Shape,
    inputs: Inputs<'a>,
    moments: &'a [[f32; 2]],
    gradient: &'a [f32],
    of_x: &'a mut [f32],
    of_scale: &'a mut [f32],
    of_shift: &'a mut [f32],
}

impl WithSimd for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Shape { channels, pixels, silu, .. } = *self.shape;
        let group = channels * pixels;
        for (index, &[mean, rate]) in self.moments.iter().enumerate() {
            let own = index * channels..(index + 1) * channels;
            // Means over the group of the normalised values' gradient, alone and times the normalised values.
            let (mut alone, mut times) = (0.0, 0.0);
            for channel in own.clone() {
                let at = channel * pixels..(channel + 1) * pixels;
                let (x, gradient) = (&self.inputs.x[at.clone()], &self.gradient[at.clone()]);
                let before = &mut self.of_x[at];
                let scale = self.inputs.scale[channel];
                let slope = scale * rate;
                let start = self.inputs.shift[channel] - mean * slope;
                if silu {
                    for ((x, gradient), before) in x.iter().zip(gradient).zip(before.iter_mut()) {
                        let z = slope * x + start;
                        let s = sigmoid(z);
                        *before = gradient * s * (1.0 + z * (1.0 - s));
                    }
                } else {
                    before.copy_from_slice(gradient);
                }
                let sums = [sum(before, before, |g, _| g), sum(before, x, |g, x| g * ((x - mean) * rate))];
                [self.of_shift[channel], self.of_scale[channel]] = sums;
                alone += scale * sums[0];
                times += scale * sums[1];
            }
            (alone, times) = (alone / group as f32, times / group as f32);
            for channel in own {
                let slope = self.inputs.scale[channel] * rate;
                let at = channel * pixels..(channel + 1) * pixels;
                for (own, x) in self.of_x[at.clone()].iter_mut().zip(&self.inputs.x[at]) {
                    *own = slope * *own - rate * (alone + (x - mean) * rate * times);
                }
            }
        }
    }
}

/// Strands of a sum.
const LANES: usize = 8;

/// Mean and reciprocal deviation.
#[inline(always)]
fn moments_of(x: &[f32]) -> [f32; 2] {
    let count = x.len() as f32;
    let mean = sum(x, x, |x, _| x) / count;
    let variance = sum(x, x, |x, _| (x - mean) * (x - mean)) / count;
    [mean, 1.0 / (variance + EPSILON).sqrt()]
}

/// Sums over pairs.
#[inline(always)]
fn sum(a: &[f32], b: &[f32], term: impl Fn(f32, f32) -> f32) -> f32 {
    let mut strands = [0.0; LANES];
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    for (a, b) in a.iter().zip(b) {
        for lane in 0..LANES {
            strands[lane] += term(a[lane], b[lane]);
        }
    }
    for ((strand, a), b) in strands.iter_mut().zip(a_rest).zip(b_rest) {
        *strand += term(*a, *b);
    }
    strands.iter().sum()
}

#[inline(always)]
fn sigmoid(z: f32) -> f32 {
    1.0 / (1.0 + exp(-z))
}

/// `e^x` without branches or calls: x = n ln 2 + r with |r| <= ln 2 / 2, e^r by the first seven terms of its series, 2^n by
/// its exponent bits. Relative error below 4e-7; beyond +-87 it stays at its value there.
#[inline(always)]
fn exp(x: f32) -> f32 {
    // Adding it leaves the nearest integer in the low bits of the sum.
    const MAGIC: f32 = 12_582_912.0;
    // ln 2 in two parts, of which the first times n is exact.
    const LN2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
    let x = x.clamp(-87.0, 87.0);
    let shifted = x * std::f32::consts::LOG2_E + MAGIC;
    let n = shifted - MAGIC;
    let r = (x - n * LN2[0]) - n * LN2[1];
    let mut series = 1.0 / 720.0;
    for term in [1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
        series = series * r + term;
    }
    let exponent = shifted.to_bits().wrapping_sub(MAGIC.to_bits()).wrapping_add(127);
    series * f32::from_bits(exponent << 23)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponential_is_that_of_the_standard_library() {
        for step in -8_600..=8_600 {
            let x = step as f32 / 100.0;
            let (own, exact) = (f64::from(exp(x)), f64::from(x).exp());
            assert!((own / exact - 1.0).abs() < 4e-7, "{x}: {own} for {exact}");
        }
        assert!(exp(f32::NAN).is_nan());
        assert!(exp(1e30).is_finite() && exp(-1e30) > 0.0);
    }
}
