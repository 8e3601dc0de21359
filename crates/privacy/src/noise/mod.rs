//! Discrete Gaussian noise, drawn exactly: integers x with probability in proportion to exp(-x^2 / 2 sigma^2).
//!
//! Floating-point noise has gaps that tell secrets (Mironov 2012). Here neither a draw nor the sum that it is added
//! to is ever a floating-point number: sigma^2 is a fraction, draws come from integers and comparisons
//! ([`DiscreteGaussian`]), and the same random bits give the same noise on every machine.
//!
//! **Accounts.** Let d integers be shifted by a vector of integers of length at most the sensitivity. Noise of
//! variance sigma^2 reveals no more about the shift than continuous Gaussian noise of variance sigma^2 - 4 does,
//! but for a factor of 1 + d 1e-33 on probabilities: the discrete one can be made from the continuous one without
//! knowing the shift, by adding to each value y discrete noise of variance 4 on the integers minus y (Peikert 2010,
//! theorem 3.1). Every statement of [`crate::account`] about continuous noise therefore holds, sampling included,
//! and from sigma = 1000 on the missing 4 changes a noise multiplier by less than 2e-6 of itself. Without sampling
//! there is nothing missing: Rényi divergences are at most the continuous ones at any sigma (Canonne, Kamath and
//! Steinke 2020, proposition 5).
//!
//! **Sources of bits.** A `rand::Rng` that can be told from true randomness voids the promise: use ChaCha, keyed by
//! a secret of the server. Several threads draw from streams of their own, one for each slice of the sum.

mod exponential;
pub mod paper;
mod table;
mod variance;

pub use table::DiscreteGaussian;
pub use variance::Variance;
