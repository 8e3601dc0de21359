//! 3x3 convolution of stride 1 by Winograd's minimal filtering F(4x4, 3x3) (Lavin and Gray 2016, arXiv 1509.09308).
//!
//! An output tile of 4x4 is `A^T [(G g G^T) * (B^T d B)] A`: per tile and pair of channels 36 multiplications in place
//! of 144. Summed over input channels, the products are 36 independent matrix products, one per *frequency*:
//!
//! ```text
//! V[f] = B^T d B      [cin,  tiles]        forward:          M[f]  = U[f]   V[f]
//! U[f] = G g G^T      [cout, cin]          input gradient:   dV[f] = U[f]^T dM[f]
//! M[f]                [cout, tiles]        weight gradient:  dU[f] = dM[f]  V[f]^T
//! ```
//!
//! The backward pass is the exact adjoint of the forward one, `dM = A dy A^T`, `dx += B dV B^T`, `dg = G^T dU G`, so
//! both gradients share `dM`. Transforms work on eight tiles at once: columns first, on whole image rows, then rows, after
//! splitting them by four. Where a row has four tiles or fewer, planes of several images lie side by side in the padded
//! rows, so that the eight tiles are those of one row of all of them.

use super::conv::{Conv2d, Finish, Gradients};
use super::planes::{DEAD, Rows, Upstream, cut, finish_rows, place};
use super::product::{Inner, Into, Outer, blocks, inner, outer};
use super::scratch::{Scratch, take};
use super::simd::{Lanes8, dispatch};

/// Frequencies of a 6x6 tile.
const F: usize = 36;
/// Floats of transformed tiles that a block of images may fill: what a core's share of the last-level cache holds.
const FORWARD_BLOCK: usize = 1 << 18;
/// The same for the backward pass, whose dot products like long rows.
const BACKWARD_BLOCK: usize = 1 << 20;

/// Tiles of a block of images, and the padded planes they are read from.
#[derive(Clone, Copy)]
struct Tiling {
    /// Tiles per column and per row of an output plane.
    th: usize,
    tw: usize,
    /// Images per block.
    images: usize,
    /// Images side by side, and the distance between their columns.
    side: usize,
    pitch: usize,
    /// Row stride and size of the padded input planes of `side` images, `4 th + 2` rows.
    stride: usize,
    plane: usize,
}

impl Tiling {
    fn new(shape: &Conv2d, limit: usize) -> Self {
        let (th, tw) = (shape.out_h().div_ceil(4), shape.out_w().div_ceil(4));
        let per_image = F * th * tw * (shape.cin + shape.cout);
        let most = (limit / per_image).clamp(1, shape.batch);
        // Blocks as even as can be.
        let images = shape.batch.div_ceil(shape.batch.div_ceil(most));
        let (side, pitch) = (if tw <= 4 { 8 / tw } else { 1 }, 4 * tw + 4);
        let stride = match side {
            1 => tw.div_ceil(8) * 32 + 8,
            // Lanes without a tile have a place of their own behind the last image.
            side => (side * pitch + if side * tw < 8 { 8 } else { 0 }).next_multiple_of(8),
        };
        Self { th, tw, images, side, pitch, stride, plane: (4 * th + 2) * stride }
    }

    /// Cuts a block of images into those that lie side by side: the first of each, and how many.
    fn sides(&self, images: usize) -> impl Iterator<Item = (usize, usize)> + use<> {
        let side = self.side;
        (0..images).step_by(side).map(move |first| (first, side.min(images - first)))
    }

    /// The planes of one channel of `side` images.
    fn planes(&self, side: usize, frequency: usize) -> Planes {
        let lane = |lane: usize| match lane / self.tw {
            image if image < self.side => image * self.pitch + lane % self.tw * 4,
            _ => self.side * self.pitch,
        };
        Planes {
            th: self.th,
            tiles: side * self.tw,
            apart: self.side > 1,
            lanes: std::array::from_fn(lane),
            stride: self.stride,
            frequency,
        }
    }

