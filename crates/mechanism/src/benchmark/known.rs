//! What benchmarks say about themselves.

use crate::rule::{Facts, Guarantee, Private};

/// What someone with full information pays, and what nothing is promised about beyond.
pub(super) fn known_costs(source: &'static str) -> Facts {
    Facts {
        private: Private::Nothing,
        information: "costs are known to the server; measured: samples, skew, batch, theta",
        guarantees: vec![Guarantee::IndividualRationality],
        source,
    }
}
