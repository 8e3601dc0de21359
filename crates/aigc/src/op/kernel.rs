//! The loops of the fused operation, over plain slices.
//!
//! They are written for the compiler's vectoriser: eight strands for every sum, no branch in a loop. [`pulp`] compiles
//! them once for each generation of vector instructions and chooses when the program runs.

use super::EPSILON;
use pulp::Arch;

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
pub fn forward(shape: &Shape, x: &[f32], scale: &[f32], shift: &[f32]) -> (Vec<f32>, Vec<[f32; 2]>) {
    let mut y = vec![0.0; x.len()];
    let mut moments = Vec::with_capacity(shape.images * shape.groups);
    Arch::new().dispatch(
        #[inline(always)]
        || {
            let group = shape.channels * shape.pixels;
            let affine = scale.chunks_exact(shape.channels).zip(shift.chunks_exact(shape.channels));
            for ((x, y), (scale, shift)) in x.chunks_exact(group).zip(y.chunks_exact_mut(group)).zip(affine) {
                let [mean, rate] = moments_of(x);
                moments.push([mean, rate]);
                let planes = x.chunks_exact(shape.pixels).zip(y.chunks_exact_mut(shape.pixels));
                for ((x, y), (scale, shift)) in planes.zip(scale.iter().zip(shift)) {
                    let slope = scale * rate;
                    let start = shift - mean * slope;
                    if shape.silu {
                        x.iter().zip(y).for_each(|(x, y)| {
                            let z = slope * x + start;
                            *y = z * sigmoid(z);
                        });
                    } else {
                        x.iter().zip(y).for_each(|(x, y)| *y = slope * x + start);
                    }
                }
            }
        },
    );
    (y, moments)
}

/// Gradients by x, scale and shift.
pub fn backward(shape: &Shape, inputs: Inputs, moments: &[[f32; 2]], gradient: &[f32]) -> [Vec<f32>; 3] {
    let mut of_x = vec![0.0; inputs.x.len()];
    let mut of_scale = vec![0.0; inputs.scale.len()];
    let mut of_shift = vec![0.0; inputs.shift.len()];
    Arch::new().dispatch(
        #[inline(always)]
        || {
            let Shape { channels, pixels, .. } = *shape;
            let group = channels * pixels;
            for (index, &[mean, rate]) in moments.iter().enumerate() {
                let planes = index * channels..(index + 1) * channels;
                let x = &inputs.x[index * group..][..group];
                let of_x = &mut of_x[index * group..][..group];
                let gradient = &gradient[index * group..][..group];
                // Means over the group of the normalised values' gradient, alone and times the normalised values.
                let (mut alone, mut times) = (0.0, 0.0);
                for (plane, channel) in planes.clone().enumerate() {
                    let (scale, shift) = (inputs.scale[channel], inputs.shift[channel]);
                    let at = plane * pixels..(plane + 1) * pixels;
                    let sums = through_silu(
                        shape.silu,
                        [mean, rate, scale, shift],
                        &x[at.clone()],
                        &gradient[at.clone()],
                        &mut of_x[at],
                    );
                    (of_shift[channel], of_scale[channel]) = (sums[0], sums[1]);
                    alone += scale * sums[0];
                    times += scale * sums[1];
                }
                (alone, times) = (alone / group as f32, times / group as f32);
                for (plane, channel) in planes.enumerate() {
                    let slope = inputs.scale[channel] * rate;
                    let at = plane * pixels..(plane + 1) * pixels;
                    of_x[at.clone()].iter_mut().zip(&x[at]).for_each(|(own, x)| {
                        *own = slope * *own - rate * (alone + (x - mean) * rate * times);
                    });
                }
            }
        },
    );
    [of_x, of_scale, of_shift]
}

/// Writes the gradient before SiLU to `out`; returns its sum, and its sum times the normalised values.
#[inline(always)]
fn through_silu(silu: bool, moments: [f32; 4], x: &[f32], gradient: &[f32], out: &mut [f32]) -> [f32; 2] {
    let (mut alone, mut times) = ([0.0; LANES], [0.0; LANES]);
    let ((x, x_rest), (gradient, gradient_rest)) = (x.as_chunks::<LANES>(), gradient.as_chunks::<LANES>());
    let (out, out_rest) = out.as_chunks_mut::<LANES>();
    for ((x, gradient), out) in x.iter().zip(gradient).zip(out) {
        for lane in 0..LANES {
            let (own, normal) = step(silu, moments, x[lane], gradient[lane]);
            out[lane] = own;
            alone[lane] += own;
            times[lane] += own * normal;
        }
    }
    for (lane, ((x, gradient), out)) in x_rest.iter().zip(gradient_rest).zip(out_rest).enumerate() {
        let (own, normal) = step(silu, moments, *x, *gradient);
        *out = own;
        alone[lane] += own;
        times[lane] += own * normal;
    }
    [alone.iter().sum(), times.iter().sum()]
}

/// The gradient before SiLU of one value, and the normalised value.
#[inline(always)]
fn step(silu: bool, [mean, rate, scale, shift]: [f32; 4], x: f32, gradient: f32) -> (f32, f32) {
    let normal = (x - mean) * rate;
    if !silu {
        return (gradient, normal);
    }
    let z = scale * normal + shift;
    let s = sigmoid(z);
    (gradient * s * (1.0 + z * (1.0 - s)), normal)
}

const LANES: usize = 8;

/// Mean and reciprocal deviation.
#[inline(always)]
fn moments_of(x: &[f32]) -> [f32; 2] {
    let count = x.len() as f32;
    let mean = sum(
        x,
        #[inline(always)]
        |x| x,
    ) / count;
    let variance = sum(
        x,
        #[inline(always)]
        |x| (x - mean) * (x - mean),
    ) / count;
    [mean, 1.0 / (variance + EPSILON).sqrt()]
}

#[inline(always)]
fn sum(x: &[f32], term: impl Fn(f32) -> f32) -> f32 {
    let mut strands = [0.0; LANES];
    let (chunks, rest) = x.as_chunks::<LANES>();
    for chunk in chunks {
        for lane in 0..LANES {
            strands[lane] += term(chunk[lane]);
        }
    }
    for (strand, x) in strands.iter_mut().zip(rest) {
        *strand += term(*x);
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
