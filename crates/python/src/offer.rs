//! A client's side of an offer: what it costs, what is best, what a round earns. Costs do not leave whoever calls this.

use crate::failure::short;
use crate::values;
use imfl_mechanism::Mode;
use imfl_mechanism::ledger::Instalments;
use imfl_mechanism::posted::Offer;
use imfl_mechanism::prior::UnitCosts;
use imfl_mechanism::{Credits, Rate};
use imfl_run::{Failure, Kind, Outcome};
use pyo3::prelude::*;

fn rate(text: &str, what: &str) -> Outcome<Rate> {
    text.parse().map_err(|error| Failure::new(Kind::Config, format!("`{what}`: {error}")))
}

/// The best mode at these unit costs in credits, and what each mode costs in micro-credits.
#[pyfunction]
pub fn answer(
    py: Python,
    offer: &Bound<PyAny>,
    compute: &str,
    synthesis: &str,
    setup: &str,
) -> PyResult<(String, i64, i64)> {
    let given = values::to_json(offer, "offer")?;
    short(py, || {
        let offer: Offer = serde_json::from_value(given)
            .map_err(|error| Failure::new(Kind::Data, format!("the offer is none: {error}")))?;
        let unit = UnitCosts {
            compute: rate(compute, "compute-cost")?,
            synthesis: rate(synthesis, "synthesis-cost")?,
            setup: rate(setup, "setup-cost")?,
        };
        let costs = offer.costs(unit).map_err(Failure::from)?;
        let mode: Mode = offer.answer(unit).map_err(Failure::from)?;
        Ok::<_, Failure>((mode.to_string(), costs.local.micros(), costs.augmented.micros()))
    })
}

/// What the `nth` of so many rounds earns of an award, all in micro-credits.
#[pyfunction]
pub fn instalment(award: i64, rounds: u64, nth: u64) -> i64 {
    Instalments { award: Credits::from_micros(award), rounds }.nth(nth).micros()
}
