//! Whole tiles: from padded planes to frequencies, from frequencies to finished planes, and both ways back.

use super::super::downstream::{Rows, Target, finish_rows};
use super::super::shape::DEAD;
use super::tiling::Planes;
use super::transform::{a, at, b, bt};
use crate::simd::{Lanes8, dispatch};

dispatch! {
    /// `V = B^T d B` for every tile of some planes.
    pub fn input_tiles(p: Planes, src: *const f32, tmp: *mut f32, v: *mut f32) = input_tiles_body, lanes8
}
dispatch! {
    fn output_tiles4(p: Planes, m: *const f32, tmp: *mut f32, end: Output) = output_tiles4_body, lanes8
}
dispatch! {
    fn output_tiles2(p: Planes, m: *const f32, tmp: *mut f32, end: Output) = output_tiles2_body, lanes8
}
dispatch! {
    fn output_adjoint4(p: Planes, src: *const f32, tmp: *mut f32, m: *mut f32) = output_adjoint4_body, lanes8
}
dispatch! {
    fn output_adjoint2(p: Planes, src: *const f32, tmp: *mut f32, m: *mut f32) = output_adjoint2_body, lanes8
}
dispatch! {
    /// `dx += B dV B^T` for every tile of some planes.
    pub fn input_adjoint(p: Planes, v: *const f32, dst: *mut f32) = input_adjoint_body, lanes8
}

/// What happens to an output plane.
#[derive(Clone, Copy)]
pub struct Output {
    /// Where the first of the planes goes.
    pub target: Target,
    pub bias: f32,
    pub h: usize,
    pub w: usize,
    /// Planes side by side, the distance between their columns, and between their places in the output.
    pub side: usize,
    pub pitch: usize,
    pub apart: usize,
}

/// `y = A^T m A` for every tile of some planes, finished into the output.
///
/// # Safety
/// As for [`output_tiles_body`].
pub unsafe fn output_tiles(p: Planes, m: *const f32, tmp: *mut f32, end: Output) {
    if p.step == 2 { output_tiles2(p, m, tmp, end) } else { output_tiles4(p, m, tmp, end) }
}

/// `dM = A dy A^T` for every tile of some planes.
///
/// # Safety
/// As for [`output_adjoint_body`].
pub unsafe fn output_adjoint(p: Planes, src: *const f32, tmp: *mut f32, m: *mut f32) {
    if p.step == 2 { output_adjoint2(p, src, tmp, m) } else { output_adjoint4(p, src, tmp, m) }
}

#[inline(always)]
unsafe fn output_tiles4_body<S: Lanes8>(p: Planes, m: *const f32, tmp: *mut f32, end: Output) {
    output_tiles_body::<S, 4>(p, m, tmp, end);
}
#[inline(always)]
unsafe fn output_tiles2_body<S: Lanes8>(p: Planes, m: *const f32, tmp: *mut f32, end: Output) {
    output_tiles_body::<S, 2>(p, m, tmp, end);
}
#[inline(always)]
unsafe fn output_adjoint4_body<S: Lanes8>(p: Planes, src: *const f32, tmp: *mut f32, m: *mut f32) {
    output_adjoint_body::<S, 4>(p, src, tmp, m);
}
#[inline(always)]
unsafe fn output_adjoint2_body<S: Lanes8>(p: Planes, src: *const f32, tmp: *mut f32, m: *mut f32) {
    output_adjoint_body::<S, 2>(p, src, tmp, m);
}

/// Six inputs of eight tiles of a row.
#[inline(always)]
unsafe fn inputs<S: Lanes8>(p: &Planes, row: *const f32) -> [S::V; 6] {
    if p.apart {
        return S::gather4_of_6(row, &p.lanes);
    }
    if p.step == 4 {
        return S::split4_of_6(row);
    }
    // Tiles of two overlap: the later inputs of one are the first of those behind it.
    let ([a, b], [c, d], [e, f]) = (S::split2(row), S::split2(row.add(2)), S::split2(row.add(4)));
    [a, b, c, d, e, f]
}

/// # Safety
/// `src` is padded planes; `tmp` holds six rows of their stride; `v` holds, at each frequency, the planes' tiles and
/// eight more.
#[inline(always)]
unsafe fn input_tiles_body<S: Lanes8>(p: Planes, src: *const f32, tmp: *mut f32, v: *mut f32) {
    for ty in 0..p.th {
        let rows = src.add(p.step * ty * p.stride);
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
                let t = bt::<S>(inputs::<S>(&p, tmp.add(i * p.stride + p.step * tx)));
                for j in 0..6 {
                    S::store(v.add((6 * i + j) * p.frequency + ty * p.tiles + tx), t[j]);
                }
            }
            tx += 8;
        }
    }
}

