//! Exact incentive mechanisms for federated learning with generated data.
//!
//! The road through this crate is the road of a round of hiring:
//!
//! 1. [`Population`]: clients with what is measured about them (samples, label skew) and what is private (costs);
//! 2. [`LossModel`]: what a set of participants is worth, the part of the convergence bound that depends on them, in money;
//! 3. [`Market`]: the two together, quantised once, so that everything after is integer arithmetic;
//! 4. a rule, such as a [`posted`] price, that turns a market into an [`Outcome`];
//! 5. [`ledger`]: double-entry books for the payments.
//!
//! ```
//! use imfl_mechanism::*;
//!
//! # fn main() -> Result<()> {
//! let specs = (1..=4).map(|k| ClientSpec {
//!     id: format!("client-{k}"),
//!     samples: 500,
//!     skew: Some(0.4 * k as f64),
//!     shares: None,
//!     compute_cost: 0.001,
//!     synthesis_cost: 0.0005,
//!     setup_cost: 0.05,
//!     batch: 10,
//! });
//! let population = Population::new(specs, &TargetChoice::Uniform)?;
//! let constants = Constants { g_data: 1.75, sigma: 2.0, smoothness: 4.0, rate: 0.01, local_steps: 5 };
//! let model = LossModel::new(constants, 0.154, 0.5, Bias::Aligned, Weights::Effective)?;
//! let market = Market::new(population, model)?;
//! let outcome = posted::complete(&market)?;
//! for (client, award) in market.clients().iter().zip(&outcome.awards) {
//!     println!("{} {} {}", client.id(), award.mode, award.payment);
//! }
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

pub mod auction;
pub mod benchmark;
pub mod instance;
pub mod ledger;
pub mod loss;
pub mod money;
pub mod personal;
pub mod posted;
pub mod prior;
pub mod verify;

mod choice;
mod client;
mod error;
mod market;
mod outcome;
mod rule;

pub use choice::{Knowledge, RuleChoice, RuleChoiceError};
pub use client::{Client, ClientSpec, Mode, Population, Target, TargetChoice};
pub use error::{Error, ErrorKind, Result};
pub use loss::{Bias, Constants, LossModel, Terms, Weights};
pub use market::{Market, ModeCosts};
pub use money::{Credits, Price, Rate};
pub use outcome::{Award, Outcome};
pub use rule::{Facts, Guarantee, Mechanism, PROHIBITIVE, Private};
