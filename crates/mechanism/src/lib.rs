//! Exact incentive mechanisms for federated learning with generated data.
//!
//! A server wants clients to train a model for it. Data differ in amount and in the mix of labels, work costs, and a client can replace surplus
//! samples of its own by generated ones of the classes that it lacks. Who should take part, how, and for how much?
//!
//! ```
//! use imfl_mechanism::prelude::*;
//!
//! # fn main() -> Result<()> {
//! // clients: what is measured about them, and what work costs them in credits
//! let clients = (1..=4).map(|k| ClientSpec {
//!     id: format!("client-{k}"),
//!     samples: 500,
//!     skew: Some(0.4 * k as f64),
//!     shares: None,
//!     compute_cost: 0.001,
//!     synthesis_cost: 0.0005,
//!     setup_cost: 0.05,
//!     batch: 10,
//! });
//! let population = Population::new(clients, &TargetChoice::Uniform)?;
//! // what participants are worth to the server
//! let constants = Constants { g_data: 1.75, sigma: 2.0, smoothness: 4.0, rate: 0.01, local_steps: 5 };
//! let objective = LossModel::new(constants, 0.154, 0.5, Bias::Aligned, Weights::Effective)?;
//! // a market, and a rule that decides
//! let market = Market::new(population, objective)?;
//! let outcome = UniformPrice.run(&market)?;
//! for (client, award) in market.clients().iter().zip(&outcome.awards) {
//!     println!("{} {} {}", client.id(), award.mode, award.payment);
//! }
//! # assert!(outcome.participants() > 0);
//! # Ok(())
//! # }
//! ```
//!
//! # The road
//!
//! The road through this crate is the road of a round of hiring:
//!
//! 1. [`Population`]: clients with what is measured about them (samples, label skew) and what is private (costs);
//! 2. an [`Objective`]: what a set of participants is worth in money. [`LossModel`] is the part of a convergence bound that depends on them,
//!    [`ForecastModel`] the test accuracy to expect of them by laws that were fitted to pilots ([`objective::fit`]);
//! 3. [`Market`]: the two together, quantised once, so that everything after is integer arithmetic;
//! 4. a [`Mechanism`], such as a [`posted`] price or an [`auction`], that turns a market into an [`Outcome`];
//! 5. [`ledger`]: double-entry books for the payments.
//!
//! # The rules
//!
//! | | decides | promises |
//! |---|---|---|
//! | [`posted::UniformPrice`] | the best single price for known costs | nobody loses |
//! | [`posted::PriorPrice`] | the best single price for costs known in distribution | truthful |
//! | [`personal::PersonalOffers`] | everyone's best mode, paid at cost | nobody loses; no rule of which that holds is cheaper |
//! | [`auction::Vcg`] | the cheapest allocation at the bids | truthful in the costs of both modes |
//! | [`auction::Optimal`] | the lowest expected cost under a prior | truthful |
//! | [`auction::BudgetFeasible`] | as many effective samples as a budget buys | truthful, never over budget |
//!
//! [`benchmark`] has seven more to compare with. [`RuleChoice`] names them all, for a configuration file.
//!
//! # Yours
//!
//! A rule of your own is a type that implements [`Mechanism`] and writes up its [`Decision`] with [`Market::outcome`]; [`verify::promises`] attacks
//! what it claims, as it does for those of this crate (`examples/own_rule.rs`). An objective of your own implements [`Objective`]
//! (`examples/own_objective.rs`): prices stay exact for it, since all that they need is a function of integer sums.
//!
//! # Numbers
//!
//! Money is [`Credits`], an integer number of micro-credits; nothing wraps, saturates or depends on the machine. `docs/mechanism` has the theorem with its
//! proof, the rules with their sources, every resolution and rounding, and what was measured.
#![forbid(unsafe_code)]

pub mod auction;
pub mod benchmark;
pub mod client;
pub mod instance;
pub mod ledger;
pub mod money;
pub mod objective;
pub mod personal;
pub mod posted;
pub mod prelude;
pub mod prior;
pub mod verify;

mod choice;
mod error;
mod estimate;
mod market;
mod mode;
mod outcome;
mod printable;
mod rule;
mod uninformed;

pub use choice::{Knowledge, RuleChoice, RuleChoiceError, compare};
pub use client::{Client, ClientSpec, Population, Target, TargetChoice};
pub use error::{Error, ErrorKind, Result};
pub use estimate::Estimate;
pub use market::Market;
pub use mode::{Mode, PerMode};
pub use money::{Credits, Price, Rate};
pub use objective::{
    Appraisal, Bias, Constants, Forecast, ForecastModel, LossModel, Member, Objective, Part, Pilot, Prediction, Tally,
    Terms, Weights, Worth,
};
pub use outcome::{Award, Decision, Outcome};
pub use printable::Printable;
pub use rule::{Facts, Guarantee, Mechanism, PROHIBITIVE, Private};
pub use uninformed::uninformed;
