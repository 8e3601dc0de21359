//! The way back into a convolution: the gradient through pooling and ReLU, plane by plane.

use super::shape::{ConvShape, DEAD, Finish};
use crate::simd::{Lanes8, Simd, dispatch};

/// The gradient with respect to a convolution's output, seen through what was fused behind it.
#[derive(Clone, Copy)]
pub enum Upstream<'a> {
    /// Behind [`Finish::Linear`].
    Linear(&'a [f32]),
    /// Behind [`Finish::Relu`]: gradient and output.
    Relu(&'a [f32], &'a [f32]),
    /// Behind [`Finish::ReluPool2`]: gradient of the pooled output and choice.
    ReluPool2(&'a [f32], &'a [u8]),
}

impl Upstream<'_> {
    /// Whether there is nothing to go back from.
    pub(super) fn is_empty(&self) -> bool {
        let (Self::Linear(g) | Self::Relu(g, _) | Self::ReluPool2(g, _)) = self;
        g.is_empty()
    }

    /// # Panics
    /// If the slices do not match `shape`.
    pub(super) fn check(&self, shape: &ConvShape) {
        let (finish, grad, with) = match *self {
            Self::Linear(g) => (Finish::Linear, g.len(), g.len()),
            Self::Relu(g, out) => (Finish::Relu, g.len(), out.len()),
            Self::ReluPool2(g, choice) => (Finish::ReluPool2, g.len(), choice.len()),
        };
        assert_eq!(grad, shape.output_len(finish), "conv2d: output gradient does not match {shape:?}");
        assert_eq!(with, grad, "conv2d: saved output does not match {shape:?}");
    }

    /// Writes the gradient with respect to the pre-activation of plane `index` (`image * cout + channel`), `h x w`,
    /// into rows of `stride`, and returns its sum. Only the `h x w` window is written.
    pub(super) fn plane(&self, index: usize, [h, w]: [usize; 2], dst: &mut [f32], stride: usize) -> f32 {
        assert!(dst.len() >= (h - 1) * stride + w, "upstream: plane is too short");
        let mut sum = 0.0;
        // SAFETY: `check` ran on the whole, so the planes lie inside the slices; `dst` was checked above, and
        // `plane_body` writes nothing but `h` rows of `w` at `stride`, and `sum`.
        unsafe {
            match *self {
                Self::Linear(g) => {
                    let g = &g[index * h * w..][..h * w];
                    linear_plane(g.as_ptr(), [h, w], dst.as_mut_ptr(), stride, &mut sum);
                }
                Self::Relu(g, out) => {
                    let (g, out) = (&g[index * h * w..][..h * w], &out[index * h * w..][..h * w]);
                    relu_plane(g.as_ptr(), out.as_ptr(), [h, w], dst.as_mut_ptr(), stride, &mut sum);
                }
                Self::ReluPool2(g, choice) => {
                    let n = (h / 2) * (w / 2);
                    let (g, choice) = (&g[index * n..][..n], &choice[index * n..][..n]);
                    pool_plane(g.as_ptr(), choice.as_ptr(), [h, w], dst.as_mut_ptr(), stride, &mut sum);
                }
            }
        }
        sum
    }
}

dispatch! {
    fn linear_plane(g: *const f32, size: [usize; 2], dst: *mut f32, stride: usize, sum: &mut f32) = linear_plane_body, vectors
}
dispatch! {
    fn relu_plane(g: *const f32, out: *const f32, size: [usize; 2], dst: *mut f32, stride: usize, sum: &mut f32)
        = relu_plane_body, lanes8
}
dispatch! {
    fn pool_plane(g: *const f32, choice: *const u8, size: [usize; 2], dst: *mut f32, stride: usize, sum: &mut f32)
        = pool_plane_body, lanes8
}

/// # Safety
/// `g` holds `h` rows of `w` floats, `dst` as many at `stride`.
#[inline(always)]
unsafe fn linear_plane_body<S: Simd>(g: *const f32, [h, w]: [usize; 2], dst: *mut f32, stride: usize, sum: &mut f32) {
    let (mut total, one) = (S::zero(), S::splat(1.0));
    for r in 0..h {
        let (from, to) = (g.add(r * w), dst.add(r * stride));
        let mut i = 0;
        while i < w {
            let n = (w - i).min(S::N);
            // Masked stores are slow on some machines: whole vectors go without.
            let v = if n == S::N { S::load(from.add(i)) } else { S::load_first(from.add(i), n) };
            if n == S::N {
                S::store(to.add(i), v)
            } else {
                S::store_first(to.add(i), v, n)
            }
            total = S::mul_add(v, one, total);
            i += S::N;
        }
    }
    *sum = S::sum(total);
}

