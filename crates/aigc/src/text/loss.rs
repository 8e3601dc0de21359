//! The bound on the negative log-likelihood that the network learns by.

use imfl_engine::data::Vocabulary;

/// What is asked of a row of logits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Asked {
    /// The symbol that stands there.
    pub symbol: u16,
    /// Whether the end may stand there.
    pub may_end: bool,
    /// Weight of its cross-entropy.
    pub weight: f64,
}

/// The weighted sum of the rows' cross-entropies in nats, and its gradient by the logits; `logits [rows, symbols]`.
///
/// On the host and in one pass: softmax, logarithm and their derivatives of thousands of words as operations of a graph would take longer
/// than the network.
pub fn cross_entropy(mut logits: Vec<f32>, asked: &[Asked]) -> (f64, Vec<f32>) {
    let symbols = logits.len() / asked.len().max(1);
    let mut loss = 0.0;
    for (row, Asked { symbol, may_end, weight }) in logits.chunks_exact_mut(symbols.max(1)).zip(asked) {
        let target = row[usize::from(*symbol)];
        let (largest, sum) = exponentials(row, *may_end);
        loss += weight * (f64::from(largest) + sum.ln() - f64::from(target));
        let scale = (weight / sum) as f32;
        row.iter_mut().for_each(|value| *value *= scale);
        row[usize::from(*symbol)] -= *weight as f32;
    }
    (loss, logits)
}

/// Turns a row of logits into `exp(logit - largest)`, 0 for an end that cannot be; returns the largest and the sum.
pub fn exponentials(row: &mut [f32], may_end: bool) -> (f32, f64) {
    if !may_end {
        row[usize::from(Vocabulary::PADDING)] = f32::NEG_INFINITY;
    }
    // Not `max`: a NaN must pass, so that divergence is seen.
    let largest = row.iter().fold(f32::NEG_INFINITY, |largest, &value| if value <= largest { largest } else { value });
    row.iter_mut().for_each(|value| *value = (*value - largest).exp());
    (largest, row.iter().map(|value| f64::from(*value)).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_costs_what_its_symbol_is_worth() {
        // Probabilities 1/2, 1/4, 1/4.
        let logits = vec![2f32.ln(), 0.0, 0.0];
        let asked = |symbol, may_end, weight| Asked { symbol, may_end, weight };
        let (loss, gradient) = cross_entropy(logits.clone(), &[asked(1, true, 2.0)]);
        assert!((loss - 2.0 * 4f64.ln()).abs() < 1e-6);
        for (found, wanted) in gradient.iter().zip([1.0, -1.5, 0.5]) {
            assert!((found - wanted).abs() < 1e-6, "{gradient:?}");
        }
        // Where no end can be, the others share its probability.
        let (loss, gradient) = cross_entropy(logits, &[asked(1, false, 1.0)]);
        assert!((loss - 2f64.ln()).abs() < 1e-6);
        assert_eq!(gradient[0], 0.0);
        assert!((gradient[2] - 0.5).abs() < 1e-6);
        let (loss, _) = cross_entropy(vec![0.0, f32::NAN, 0.0], &[asked(2, true, 1.0)]);
        assert!(loss.is_nan());
    }

    #[test]
    fn the_gradient_is_that_of_the_loss() {
        let logits: Vec<f32> = (0..12).map(|at| ((at * 7) % 5) as f32 * 0.3 - 0.5).collect();
        let asked = [(3, true, 1.5), (2, false, 0.5), (0, true, 4.0)].map(|(symbol, may_end, weight)| Asked {
            symbol,
            may_end,
            weight,
        });
        let (_, gradient) = cross_entropy(logits.clone(), &asked);
        for at in 0..12 {
            let moved = |by: f32| {
                let mut logits = logits.clone();
                logits[at] += by;
                cross_entropy(logits, &asked).0
            };
            let slope = (moved(1e-2) - moved(-1e-2)) / 2e-2;
            assert!((slope - f64::from(gradient[at])).abs() < 1e-3, "{at}: {slope} {}", gradient[at]);
        }
    }
}
