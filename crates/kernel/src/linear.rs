//! Dense layers of one client's batch: `y = finish(x W + b)`, `x [batch, inputs]`, `W [inputs, outputs]`.

use crate::product::{Inner, Outer, Store, inner, outer, pack};
use crate::scratch::{Scratch, take};

/// The shape of a dense layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Linear {
    /// Rows of the input.
    pub batch: usize,
    /// Features in.
    pub inputs: usize,
    /// Features out.
    pub outputs: usize,
}

/// Rows of `W` in a block: with 128 outputs it fits the first-level cache, where the backward pass reads it twice.
const BLOCK: usize = 48;

impl Linear {
    fn check(&self, x: usize, weight: usize, y: usize) {
        assert_eq!(x, self.batch * self.inputs, "linear: input does not match {self:?}");
        assert_eq!(weight, self.inputs * self.outputs, "linear: weight does not match {self:?}");
        assert_eq!(y, self.batch * self.outputs, "linear: output does not match {self:?}");
    }
}

fn strided(n: usize, stride: usize, offsets: &mut [usize]) {
    for (i, offset) in offsets.iter_mut().enumerate().take(n) {
        *offset = i * stride;
    }
}

/// `y = x W + b`, then ReLU if asked.
///
/// # Panics
/// If a slice's length does not match `shape`.
pub fn forward(shape: &Linear, relu: bool, x: &[f32], weight: &[f32], bias: &[f32], y: &mut [f32]) {
    shape.check(x.len(), weight.len(), y.len());
    assert_eq!(bias.len(), shape.outputs, "linear: bias does not match {shape:?}");
    for row in y.chunks_exact_mut(shape.outputs.max(1)) {
        row.copy_from_slice(bias);
    }
    Scratch::with(|s| {
        let offsets = take(&mut s.offsets, BLOCK);
        strided(BLOCK, shape.outputs, offsets);
        let packed = take(&mut s.weight, shape.batch * BLOCK);
        for first in (0..shape.inputs).step_by(BLOCK) {
            let depth = BLOCK.min(shape.inputs - first);
            pack(shape.batch, depth, packed, |i, k| x[i * shape.inputs + first + k]);
            let p = Outer {
                m: shape.batch,
                n: shape.outputs,
                offsets: &offsets[..depth],
                stride_c: shape.outputs,
                store: Store::Add,
            };
            outer(p, packed, &weight[first * shape.outputs..], y);
        }
    });
    if relu {
        for y in y {
            // Not `max`: a NaN must pass, so that divergence is seen.
            *y = if *y < 0.0 { 0.0 } else { *y };
        }
    }
}

/// The gradient with respect to the pre-activation, where the layer ended in ReLU: zero where the output is.
pub fn through_relu(dy: &[f32], y: &[f32], dst: &mut [f32]) {
    assert!(dy.len() == y.len() && y.len() == dst.len(), "through_relu: lengths differ");
    for ((d, dy), y) in dst.iter_mut().zip(dy).zip(y) {
        // A mask and not a branch, which half of a layer's outputs would mispredict.
        let open = u32::from(*y > 0.0).wrapping_neg();
        *d = f32::from_bits(dy.to_bits() & open);
    }
}

/// `dx = dy W^T`.
pub fn input_gradient(shape: &Linear, weight: &[f32], dy: &[f32], dx: &mut [f32]) {
    shape.check(dx.len(), weight.len(), dy.len());
    Scratch::with(|s| {
        let offsets = take(&mut s.offsets, shape.inputs);
        strided(shape.inputs, shape.outputs, offsets);
        for first in (0..shape.inputs).step_by(BLOCK) {
            let last = (first + BLOCK).min(shape.inputs);
            let p = Inner {
                m: shape.batch,
                n: shape.outputs,
                stride_a: shape.outputs,
                offsets: &offsets[first..last],
                stride_c: shape.inputs,
                store: Store::Set,
            };
            inner(p, dy, weight, &mut dx[first..]);
        }
    });
}

/// `W = keep W + scale x^T dy`: with `keep = 0, scale = 1` the weight gradient; with `keep = 1, scale = -rate` a step of
/// SGD, for which the gradient never exists in memory.
pub fn add_outer(shape: &Linear, scale: f32, store: Store, x: &[f32], dy: &[f32], weight: &mut [f32]) {
    shape.check(x.len(), weight.len(), dy.len());
    Scratch::with(|s| {
        let offsets = take(&mut s.offsets, shape.batch);
        strided(shape.batch, shape.outputs, offsets);
        let packed = take(&mut s.weight, BLOCK * shape.batch);
        for first in (0..shape.inputs).step_by(BLOCK) {
            let m = BLOCK.min(shape.inputs - first);
            pack(m, shape.batch, packed, |i, k| scale * x[k * shape.inputs + first + i]);
            let p = Outer { m, n: shape.outputs, offsets, stride_c: shape.outputs, store };
            outer(p, packed, dy, &mut weight[first * shape.outputs..]);
        }
    });
}