/// # Safety
/// `g` and `out` hold `h` rows of `w` floats, `dst` as many at `stride`.
#[inline(always)]
unsafe fn relu_plane_body<S: Lanes8>(
    g: *const f32,
    out: *const f32,
    [h, w]: [usize; 2],
    dst: *mut f32,
    stride: usize,
    sum: &mut f32,
) {
    let mut total = S::zero();
    for r in 0..h {
        let (from, on, to) = (g.add(r * w), out.add(r * w), dst.add(r * stride));
        let mut i = 0;
        while i < w {
            let n = (w - i).min(8);
            let whole = n == 8;
            let (d, y) = match whole {
                true => (S::load(from.add(i)), S::load(on.add(i))),
                false => (S::load_first(from.add(i), n), S::load_first(on.add(i), n)),
            };
            let v = S::where_less(S::zero(), y, d, S::zero());
            if whole {
                S::store(to.add(i), v)
            } else {
                S::store_first(to.add(i), v, n)
            }
            total = S::add(total, v);
            i += 8;
        }
    }
    *sum = S::sum(total);
}

/// # Safety
/// `g` and `choice` hold `h / 2` rows of `w / 2`, `dst` holds `h` rows of `w` at `stride`.
#[inline(always)]
unsafe fn pool_plane_body<S: Lanes8>(
    g: *const f32,
    choice: *const u8,
    [h, w]: [usize; 2],
    dst: *mut f32,
    stride: usize,
    sum: &mut f32,
) {
    let (ph, pw) = (h / 2, w / 2);
    let mut total = S::zero();
    for r in 0..ph {
        let (g, choice) = (g.add(r * pw), choice.add(r * pw));
        let (top, bottom) = (dst.add(2 * r * stride), dst.add((2 * r + 1) * stride));
        let mut i = 0;
        while i < pw {
            let n = (pw - i).min(8);
            if n == 8 {
                let [a, b, c, d] = windows::<S>(S::load(g.add(i)), S::load_bytes(choice.add(i)));
                S::join2(top.add(2 * i), [a, b]);
                S::join2(bottom.add(2 * i), [c, d]);
                total = S::add(total, S::add(S::add(a, b), S::add(c, d)));
            } else {
                // The last windows of a row take the same way through buffers of a whole vector.
                let (mut which, mut rows) = ([DEAD; 8], [0.0f32; 32]);
                which[..n].copy_from_slice(std::slice::from_raw_parts(choice.add(i), n));
                let [a, b, c, d] = windows::<S>(S::load_first(g.add(i), n), S::load_bytes(which.as_ptr()));
                S::join2(rows.as_mut_ptr(), [a, b]);
                S::join2(rows.as_mut_ptr().add(16), [c, d]);
                for k in 0..2 * n {
                    *top.add(2 * i + k) = rows[k];
                    *bottom.add(2 * i + k) = rows[16 + k];
                }
                total = S::add(total, S::add(S::add(a, b), S::add(c, d)));
            }
            i += 8;
        }
        if w % 2 == 1 {
            // The column that pooling dropped.
            *top.add(w - 1) = 0.0;
            *bottom.add(w - 1) = 0.0;
        }
    }
    if h % 2 == 1 {
        std::slice::from_raw_parts_mut(dst.add((h - 1) * stride), w).fill(0.0);
    }
    *sum = S::sum(total);
}

/// Eight pooled gradients, each to the one of its four elements that was chosen, and to none that is [`DEAD`].
#[inline(always)]
unsafe fn windows<S: Lanes8>(g: S::V, choice: S::V) -> [S::V; 4] {
    let (zero, half) = (S::zero(), |x: f32| S::splat(x + 0.5));
    let below = |x: f32| S::where_less(choice, half(x), g, zero);
    let between = |low: f32, v: S::V| S::where_less(half(low), choice, v, zero);
    [below(0.0), between(0.0, below(1.0)), between(1.0, below(2.0)), between(2.0, below(3.0))]
}
