//! Sizes that cover few and many samples alike.

/// So many sizes, each the same multiple of the one before, from `smallest` to at most `largest`, with a sum of at most `budget`.
pub fn ladder(smallest: f64, largest: f64, count: usize, budget: f64) -> Vec<f64> {
    let rungs = |top: f64| {
        let factor = (top / smallest).powf(1.0 / (count.max(2) - 1) as f64);
        (0..count).map(|at| smallest * factor.powi(at as i32)).collect::<Vec<f64>>()
    };
    let (mut low, mut high) = (smallest, largest.max(smallest));
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        match rungs(middle).iter().sum::<f64>() <= budget {
            true => low = middle,
            false => high = middle,
        }
    }
    rungs(low)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ladder_keeps_to_its_budget_and_to_what_there_is() {
        for (budget, top) in [(1e9, 3000.0), (12_000.0, 3000.0), (5_000.0, 3000.0), (100.0, 100.0)] {
            let rungs = ladder(10.0f64.min(budget / 12.0), top, 12, budget);
            assert_eq!(rungs.len(), 12);
            assert!(rungs.iter().sum::<f64>() <= budget * 1.001 && rungs[11] <= top * 1.001, "{rungs:?}");
            assert!(rungs.windows(2).all(|pair| pair[1] >= pair[0]));
        }
        assert!((ladder(10.0, 3000.0, 12, 1e9)[11] - 3000.0).abs() < 1.0, "all of it where time allows");
    }
}
