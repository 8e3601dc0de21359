//! One client: what the server measures about it, and what only the client knows.

use crate::client::scale::NANOS;
use crate::error::{Error, Result};
use crate::mode::{Mode, PerMode};
use crate::money::{Credits, Rate};
#[cfg(doc)]
use crate::printable::Printable;

/// Pico-credits in a micro-credit.
const PICOS_PER_MICRO: u128 = 1_000_000;

/// To micro-credits, rounded up; [`mode_cost`] has checked that it fits.
pub(crate) fn micros_up(picos: u128) -> Credits {
    Credits::from_micros(picos.div_ceil(PICOS_PER_MICRO) as i64)
}

/// Whole micro-credits as the pico-credits in which clients compare costs with a price.
pub(crate) fn fine(costs: PerMode<Credits>) -> PerMode<u128> {
    // costs are never negative
    costs.map(|cost| cost.micros().max(0) as u128 * PICOS_PER_MICRO)
}

/// A client as floats, the way a measurement gives it; [`Population::new`](crate::Population::new) checks and quantises it.
#[derive(Debug, Clone, PartialEq)]
pub struct ClientSpec {
    /// Unique name.
    pub id: String,
    /// d, number of training samples, at least 1.
    pub samples: u64,
    /// lambda in [0, 2]; `None` computes it from `shares` and the target.
    pub skew: Option<f64>,
    /// p_k, `[classes]`, sums to 1; needed by the mixture bias.
    pub shares: Option<Vec<f64>>,
    /// s, credits per training sample.
    pub compute_cost: f64,
    /// c, credits per generated sample.
    pub synthesis_cost: f64,
    /// f, credits once for generating at all.
    pub setup_cost: f64,
    /// b, samples per batch, at least 1.
    pub batch: u32,
}

/// One client, checked and quantised: skew and shares to 1e-9, costs to a pico-credit per unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    pub(crate) id: String,
    pub(crate) samples: u64,
    pub(crate) skew: u64,
    pub(crate) batch: u32,
    pub(crate) compute_cost: Rate,
    pub(crate) synthesis_cost: Rate,
    pub(crate) setup_cost: Rate,
}

impl Client {
    /// Unique name, as it was given; [`Printable`] shows it on a terminal.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// d, number of training samples.
    pub fn samples(&self) -> u64 {
        self.samples
    }

    /// lambda, in [0, 2].
    pub fn skew(&self) -> f64 {
        self.skew as f64 / NANOS as f64
    }

    /// b, samples per batch.
    pub fn batch(&self) -> u32 {
        self.batch
    }

    /// s, per training sample.
    pub fn compute_cost(&self) -> Rate {
        self.compute_cost
    }

    /// c, per generated sample.
    pub fn synthesis_cost(&self) -> Rate {
        self.synthesis_cost
    }

    /// f, once.
    pub fn setup_cost(&self) -> Rate {
        self.setup_cost
    }

    /// Samples generated in augmented mode, d lambda/2.
    pub fn generated_samples(&self) -> f64 {
        self.samples as f64 * self.skew() / 2.0
    }

    /// Costs of both modes under other rates in pico-credits: d s, and d s + f + c d lambda/2. A client compares these with a price: rounding
    /// them to micro-credits first would shift the price at which it prefers augmented mode wherever both modes are worth nearly the same.
    pub(crate) fn fine_costs_at(&self, compute: Rate, synthesis: Rate, setup: Rate) -> Result<PerMode<u128>> {
        PerMode::try_from_fn(|mode| {
            mode_cost(self.samples, self.skew, mode, compute, synthesis, setup)
                .ok_or(Error::Overflow("the cost of a client"))
        })
    }

    /// Cost of a mode under other rates, rounded up to a micro-credit.
    pub(crate) fn cost_at(&self, mode: Mode, compute: Rate, synthesis: Rate, setup: Rate) -> Result<Credits> {
        mode_cost(self.samples, self.skew, mode, compute, synthesis, setup)
            .map(micros_up)
            .ok_or(Error::Overflow("the cost of a client"))
    }

    /// Cost of a mode: 0, d s, or d s + f + c d lambda/2, rounded up to a micro-credit.
    ///
    /// # Errors
    /// [`Error::Overflow`].
    pub fn cost(&self, mode: Mode) -> Result<Credits> {
        self.cost_at(mode, self.compute_cost, self.synthesis_cost, self.setup_cost)
    }
}

/// A client as it is read, before the target is known.
pub(super) struct Row {
    pub client: Client,
    /// Whether `client.skew` was given; if not it is computed from the shares.
    pub has_skew: bool,
}

/// In pico-credits, rounded up; `None` where it does not fit a 64-bit count of micro-credits.
pub(crate) fn mode_cost(
    samples: u64,
    skew: u64,
    mode: Mode,
    compute: Rate,
    synthesis: Rate,
    setup: Rate,
) -> Option<u128> {
    let training = u128::from(samples) * u128::from(compute.picos());
    let picos = match mode {
        Mode::Out => 0,
        Mode::Local => training,
        Mode::Augmented => {
            // c d lambda / 2, with lambda in parts of 1e9
            let generating = (u128::from(synthesis.picos()) * u128::from(samples)).checked_mul(u128::from(skew))?;
            training.checked_add(u128::from(setup.picos()))?.checked_add(generating.div_ceil(2 * u128::from(NANOS)))?
        }
    };
    (picos <= i64::MAX as u128 * PICOS_PER_MICRO).then_some(picos)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::scale::MAX_TOTAL_SAMPLES;

    #[test]
    fn costs_follow_the_formula_and_round_up() {
        let client = Client {
            id: "a".into(),
            samples: 600,
            skew: 1_800_000_000,
            batch: 10,
            compute_cost: "0.01".parse().unwrap(),
            synthesis_cost: "0.003".parse().unwrap(),
            setup_cost: "0.25".parse().unwrap(),
        };
        assert_eq!(client.cost(Mode::Local).unwrap().to_string(), "6");
        assert_eq!(client.cost(Mode::Augmented).unwrap().to_string(), "7.87");
        assert_eq!(client.generated_samples(), 540.0);
        let tiny = Client { compute_cost: Rate::from_picos(1), ..client };
        assert_eq!(tiny.cost(Mode::Local).unwrap(), Credits::UNIT);
        let huge = Client { compute_cost: Rate::MAX, samples: MAX_TOTAL_SAMPLES, ..tiny };
        assert!(matches!(huge.cost(Mode::Local), Err(Error::Overflow(_))));
    }
}
