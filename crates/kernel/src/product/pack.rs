//! The layout of a product's packed factor, and how its result is stored.

/// Splits `m` rows into blocks of at most six, as even as can be: `(first row, rows)`.
///
/// Six rows by two vectors of sums, two vectors of `B` and one of `A` fit AVX2's sixteen registers and keep both
/// multiply-add ports busy; even blocks leave no narrow remainder, which would wait for its own results.
#[inline]
pub fn blocks(m: usize) -> impl Iterator<Item = (usize, usize)> {
    let n = m.div_ceil(6);
    (0..n).map(move |i| (i * m / n, (i + 1) * m / n - i * m / n))
}

/// Packs `a(i, k)`, `i < m`, `k < depth`, for [`outer`]: each of the [`blocks`] is stored `[depth][rows of the block]`.
pub fn pack(m: usize, depth: usize, packed: &mut [f32], a: impl Fn(usize, usize) -> f32) {
    for (first, rows) in blocks(m) {
        for (k, to) in packed[first * depth..][..rows * depth].chunks_exact_mut(rows).enumerate() {
            for (i, to) in to.iter_mut().enumerate() {
                *to = a(first + i, k);
            }
        }
    }
}

/// What a product does with the values already in `C`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Store {
    /// Overwrites them.
    Set,
    /// Adds to them.
    Add,
}