/// # Safety
/// `m` holds, at each frequency, the planes' tiles and eight more; `tmp` holds T rows of the padded planes' stride;
/// `end.target` holds the finished planes where `end` says.
#[inline(always)]
unsafe fn output_tiles_body<S: Lanes8, const T: usize>(p: Planes, m: *const f32, tmp: *mut f32, end: Output) {
    let pooled = matches!(end.target, Target::ReluPool2(..));
    for ty in 0..p.th {
        let mut tx = 0;
        while tx < p.tiles {
            let mut t = [[S::zero(); 6]; T];
            for j in 0..6 {
                let mut c = [S::zero(); 6];
                for i in 0..6 {
                    c[i] = S::load(m.add((6 * i + j) * p.frequency + ty * p.tiles + tx));
                }
                let y = at::<S, T>(c);
                for i in 0..T {
                    t[i][j] = y[i];
                }
            }
            let mut y = [[S::zero(); T]; T];
            for i in 0..T {
                y[i] = at::<S, T>(t[i]);
            }
            if pooled && !p.apart {
                for i in 0..T / 2 {
                    let (top, bottom) = (y[2 * i], y[2 * i + 1]);
                    let left = pool::<S>([top[0], top[1], bottom[0], bottom[1]], end.bias);
                    let to = tmp.add(2 * i * p.stride + T / 2 * tx);
                    if T == 2 {
                        S::store(to, left.0);
                        S::store(to.add(p.stride), left.1);
                    } else {
                        let right = pool::<S>([top[2], top[3], bottom[2], bottom[3]], end.bias);
                        S::join2(to, [left.0, right.0]);
                        S::join2(to.add(p.stride), [left.1, right.1]);
                    }
                }
            } else {
                for i in 0..T {
                    outputs::<S, T>(&p, tmp.add(i * p.stride + T * tx), y[i]);
                }
            }
            tx += 8;
        }
        let rows = Rows { stride: p.stride, count: (end.h - T * ty).min(T), first: T * ty, width: end.w };
        match end.target {
            _ if p.apart => {
                for image in 0..end.side {
                    finish_rows(tmp.add(image * end.pitch), rows, end.bias, end.target.add(image * end.apart));
                }
            }
            Target::ReluPool2(out, choice) => {
                let width = end.w / 2;
                for i in 0..(T / 2).min((end.h - T * ty) / 2) {
                    let from = tmp.add(2 * i * p.stride);
                    let at = (T / 2 * ty + i) * width;
                    for x in 0..width {
                        *out.add(at + x) = *from.add(x);
                    }
                    for x in 0..width {
                        // Sound: `pool` makes 0 to 4.
                        *choice.add(at + x) = (*from.add(p.stride + x)).to_int_unchecked::<i32>() as u8;
                    }
                }
            }
            target => finish_rows(tmp, rows, end.bias, target),
        }
    }
}

/// T outputs of eight tiles into a row.
#[inline(always)]
unsafe fn outputs<S: Lanes8, const T: usize>(p: &Planes, row: *mut f32, y: [S::V; T]) {
    match (T, p.apart) {
        (4, true) => S::scatter4(row, &p.lanes, [y[0], y[1], y[2], y[3]]),
        (4, false) => S::join4(row, [y[0], y[1], y[2], y[3]]),
        (_, false) => S::join2(row, [y[0], y[1]]),
        (_, true) => {
            let mut pairs = [0.0f32; 16];
            S::join2(pairs.as_mut_ptr(), [y[0], y[1]]);
            for (pair, at) in pairs.chunks_exact(2).zip(p.lanes) {
                (*row.add(at), *row.add(at + 1)) = (pair[0], pair[1]);
            }
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
unsafe fn output_adjoint_body<S: Lanes8, const T: usize>(p: Planes, src: *const f32, tmp: *mut f32, m: *mut f32) {
    for ty in 0..p.th {
        let rows = src.add(T * ty * p.stride);
        let mut x = 0;
        while x < p.stride {
            let mut y = [S::zero(); T];
            for i in 0..T {
                y[i] = S::load(rows.add(i * p.stride + x));
            }
            let t = a::<S, T>(y);
            for i in 0..6 {
                S::store(tmp.add(i * p.stride + x), t[i]);
            }
            x += 8;
        }
        let mut tx = 0;
        while tx < p.tiles {
            for i in 0..6 {
                let row = tmp.add(i * p.stride + T * tx);
                let mut y = [S::zero(); T];
                if T == 2 && !p.apart {
                    y.copy_from_slice(&S::split2(row));
                } else {
                    let four = if p.apart { S::gather4(row, &p.lanes) } else { S::split4(row) };
                    y.copy_from_slice(&four[..T]);
                }
                let t = a::<S, T>(y);
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
                let row = dst.add((p.step * ty + i) * p.stride + p.step * tx);
                if p.apart {
                    S::scatter4_add(row, &p.lanes, [d[0], d[1], d[2], d[3]]);
                    S::scatter4_add(row.add(4), &p.lanes, [d[4], d[5], S::zero(), S::zero()]);
                    continue;
                }
                if p.step == 2 {
                    // Columns 2 and 3 of a tile are columns 0 and 1 of the next, 4 and 5 those of the one after it.
                    let (e, f) = (S::shift_up(d[4]), S::shift_up(d[5]));
                    let even = S::add(d[0], S::add(S::shift_up(d[2]), S::shift_up(e)));
                    let odd = S::add(d[1], S::add(S::shift_up(d[3]), S::shift_up(f)));
                    let mut pairs = [0.0f32; 16];
                    S::join2(pairs.as_mut_ptr(), [even, odd]);
                    for half in [0, 8] {
                        S::store(row.add(half), S::add(S::load(row.add(half)), S::load(pairs.as_ptr().add(half))));
                    }
                    *row.add(16) += S::top(d[2]) + S::top(e);
                    *row.add(17) += S::top(d[3]) + S::top(f);
                    *row.add(18) += S::top(d[4]);
                    *row.add(19) += S::top(d[5]);
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