/// `dx = dy W^T` and `W += scale x^T dy`, while each block of `W` passes through the cache once.
pub fn input_gradient_and_step(
    shape: &Linear,
    scale: f32,
    x: &[f32],
    dy: &[f32],
    weight: &mut [f32],
    mut dx: Option<&mut [f32]>,
) {
    shape.check(x.len(), weight.len(), dy.len());
    if let Some(dx) = dx.as_deref_mut() {
        assert_eq!(dx.len(), x.len(), "linear: input gradient does not match {shape:?}");
    }
    Scratch::with(|s| {
        let (rows, columns) = take(&mut s.offsets, shape.batch + BLOCK).split_at_mut(shape.batch);
        strided(shape.batch, shape.outputs, rows);
        strided(BLOCK, shape.outputs, columns);
        let packed = take(&mut s.weight, BLOCK * shape.batch);
        for first in (0..shape.inputs).step_by(BLOCK) {
            let m = BLOCK.min(shape.inputs - first);
            let weight = &mut weight[first * shape.outputs..];
            if let Some(dx) = dx.as_deref_mut() {
                let p = Inner {
                    m: shape.batch,
                    n: shape.outputs,
                    stride_a: shape.outputs,
                    offsets: &columns[..m],
                    stride_c: shape.inputs,
                    store: Store::Set,
                };
                inner(p, dy, weight, &mut dx[first..]);
            }
            pack(m, shape.batch, packed, |i, k| scale * x[k * shape.inputs + first + i]);
            let p = Outer { m, n: shape.outputs, offsets: rows, stride_c: shape.outputs, store: Store::Add };
            outer(p, packed, dy, weight);
        }
    });
}

/// Adds the column sums of `dy` times `scale` to `bias`.
pub fn add_columns(scale: f32, dy: &[f32], bias: &mut [f32]) {
    for row in dy.chunks_exact(bias.len().max(1)) {
        for (b, d) in bias.iter_mut().zip(row) {
            *b += scale * d;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{close, values};
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn a_dense_layer_agrees_with_the_definition(
            batch in 1usize..13, inputs in 1usize..150, outputs in 1usize..40, relu in any::<bool>(),
        ) {
            let s = Linear { batch, inputs, outputs };
            let (x, weight) = (values(batch * inputs, 5), values(inputs * outputs, 6));
            let (bias, dy) = (values(outputs, 7), values(batch * outputs, 8));
            let (mut wy, mut wx, mut ww) = (vec![0.0; dy.len()], vec![0.0; x.len()], vec![0.0; weight.len()]);
            for b in 0..batch {
                for o in 0..outputs {
                    let y: f64 = (0..inputs).map(|i| f64::from(x[b * inputs + i]) * f64::from(weight[i * outputs + o])).sum();
                    let y = y + f64::from(bias[o]);
                    wy[b * outputs + o] = if relu { y.max(0.0) } else { y };
                    let d = f64::from(dy[b * outputs + o]);
                    for i in 0..inputs {
                        wx[b * inputs + i] += d * f64::from(weight[i * outputs + o]);
                        ww[i * outputs + o] += d * f64::from(x[b * inputs + i]);
                    }
                }
            }
            let mut y = vec![f32::NAN; dy.len()];
            forward(&s, relu, &x, &weight, &bias, &mut y);
            close("y", &y, &wy);
            let mut dx = vec![f32::NAN; x.len()];
            input_gradient(&s, &weight, &dy, &mut dx);
            close("dx", &dx, &wx);
            let mut dw = vec![f32::NAN; weight.len()];
            add_outer(&s, 1.0, Store::Set, &x, &dy, &mut dw);
            close("dw", &dw, &ww);
            let (mut stepped, mut dx) = (weight.clone(), vec![f32::NAN; x.len()]);
            input_gradient_and_step(&s, -0.1, &x, &dy, &mut stepped, Some(&mut dx));
            close("dx with step", &dx, &wx);
            let want: Vec<f64> = weight.iter().zip(&ww).map(|(w, g)| f64::from(*w) - 0.1 * g).collect();
            close("step", &stepped, &want);
        }
    }
}