    /// Distance between the rows of a block of `[channels, tiles]`: eight lanes may be stored at the last tile.
    fn row(&self) -> usize {
        self.images * self.th * self.tw + 8
    }

    /// Distance between frequencies, an odd number of cache lines, or else 36 streams share a few cache sets.
    fn frequency(&self, channels: usize) -> usize {
        (channels * self.row()).div_ceil(16) / 2 * 32 + 16
    }
}

/// The way of one channel's planes between padded rows and transformed tiles.
#[derive(Clone, Copy)]
struct Planes {
    /// Rows of tiles, and tiles in a row of all planes.
    th: usize,
    tiles: usize,
    /// Whether planes of several images lie side by side, and then where the tiles of a row begin; there are at most eight.
    apart: bool,
    lanes: [usize; 8],
    /// Row stride of the padded planes.
    stride: usize,
    /// Distance between frequencies.
    frequency: usize,
}

dispatch! {
    /// `V = B^T d B` for every tile of some planes.
    fn input_tiles(p: Planes, src: *const f32, tmp: *mut f32, v: *mut f32) = input_tiles_body, lanes8
}
dispatch! {
    /// `y = A^T m A` for every tile of some planes, finished into the output.
    fn output_tiles(p: Planes, m: *const f32, tmp: *mut f32, end: Output, out: *mut f32, choice: *mut u8)
        = output_tiles_body, lanes8
}
dispatch! {
    /// `dM = A dy A^T` for every tile of some planes.
    fn output_adjoint(p: Planes, src: *const f32, tmp: *mut f32, m: *mut f32) = output_adjoint_body, lanes8
}
dispatch! {
    /// `dx += B dV B^T` for every tile of some planes.
    fn input_adjoint(p: Planes, v: *const f32, dst: *mut f32) = input_adjoint_body, lanes8
}
dispatch! {
    /// `U = G g G^T` for every kernel, packed as [`super::product::pack`] does it.
    fn weight_tiles(w: Kernels, src: *const f32, u: *mut f32) = weight_tiles_body, lanes8
}
dispatch! {
    /// `dg = G^T dU G` for every kernel.
    fn weight_adjoint(n: usize, frequency: usize, u: *const f32, dst: *mut f32) = weight_adjoint_body, lanes8
}

/// What happens to an output plane.
#[derive(Clone, Copy)]
struct Output {
    finish: Finish,
    bias: f32,
    h: usize,
    w: usize,
    /// Planes side by side, the distance between their columns, and between their places in the output.
    side: usize,
    pitch: usize,
    apart: usize,
}

/// `B^T d`: six from six.
#[inline(always)]
unsafe fn bt<S: Lanes8>(d: [S::V; 6]) -> [S::V; 6] {
    let (four, five, two) = (S::splat(4.0), S::splat(-5.0), S::splat(2.0));
    let minus4 = S::splat(-4.0);
    let a = S::mul_add(minus4, d[2], d[4]);
    let b = S::mul_add(minus4, d[1], d[3]);
    let c = S::sub(d[4], d[2]);
    let e = S::mul(two, S::sub(d[3], d[1]));
    [
        S::mul_add(four, d[0], S::mul_add(five, d[2], d[4])),
        S::add(a, b),
        S::sub(a, b),
        S::add(c, e),
        S::sub(c, e),
        S::mul_add(four, d[1], S::mul_add(five, d[3], d[5])),
    ]
}

