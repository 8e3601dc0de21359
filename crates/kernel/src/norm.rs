//! Group normalisation (Wu and He 2018) with a scale and a shift of each channel, and SiLU behind it, in one pass over
//! memory.
//!
//! The loops are written for the compiler's vectoriser: eight strands for every sum, no branch in a loop. Nothing is
//! fused or reordered, so that every instruction set gives the same bits.

use crate::simd::dispatch;

/// Added to every variance.
pub const EPSILON: f32 = 1e-5;

/// The shape of a normalisation, and whether SiLU follows; an image has `groups * channels` channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupNorm {
    /// Images.
    pub images: usize,
    /// Groups of an image's channels, each of which gets mean 0 and variance 1.
    pub groups: usize,
    /// Channels of a group.
    pub channels: usize,
    /// Pixels of a channel.
    pub pixels: usize,
    /// Whether SiLU, `z / (1 + exp(-z))`, follows.
    pub silu: bool,
}

/// What both passes read.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// `[images, groups, channels, pixels]`
    pub x: &'a [f32],
    /// `[images, groups, channels]`
    pub scale: &'a [f32],
    /// `[images, groups, channels]`
    pub shift: &'a [f32],
}

/// Where [`GroupNorm::backward`] puts the gradients. All are overwritten.
#[derive(Debug)]
pub struct Gradients<'a> {
    /// `[images, groups, channels, pixels]`
    pub x: &'a mut [f32],
    /// `[images, groups, channels]`
    pub scale: &'a mut [f32],
    /// `[images, groups, channels]`
    pub shift: &'a mut [f32],
}

impl GroupNorm {
    /// Writes `y [images, groups, channels, pixels]`, and mean and reciprocal deviation of every group to `moments
    /// [images, groups]`.
    ///
    /// # Panics
    /// If a slice's length does not match the shape.
    pub fn forward(&self, inputs: Inputs, y: &mut [f32], moments: &mut [[f32; 2]]) {
        self.check([inputs.x.len(), y.len()], [inputs.scale.len(), inputs.shift.len()], moments.len());
        if !y.is_empty() {
            forward(*self, inputs, y, moments);
        }
    }

    /// Gradients of a loss by x, scale and shift from `gradient`, that by y, and the forward pass's `moments`.
    ///
    /// # Panics
    /// If a slice's length does not match the shape.
    pub fn backward(&self, inputs: Inputs, moments: &[[f32; 2]], gradient: &[f32], out: Gradients) {
        self.check([inputs.x.len(), gradient.len()], [inputs.scale.len(), inputs.shift.len()], moments.len());
        self.check([out.x.len(), gradient.len()], [out.scale.len(), out.shift.len()], moments.len());
        if gradient.is_empty() {
            out.scale.fill(0.0);
            out.shift.fill(0.0);
        } else {
            backward(*self, inputs, moments, gradient, out);
        }
    }

    fn check(&self, values: [usize; 2], affine: [usize; 2], moments: usize) {
        let groups = self.images * self.groups;
        let channels = groups * self.channels;
        assert_eq!(values, [channels * self.pixels; 2], "group norm: values do not match {self:?}");
        assert_eq!(affine, [channels; 2], "group norm: scale or shift does not match {self:?}");
        assert_eq!(moments, groups, "group norm: moments do not match {self:?}");
    }
}

dispatch! {
    fn forward(norm: GroupNorm, inputs: Inputs, y: &mut [f32], moments: &mut [[f32; 2]]) = forward_body, plain
}
dispatch! {
    fn backward(norm: GroupNorm, inputs: Inputs, moments: &[[f32; 2]], gradient: &[f32], out: Gradients)
        = backward_body, plain
}

