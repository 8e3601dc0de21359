//! What a law is fitted to: loss or error.

use crate::objective::appraisal::Prediction;

/// What a law is fitted to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Quantity {
    pub name: &'static str,
    pub of: fn(&Prediction) -> f64,
    /// Added to what is measured where residuals are made relative: below it differences do not matter.
    pub least: f64,
    /// The largest value that the law may take without any data.
    pub most: f64,
    /// Units of the held-out error in the quantity's own.
    pub units: f64,
}

pub(super) const LOSS: Quantity =
    Quantity { name: "loss", of: |of| of.loss, least: 1e-3, most: f64::INFINITY, units: 1.0 };
pub(super) const ERROR: Quantity = Quantity { name: "error", of: |of| of.error, least: 5e-3, most: 1.0, units: 100.0 };