/// `B v`: the adjoint of [`bt`].
#[inline(always)]
unsafe fn b<S: Lanes8>(v: [S::V; 6]) -> [S::V; 6] {
    let (four, minus4, five) = (S::splat(4.0), S::splat(-4.0), S::splat(-5.0));
    let two = S::splat(2.0);
    let (p, q) = (S::add(v[1], v[2]), S::sub(v[1], v[2]));
    let (r, s) = (S::add(v[3], v[4]), S::mul(two, S::sub(v[3], v[4])));
    [
        S::mul(four, v[0]),
        S::mul_add(minus4, q, S::sub(S::mul(four, v[5]), s)),
        S::sub(S::mul_add(five, v[0], S::mul(minus4, p)), r),
        S::add(q, S::mul_add(five, v[5], s)),
        S::add(v[0], S::add(p, r)),
        v[5],
    ]
}

/// `A^T m`: four from six.
#[inline(always)]
unsafe fn at<S: Lanes8>(m: [S::V; 6]) -> [S::V; 4] {
    let (two, four, eight) = (S::splat(2.0), S::splat(4.0), S::splat(8.0));
    let (p, q) = (S::add(m[1], m[2]), S::sub(m[1], m[2]));
    let (r, s) = (S::add(m[3], m[4]), S::sub(m[3], m[4]));
    [S::add(m[0], S::add(p, r)), S::mul_add(two, s, q), S::mul_add(four, r, p), S::mul_add(eight, s, S::add(q, m[5]))]
}

/// `A y`: the adjoint of [`at`].
#[inline(always)]
unsafe fn a<S: Lanes8>(y: [S::V; 4]) -> [S::V; 6] {
    let (two, four) = (S::splat(2.0), S::splat(4.0));
    let (p, q) = (S::add(y[0], y[2]), S::add(y[1], y[3]));
    let r = S::mul_add(four, y[2], y[0]);
    let s = S::mul(two, S::mul_add(four, y[3], y[1]));
    [y[0], S::add(p, q), S::sub(p, q), S::add(r, s), S::sub(r, s), y[3]]
}

/// `G g`: six from three.
#[inline(always)]
unsafe fn g<S: Lanes8>(g: [S::V; 3]) -> [S::V; 6] {
    let (sixth, twelfth, four, two) = (S::splat(-1.0 / 6.0), S::splat(1.0 / 24.0), S::splat(4.0), S::splat(2.0));
    let p = S::mul(sixth, S::add(g[0], g[2]));
    let q = S::mul(sixth, g[1]);
    let r = S::mul(twelfth, S::mul_add(four, g[2], g[0]));
    let s = S::mul(twelfth, S::mul(two, g[1]));
    [S::mul(S::splat(0.25), g[0]), S::add(p, q), S::sub(p, q), S::add(r, s), S::sub(r, s), g[2]]
}

/// `G^T u`: the adjoint of [`g`].
#[inline(always)]
unsafe fn gt<S: Lanes8>(u: [S::V; 6]) -> [S::V; 3] {
    let (sixth, twelfth) = (S::splat(-1.0 / 6.0), S::splat(1.0 / 24.0));
    let p = S::mul(sixth, S::add(u[1], u[2]));
    let q = S::mul(sixth, S::sub(u[1], u[2]));
    let r = S::mul(twelfth, S::add(u[3], u[4]));
    let s = S::mul(twelfth, S::sub(u[3], u[4]));
    [
        S::mul_add(S::splat(0.25), u[0], S::add(p, r)),
        S::mul_add(S::splat(2.0), s, q),
        S::add(p, S::mul_add(S::splat(4.0), r, u[5])),
    ]
}

/// # Safety
/// `src` is padded planes; `tmp` holds six rows of their stride; `v` holds, at each frequency, the planes' tiles and
/// eight more.
#[inline(always)]
unsafe fn input_tiles_body<S: Lanes8>(p: Planes, src: *const f32, tmp: *mut f32, v: *mut f32) {
    for ty in 0..p.th {
        let rows = src.add(4 * ty * p.stride);
        let mut x = 0;
        while x < p.stride {
            let mut d = [S::zero(); 6];
            for i in 0..6 {
                d[i] = S::load(rows.add(i * p.stride + x));
            }
            let t = bt::<S>(d);
            for i in 0..6 {
                S::store(tmp.add(i * p.stride + x), t[i]);
            }
            x += 8;
        }
        let mut tx = 0;
        while tx < p.tiles {
            for i in 0..6 {
                let row = tmp.add(i * p.stride + 4 * tx);
                let t = bt::<S>(if p.apart { S::gather4_of_6(row, &p.lanes) } else { S::split4_of_6(row) });
                for j in 0..6 {
                    S::store(v.add((6 * i + j) * p.frequency + ty * p.tiles + tx), t[j]);
                }
            }
            tx += 8;
        }
    }
}

