//! Least squares over at most four numbers that stay at or above 0.

/// Least squares of rows `[a, b, c, d, y]` over four numbers that are at least 0: the best of all choices of which are above 0. Returns the sum of squares.
pub(super) fn non_negative(rows: &[[f64; 5]]) -> (f64, [f64; 4]) {
    let product = |a: usize, b: usize| rows.iter().map(|row| row[a] * row[b]).sum::<f64>();
    let squares = |of: &[f64; 4]| {
        let left = |row: &[f64; 5]| row.iter().zip(of).map(|(cell, of)| cell * of).sum::<f64>() - row[4];
        rows.iter().map(|row| left(row).powi(2)).sum::<f64>()
    };
    let gram: [[f64; 5]; 4] = std::array::from_fn(|a| std::array::from_fn(|b| product(a, b)));
    let mut best = (squares(&[0.0; 4]), [0.0; 4]);
    for chosen in 1u8..16 {
        let among: Vec<usize> = (0..4).filter(|at| chosen >> at & 1 == 1).collect();
        let Some(solved) = solve(&gram, &among) else { continue };
        let mut of = [0.0; 4];
        among.iter().zip(&solved).for_each(|(&at, value)| of[at] = *value);
        if solved.iter().all(|value| *value >= 0.0) {
            let score = squares(&of);
            if score < best.0 {
                best = (score, of);
            }
        }
    }
    best
}

/// The normal equations of some columns, by elimination; `None` where they do not tell the columns apart.
fn solve(gram: &[[f64; 5]; 4], among: &[usize]) -> Option<Vec<f64>> {
    let mut rows: Vec<Vec<f64>> =
        among.iter().map(|&a| among.iter().map(|&b| gram[a][b]).chain([gram[a][4]]).collect()).collect();
    let size = among.len();
    for at in 0..size {
        let pivot = rows[at][at];
        if pivot <= 1e-12 * gram[among[at]][among[at]] {
            return None;
        }
        let (above, below) = rows.split_at_mut(at + 1);
        for row in below {
            let factor = row[at] / pivot;
            row.iter_mut().zip(&above[at]).skip(at).for_each(|(cell, pivot)| *cell -= factor * pivot);
        }
    }
    let mut solved = vec![0.0; size];
    for at in (0..size).rev() {
        let known: f64 = (at + 1..size).map(|column| rows[at][column] * solved[column]).sum();
        solved[at] = (rows[at][size] - known) / rows[at][at];
    }
    Some(solved)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn least_squares_stays_above_zero() {
        let rows = [[1.0, 0.0, 0.0, 0.0, 1.0], [1.0, 1.0, 0.0, 0.0, 0.5], [1.0, 2.0, 0.0, 0.0, 0.0]];
        let (_, found) = non_negative(&rows);
        assert!((found[0] - 0.5).abs() < 1e-12 && found[1] == 0.0 && found[2] == 0.0);
        let rows = [[1.0, 0.0, 0.0, 0.0, 1.0], [1.0, 1.0, 0.0, 0.0, 1.5], [1.0, 2.0, 3.0, 0.0, 8.0]];
        let (left, found) = non_negative(&rows);
        assert!(left < 1e-20 && (found[2] - 2.0).abs() < 1e-9);
    }
}
