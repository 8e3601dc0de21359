//! What a mechanism decided, as columns.

use crate::arrays::fixed;
use crate::values;
use imfl_mechanism::{Market, Mode, Outcome, Terms};
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// An outcome as a dictionary: money in micro-credits (the price in pico-credits a unit), a column of bytes for each field of an
/// award.
///
/// # Errors
/// Memory that is not there.
pub fn columns<'py>(py: Python<'py>, market: &Market, outcome: &Outcome) -> PyResult<Bound<'py, PyDict>> {
    let awards = &outcome.awards;
    let weights = market.aggregation_weights(&outcome.modes());
    let clients: Vec<&str> = market.clients().iter().map(|client| client.id()).collect();
    // In the order of `imfl.Mode`.
    let place = |mode| Mode::ALL.iter().position(|other| *other == mode).unwrap_or(0) as u8;
    let effective = awards.iter().enumerate().map(|(index, award)| market.effective_samples(index, award.mode));
    let found = PyDict::new(py);
    found.set_item("clients", clients)?;
    found.set_item("modes", fixed(py, awards.iter().map(|award| [place(award.mode)]))?)?;
    found.set_item("payments_micros", fixed(py, awards.iter().map(|award| award.payment.micros().to_ne_bytes()))?)?;
    found.set_item("costs_micros", fixed(py, awards.iter().map(|award| award.cost.micros().to_ne_bytes()))?)?;
    found
        .set_item("utilities_micros", fixed(py, awards.iter().map(|award| award.utility().micros().to_ne_bytes()))?)?;
    found.set_item("effective_samples", fixed(py, effective.map(f64::to_ne_bytes))?)?;
    found.set_item("weights", fixed(py, weights.iter().map(|weight| weight.to_ne_bytes()))?)?;
    found.set_item("price_picos", outcome.price.map(|price| price.picos()))?;
    found.set_item("accuracy_loss", outcome.phi())?;
    found.set_item("terms", values::pairs(py, outcome.terms().iter().flat_map(Terms::named))?)?;
    let predicted = outcome.appraisal.prediction();
    found.set_item("predicted", predicted.map(|expected| (expected.accuracy(), expected.loss)))?;
    found.set_item("weighted_accuracy_loss_micros", outcome.accuracy_loss.micros())?;
    found.set_item("paid_micros", outcome.payments.micros())?;
    found.set_item("server_cost_micros", outcome.server_cost.micros())?;
    found.set_item("lower_bound_micros", outcome.lower_bound.micros())?;
    found.set_item("gap", outcome.gap())?;
    found.set_item("exact", outcome.exact)?;
    found.set_item("theorem_holds", market.bound().map(|bound| bound.constants().theorem_holds()))?;
    Ok(found)
}