/// # Safety
/// `m` holds, at each frequency, the planes' tiles and eight more; `tmp` holds four rows of the padded planes' stride;
/// `out` and, under pooling, `choice` hold the finished planes where `end` says.
#[inline(always)]
unsafe fn output_tiles_body<S: Lanes8>(
    p: Planes,
    m: *const f32,
    tmp: *mut f32,
    end: Output,
    out: *mut f32,
    choice: *mut u8,
) {
    for ty in 0..p.th {
        let mut tx = 0;
        while tx < p.tiles {
            let mut t = [[S::zero(); 6]; 4];
            for j in 0..6 {
                let mut c = [S::zero(); 6];
                for i in 0..6 {
                    c[i] = S::load(m.add((6 * i + j) * p.frequency + ty * p.tiles + tx));
                }
                let y = at::<S>(c);
                for i in 0..4 {
                    t[i][j] = y[i];
                }
            }
            let y = [at::<S>(t[0]), at::<S>(t[1]), at::<S>(t[2]), at::<S>(t[3])];
            if p.apart {
                for i in 0..4 {
                    S::scatter4(tmp.add(i * p.stride), &p.lanes, y[i]);
                }
            } else if end.finish == Finish::ReluPool2 {
                for i in 0..2 {
                    let (top, bottom) = (y[2 * i], y[2 * i + 1]);
                    let left = pool::<S>([top[0], top[1], bottom[0], bottom[1]], end.bias);
                    let right = pool::<S>([top[2], top[3], bottom[2], bottom[3]], end.bias);
                    let to = tmp.add(2 * i * p.stride + 2 * tx);
                    S::join2(to, [left.0, right.0]);
                    S::join2(to.add(p.stride), [left.1, right.1]);
                }
            } else {
                for i in 0..4 {
                    S::join4(tmp.add(i * p.stride + 4 * tx), y[i]);
                }
            }
            tx += 8;
        }
        let rows = Rows { stride: p.stride, count: (end.h - 4 * ty).min(4), first: 4 * ty, width: end.w };
        if p.apart {
            for image in 0..end.side {
                let which = if end.finish == Finish::ReluPool2 { choice.add(image * end.apart) } else { choice };
                finish_rows(tmp.add(image * end.pitch), rows, end.bias, end.finish, out.add(image * end.apart), which);
            }
        } else if end.finish == Finish::ReluPool2 {
            let width = end.w / 2;
            for i in 0..2.min((end.h - 4 * ty) / 2) {
                let from = tmp.add(2 * i * p.stride);
                let at = (2 * ty + i) * width;
                for x in 0..width {
                    *out.add(at + x) = *from.add(x);
                }
                for x in 0..width {
                    // Sound: `pool` makes 0 to 4.
                    *choice.add(at + x) = (*from.add(p.stride + x)).to_int_unchecked::<i32>() as u8;
                }
            }
        } else {
            finish_rows(tmp, rows, end.bias, end.finish, out, choice);
        }
    }
}

