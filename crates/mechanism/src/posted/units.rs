//! The unit in which server costs are compared.

/// Server costs of posted prices are compared in 1e-18 credits: a price in pico-credits times millionths of a sample.
pub(super) const ATTOS_PER_PICO: i128 = 1_000_000;