#[inline(always)]
fn forward_body(norm: GroupNorm, inputs: Inputs, y: &mut [f32], moments: &mut [[f32; 2]]) {
    let GroupNorm { channels, pixels, silu, .. } = norm;
    let group = channels * pixels;
    for (index, found) in moments.iter_mut().enumerate() {
        let x = &inputs.x[index * group..][..group];
        let [mean, rate] = moments_of(x);
        *found = [mean, rate];
        let planes = x.chunks_exact(pixels).zip(y[index * group..][..group].chunks_exact_mut(pixels));
        for ((x, y), channel) in planes.zip(index * channels..) {
            let slope = inputs.scale[channel] * rate;
            let start = inputs.shift[channel] - mean * slope;
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

#[inline(always)]
fn backward_body(norm: GroupNorm, inputs: Inputs, moments: &[[f32; 2]], gradient: &[f32], out: Gradients) {
    let GroupNorm { channels, pixels, silu, .. } = norm;
    let group = channels * pixels;
    for (index, &[mean, rate]) in moments.iter().enumerate() {
        let own = index * channels..(index + 1) * channels;
        // Means over the group of the normalised values' gradient, alone and times the normalised values.
        let (mut alone, mut times) = (0.0, 0.0);
        for channel in own.clone() {
            let at = channel * pixels..(channel + 1) * pixels;
            let (x, gradient) = (&inputs.x[at.clone()], &gradient[at.clone()]);
            let before = &mut out.x[at];
            let scale = inputs.scale[channel];
            let slope = scale * rate;
            let start = inputs.shift[channel] - mean * slope;
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
            [out.shift[channel], out.scale[channel]] = sums;
            alone += scale * sums[0];
            times += scale * sums[1];
        }
        (alone, times) = (alone / group as f32, times / group as f32);
        for channel in own {
            let slope = inputs.scale[channel] * rate;
            let at = channel * pixels..(channel + 1) * pixels;
            for (own, x) in out.x[at.clone()].iter_mut().zip(&inputs.x[at]) {
                *own = slope * *own - rate * (alone + (x - mean) * rate * times);
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
    use crate::testing::{close, values};
    use proptest::prelude::*;

    /// The output by definition, in double precision, from double-precision inputs: x, scale, shift.
    fn definition(norm: &GroupNorm, [x, scale, shift]: &[Vec<f64>; 3]) -> Vec<f64> {
        let group = norm.channels * norm.pixels;
        let mut y = Vec::new();
        for (index, x) in x.chunks_exact(group).enumerate() {
            let mean = x.iter().sum::<f64>() / group as f64;
            let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / group as f64;
            y.extend(x.iter().enumerate().map(|(place, x)| {
                let channel = index * norm.channels + place / norm.pixels;
                let z = (x - mean) / (variance + f64::from(EPSILON)).sqrt() * scale[channel] + shift[channel];
                if norm.silu { z / (1.0 + (-z).exp()) } else { z }
            }));
        }
        y
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]

        #[test]
        fn output_and_gradients_are_those_of_the_definition(
            images in 1usize..4, groups in 1usize..4, channels in 1usize..4, pixels in 2usize..40, silu in any::<bool>(),
        ) {
            let norm = GroupNorm { images, groups, channels, pixels, silu };
            let each = images * groups * channels;
            let (x, scale, shift) = (values(each * pixels, 1), values(each, 2), values(each, 3));
            let gradient = values(x.len(), 4);
            let inputs = Inputs { x: &x, scale: &scale, shift: &shift };
            let (mut y, mut moments) = (vec![f32::NAN; x.len()], vec![[f32::NAN; 2]; images * groups]);
            norm.forward(inputs, &mut y, &mut moments);
            let exact = [&x, &scale, &shift].map(|input| input.iter().map(|&value| f64::from(value)).collect::<Vec<f64>>());
            close("y", &y, &definition(&norm, &exact));

            let (mut dx, mut dscale, mut dshift) = (vec![f32::NAN; x.len()], vec![f32::NAN; each], vec![f32::NAN; each]);
            let own = Gradients { x: &mut dx, scale: &mut dscale, shift: &mut dshift };
            norm.backward(inputs, &moments, &gradient, own);
            for (place, (what, got)) in [("dx", &dx), ("dscale", &dscale), ("dshift", &dshift)].into_iter().enumerate() {
                let slope = |at: usize| {
                    let loss = |step: f64| -> f64 {
                        let mut moved = exact.clone();
                        moved[place][at] += step;
                        definition(&norm, &moved).iter().zip(&gradient).map(|(y, g)| y * f64::from(*g)).sum()
                    };
                    (loss(1e-5) - loss(-1e-5)) / 2e-5
                };
                close(what, got, &(0..got.len()).map(slope).collect::<Vec<f64>>());
            }
        }
    }

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