/// Bias, ReLU and the maximum of a window, and which of the four it was: the first one, or [`DEAD`].
#[inline(always)]
unsafe fn pool<S: Lanes8>([a, b, c, d]: [S::V; 4], bias: f32) -> (S::V, S::V) {
    let (zero, one) = (S::zero(), S::splat(1.0));
    let (top, itop) = (S::where_less(a, b, b, a), S::where_less(a, b, one, zero));
    let two = S::splat(2.0);
    let (low, ilow) = (S::where_less(c, d, d, c), S::where_less(c, d, S::splat(3.0), two));
    let y = S::add(S::where_less(top, low, low, top), S::splat(bias));
    let which = S::where_less(top, low, ilow, itop);
    (S::where_less(y, zero, zero, y), S::where_less(zero, y, which, S::splat(f32::from(DEAD))))
}

/// # Safety
/// `src` is padded planes; `tmp` holds six rows of their stride; `m` holds, at each frequency, the planes' tiles and
/// eight more.
#[inline(always)]
unsafe fn output_adjoint_body<S: Lanes8>(p: Planes, src: *const f32, tmp: *mut f32, m: *mut f32) {
    for ty in 0..p.th {
        let rows = src.add(4 * ty * p.stride);
        let mut x = 0;
        while x < p.stride {
            let mut y = [S::zero(); 4];
            for i in 0..4 {
                y[i] = S::load(rows.add(i * p.stride + x));
            }
            let t = a::<S>(y);
            for i in 0..6 {
                S::store(tmp.add(i * p.stride + x), t[i]);
            }
            x += 8;
        }
        let mut tx = 0;
        while tx < p.tiles {
            for i in 0..6 {
                let row = tmp.add(i * p.stride + 4 * tx);
                let t = a::<S>(if p.apart { S::gather4(row, &p.lanes) } else { S::split4(row) });
                for j in 0..6 {
                    S::store(m.add((6 * i + j) * p.frequency + ty * p.tiles + tx), t[j]);
                }
            }
            tx += 8;
        }
    }
}

/// # Safety
/// `v` holds, at each frequency, the planes' tiles and eight more; `dst` is padded planes.
#[inline(always)]
unsafe fn input_adjoint_body<S: Lanes8>(p: Planes, v: *const f32, dst: *mut f32) {
    for ty in 0..p.th {
        let mut tx = 0;
        while tx < p.tiles {
            let lanes = (p.tiles - tx).min(8);
            let mut t = [[S::zero(); 6]; 6];
            for j in 0..6 {
                let mut c = [S::zero(); 6];
                for i in 0..6 {
                    // Lanes past the last tile hold other tiles: zero adds nothing.
                    c[i] = S::load_first(v.add((6 * i + j) * p.frequency + ty * p.tiles + tx), lanes);
                }
                let d = b::<S>(c);
                for i in 0..6 {
                    t[i][j] = d[i];
                }
            }
            for i in 0..6 {
                let d = b::<S>(t[i]);
                let row = dst.add((4 * ty + i) * p.stride + 4 * tx);
                if p.apart {
                    S::scatter4_add(row, &p.lanes, [d[0], d[1], d[2], d[3]]);
                    S::scatter4_add(row.add(4), &p.lanes, [d[4], d[5], S::zero(), S::zero()]);
                    continue;
                }
                // Columns 4 and 5 of a tile are columns 0 and 1 of the next.
                S::join4_add(row, [S::add(d[0], S::shift_up(d[4])), S::add(d[1], S::shift_up(d[5])), d[2], d[3]]);
                *row.add(32) += S::top(d[4]);
                *row.add(33) += S::top(d[5]);
            }
            tx += 8;
        }
    }
}

/// Kernels as the left-hand side of a product.
#[derive(Clone, Copy)]
struct Kernels {
    /// Rows of the product, and the distance between their kernels in `[cout, cin, 3, 3]`.
    rows: usize,
    row_stride: usize,
    /// Depth of the product, and the distance between its kernels.
    depth: usize,
    depth_stride: usize,
    /// Distance between frequencies of the packed result.
    frequency: usize,
}

