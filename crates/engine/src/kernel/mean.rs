//! The server's sums of client updates, in the vectors of the machine.

use super::simd::dispatch;
use crate::federated::aggregate;

/// [`aggregate::accumulate`] compiled for the machine's instruction set. Integers: every set gives the same sums.
pub fn accumulate(sums: &mut [i64], base: &[f32], model: &[f32], share: f64, sign: i64) -> bool {
    let mut bounded = true;
    // SAFETY: the body is safe code on slices.
    unsafe { accumulate_vectors(sums, base, model, [share, sign as f64], &mut bounded) };
    bounded
}

dispatch! {
    fn accumulate_vectors(sums: &mut [i64], base: &[f32], model: &[f32], factors: [f64; 2], bounded: &mut bool)
        = accumulate_body, vectors
}

#[inline(always)]
unsafe fn accumulate_body<S>(
    sums: &mut [i64],
    base: &[f32],
    model: &[f32],
    [share, sign]: [f64; 2],
    bounded: &mut bool,
) {
    *bounded = aggregate::accumulate(sums, base, model, share, sign as i64);
}
