//! Channel planes between their own rows and padded ones.

use crate::simd::{Simd, dispatch};

/// Copies an `h x w` plane into a padded one. Only the window is written, so that zeros around it last.
pub fn place(src: &[f32], w: usize, dst: &mut [f32], stride: usize) {
    let rows = src.len() / w.max(1);
    assert!(rows == 0 || dst.len() >= (rows - 1) * stride + w, "place: plane is too short");
    // SAFETY: `src` holds `rows` rows of `w`, `dst` as many at `stride`, as was checked.
    unsafe { copy_rows([rows, w], src.as_ptr(), w, dst.as_mut_ptr(), stride) }
}

/// Copies the `h x w` window out of a padded plane.
pub fn cut(src: &[f32], stride: usize, dst: &mut [f32], w: usize) {
    let rows = dst.len() / w.max(1);
    assert!(rows == 0 || src.len() >= (rows - 1) * stride + w, "cut: plane is too short");
    // SAFETY: `dst` holds `rows` rows of `w`, `src` as many at `stride`, as was checked.
    unsafe { copy_rows([rows, w], src.as_ptr(), stride, dst.as_mut_ptr(), w) }
}

dispatch! {
    /// Copies `h` rows of `w` floats between strides. Rows of images are too short to call `memcpy` for.
    ///
    /// # Safety
    /// `src` and `dst` hold `h` rows of `w` floats at their strides and do not overlap.
    fn copy_rows(size: [usize; 2], src: *const f32, src_stride: usize, dst: *mut f32, dst_stride: usize)
        = copy_rows_body, vectors
}

/// # Safety
/// As for [`copy_rows`].
#[inline(always)]
unsafe fn copy_rows_body<S: Simd>(
    [h, w]: [usize; 2],
    src: *const f32,
    src_stride: usize,
    dst: *mut f32,
    dst_stride: usize,
) {
    for r in 0..h {
        let (from, to) = (src.add(r * src_stride), dst.add(r * dst_stride));
        let mut i = 0;
        while i + S::N <= w {
            S::store(to.add(i), S::load(from.add(i)));
            i += S::N;
        }
        if i < w {
            S::store_first(to.add(i), S::load_first(from.add(i), w - i), w - i);
        }
    }
}