/// # Safety
/// `src` holds the kernels that `w` describes; `u` holds, at each frequency, `rows * depth` floats and eight more.
#[inline(always)]
unsafe fn weight_tiles_body<S: Lanes8>(w: Kernels, src: *const f32, u: *mut f32) {
    for (first, rows) in blocks(w.rows) {
        for k in 0..w.depth {
            // Lane l: the kernel of row first + l. Lanes past `rows` are overwritten by what is packed next.
            let mut lanes = [[0.0f32; 8]; 9];
            for l in 0..rows {
                let kernel = src.add((first + l) * w.row_stride + k * w.depth_stride);
                for i in 0..9 {
                    lanes[i][l] = *kernel.add(i);
                }
            }
            let mut t = [[S::zero(); 3]; 6];
            for j in 0..3 {
                let column =
                    [S::load(lanes[j].as_ptr()), S::load(lanes[3 + j].as_ptr()), S::load(lanes[6 + j].as_ptr())];
                let c = g::<S>(column);
                for i in 0..6 {
                    t[i][j] = c[i];
                }
            }
            let to = u.add(first * w.depth + k * rows);
            for i in 0..6 {
                let r = g::<S>(t[i]);
                for j in 0..6 {
                    S::store(to.add((6 * i + j) * w.frequency), r[j]);
                }
            }
        }
    }
}

/// # Safety
/// `u` holds `n` floats at each frequency; `dst` holds `n` kernels.
#[inline(always)]
unsafe fn weight_adjoint_body<S: Lanes8>(n: usize, frequency: usize, u: *const f32, dst: *mut f32) {
    let mut first = 0;
    while first < n {
        let lanes = (n - first).min(8);
        let mut t = [[S::zero(); 6]; 3];
        for j in 0..6 {
            let mut c = [S::zero(); 6];
            for i in 0..6 {
                c[i] = S::load_first(u.add((6 * i + j) * frequency + first), lanes);
            }
            let c = gt::<S>(c);
            for i in 0..3 {
                t[i][j] = c[i];
            }
        }
        for i in 0..3 {
            let r = gt::<S>(t[i]);
            for j in 0..3 {
                let mut v = [0.0f32; 8];
                S::store(v.as_mut_ptr(), r[j]);
                for l in 0..lanes {
                    *dst.add((first + l) * 9 + 3 * i + j) = v[l];
                }
            }
        }
        first += 8;
    }
}

/// Floats of packed weights per frequency, and the slack of a vector.
fn weight_frequency(shape: &Conv2d) -> usize {
    (shape.cin * shape.cout + 8).div_ceil(16) / 2 * 32 + 16
}

fn row_offsets(channels: usize, row: usize, offsets: &mut [usize]) {
    for (c, offset) in offsets.iter_mut().enumerate().take(channels) {
        *offset = c * row;
    }
}

/// Fills `v` with the transformed tiles of images `first ..`.
fn transform_input(
    shape: &Conv2d,
    t: &Tiling,
    x: &[f32],
    first: usize,
    images: usize,
    rows: &mut [f32],
    v: &mut [f32],
) {
    let (plane, tmp) = rows.split_at_mut(t.plane);
    let frequency = t.frequency(shape.cin);
    let [ph, pw] = shape.padding;
    assert!(tmp.len() >= 6 * t.stride && v.len() >= F * frequency);
    let columns = if t.side > 1 { t.pitch } else { t.stride };
    assert!(ph + shape.h <= 4 * t.th + 2 && pw + shape.w <= columns);
    plane.fill(0.0);
    for (b, side) in t.sides(images) {
        let p = t.planes(side, frequency);
        for c in 0..shape.cin {
            for image in 0..side {
                let src = &x[((first + b + image) * shape.cin + c) * shape.h * shape.w..][..shape.h * shape.w];
                place(src, shape.w, &mut plane[image * t.pitch + ph * t.stride + pw..], t.stride);
            }
            let v = &mut v[c * t.row() + b * t.th * t.tw..];
            // SAFETY: `plane` is `4 th + 2` rows of `stride`, a multiple of 8. Alone, an image has 4 columns more than the
            // last group of eight tiles reads; side by side, each has the `4 tw + 4` that its tiles read, and lanes without
            // a tile have eight columns behind. `tmp` holds six rows. A frequency holds `cin` rows of
            // `images * th * tw + 8`, so the eight lanes stored at the last tile stay inside.
            unsafe { input_tiles(p, plane.as_ptr(), tmp.as_mut_ptr(), v.as_mut_ptr()) }
        }
    }
}

