//! Laws of accounts over everything that may be asked, the senseless included.

use imfl_privacy::account::{Question, Report};
use proptest::prelude::*;

fn power(low: f64, high: f64) -> impl Strategy<Value = f64> {
    (low.ln()..high.ln()).prop_map(f64::exp)
}

fn report(noise: f64, rate: f64, rounds: f64, delta: f64) -> Report {
    Report::new(&Question { noise: Some(noise), epsilon: None, rate, rounds: rounds as u64, delta }).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn more_noise_fewer_rounds_and_lower_rates_never_cost_more(
        noise in power(2e-3, 1e3),
        rate in power(1e-7, 1.0),
        rounds in power(2.0, 1e8),
        delta in power(1e-12, 0.1),
    ) {
        let at = report(noise, rate, rounds, delta);
        let less = [report(1.3 * noise, rate, rounds, delta), report(noise, 0.8 * rate, rounds, delta), report(noise, rate, rounds / 2.0, delta)];
        for less in &less {
            prop_assert!(less.epsilon <= at.epsilon * 1.001 + 1e-9, "{less:?}\n{at:?}");
            // With little noise some orders' series do not converge and are left out, as in dp-accounting.
            let lost = at.epsilon_rdp > 100.0;
            prop_assert!(lost || less.epsilon_rdp <= at.epsilon_rdp * 1.001 + 1e-9, "{less:?}\n{at:?}");
        }
        // Both are upper bounds: the finer one is above only where a round's loss, about rate / noise, is small on the grid.
        let grid = 1e-4 * (2.0 * rounds).sqrt() * 10.0;
        prop_assert!(at.epsilon <= at.epsilon_rdp * 1.01 + grid, "{at:?}");
    }
}