/// Work rows of one thread: a padded plane and six rows.
fn rows_len(t: &Tiling) -> usize {
    t.plane + 6 * t.stride
}

#[allow(clippy::too_many_arguments)]
pub fn forward(
    shape: &Conv2d,
    finish: Finish,
    x: &[f32],
    weight: &[f32],
    bias: &[f32],
    out: &mut [f32],
    choice: &mut [u8],
    scratch: &mut Scratch,
) {
    let t = Tiling::new(shape, FORWARD_BLOCK);
    let (fv, fm, fu) = (t.frequency(shape.cin), t.frequency(shape.cout), weight_frequency(shape));
    let u = take(&mut scratch.weight, F * fu);
    let v = take(&mut scratch.input, F * fv);
    let m = take(&mut scratch.product, F * fm);
    let rows = take(&mut scratch.rows, rows_len(&t));
    let offsets = take(&mut scratch.offsets, shape.cin);
    row_offsets(shape.cin, t.row(), offsets);
    let kernels =
        Kernels { rows: shape.cout, row_stride: 9 * shape.cin, depth: shape.cin, depth_stride: 9, frequency: fu };
    // SAFETY: `weight` holds `cout * cin` kernels of 9 (checked by `forward_by`); `u` has eight floats to spare.
    unsafe { weight_tiles(kernels, weight.as_ptr(), u.as_mut_ptr()) };

    let (oh, ow) = (shape.out_h(), shape.out_w());
    let [fh, fw] = shape.finished(finish);
    for first in (0..shape.batch).step_by(t.images) {
        let images = t.images.min(shape.batch - first);
        transform_input(shape, &t, x, first, images, rows, v);
        let n = images * t.th * t.tw;
        for f in 0..F {
            let p = Outer { m: shape.cout, n, offsets, stride_c: t.row(), into: Into::Set };
            outer(p, &u[f * fu..], &v[f * fv..(f + 1) * fv], &mut m[f * fm..(f + 1) * fm]);
        }
        for (b, side) in t.sides(images) {
            let p = t.planes(side, fm);
            let apart = shape.cout * fh * fw;
            for c in 0..shape.cout {
                let end = Output { finish, bias: bias[c], h: oh, w: ow, side, pitch: t.pitch, apart };
                let m = &m[c * t.row() + b * t.th * t.tw..];
                let at = ((first + b) * shape.cout + c) * fh * fw;
                let size = (side - 1) * apart + fh * fw;
                let out = &mut out[at..][..size];
                let which = if finish == Finish::ReluPool2 { &mut choice[at..][..size] } else { &mut *choice };
                // SAFETY: a frequency of `m` holds `cout` rows of `images * th * tw + 8`, `rows` more than four rows of
                // `stride`; `out` and `which` are `side` finished planes, `apart` from each other.
                unsafe { output_tiles(p, m.as_ptr(), rows.as_mut_ptr(), end, out.as_mut_ptr(), which.as_mut_ptr()) }
            }
        }
    }
}

pub fn backward(
    shape: &Conv2d,
    x: &[f32],
    weight: &[f32],
    upstream: Upstream,
    grads: &mut Gradients,
    scratch: &mut Scratch,
) {
    let t = Tiling::new(shape, BACKWARD_BLOCK);
    let (fv, fm, fu) = (t.frequency(shape.cin), t.frequency(shape.cout), weight_frequency(shape));
    let wanted = grads.x.is_some();
    let (u, du) = take(&mut scratch.weight, 2 * F * fu).split_at_mut(F * fu);
    let v = take(&mut scratch.input, F * fv);
    let m = take(&mut scratch.product, F * fm);
    let rows = take(&mut scratch.rows, rows_len(&t));
    let (input_rows, output_rows) = take(&mut scratch.offsets, shape.cin + shape.cout).split_at_mut(shape.cin);
    row_offsets(shape.cin, t.row(), input_rows);
    row_offsets(shape.cout, t.row(), output_rows);
    if wanted {
        let kernels =
            Kernels { rows: shape.cin, row_stride: 9, depth: shape.cout, depth_stride: 9 * shape.cin, frequency: fu };
        // SAFETY: `weight` holds `cout * cin` kernels of 9 (checked by `backward_by`); `u` has eight floats to spare.
        unsafe { weight_tiles(kernels, weight.as_ptr(), u.as_mut_ptr()) };
    }
    du.fill(0.0);

    let (oh, ow) = (shape.out_h(), shape.out_w());
    let [ph, pw] = shape.padding;
    for first in (0..shape.batch).step_by(t.images) {
        let images = t.images.min(shape.batch - first);
        let n = images * t.th * t.tw;
        transform_input(shape, &t, x, first, images, rows, v);

        let (plane, tmp) = rows.split_at_mut(t.plane);
        plane.fill(0.0);
        for (b, side) in t.sides(images) {
            let p = t.planes(side, fm);
            for c in 0..shape.cout {
                for image in 0..side {
                    let (index, at) = ((first + b + image) * shape.cout + c, image * t.pitch);
                    grads.bias[c] += upstream.plane(index, [oh, ow], &mut plane[at..], t.stride);
                }
                let m = &mut m[c * t.row() + b * t.th * t.tw..];
                // SAFETY: as in `transform_input`, with `cout` rows per frequency.
                unsafe { output_adjoint(p, plane.as_ptr(), tmp.as_mut_ptr(), m.as_mut_ptr()) }
            }
        }

        for f in 0..F {
            let p = Inner {
                m: shape.cout,
                n,
                stride_a: t.row(),
                offsets: input_rows,
                stride_c: shape.cin,
                into: Into::Add,
            };
            let (v, m) = (&mut v[f * fv..(f + 1) * fv], &m[f * fm..(f + 1) * fm]);
            inner(p, m, v, &mut du[f * fu..]);
            if wanted {
                let p = Outer { m: shape.cin, n, offsets: output_rows, stride_c: t.row(), into: Into::Set };
                outer(p, &u[f * fu..], m, v);
            }
        }

        let Some(dx) = &mut grads.x else { continue };
        for (b, side) in t.sides(images) {
            let p = t.planes(side, fv);
            for c in 0..shape.cin {
                plane.fill(0.0);
                let v = &v[c * t.row() + b * t.th * t.tw..];
                // SAFETY: a frequency of `v` holds `cin` rows of `images * th * tw + 8`; `plane` is `4 th + 2` rows of
                // `stride`: alone eight more than the tiles of a row cover, side by side as in `transform_input`.
                unsafe { input_adjoint(p, v.as_ptr(), plane.as_mut_ptr()) }
                for image in 0..side {
                    let at = ((first + b + image) * shape.cin + c) * shape.h * shape.w;
                    let dx = &mut dx[at..][..shape.h * shape.w];
                    cut(&plane[image * t.pitch + ph * t.stride + pw..], t.stride, dx, shape.w);
                }
            }
        }
    }
    // SAFETY: `du` holds `cout * cin` floats at each of 36 frequencies `fu` apart, `grads.weight` as many kernels of 9.
    unsafe { weight_adjoint(shape.cout * shape.cin, fu, du.as_ptr(), grads.weight.as_mut_ptr()) };
}
