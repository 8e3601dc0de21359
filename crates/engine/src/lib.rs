//! Federated training on Burn, with the client axis as a dimension of every tensor.
//!
//! # The road
//!
//! 1. **Samples**: [`data::open`] reads a folder of images into a [`data::Dataset`], one kind of [`data::Samples`]; a
//!    [`partition::Scheme`] says which [`client::Client`] holds which of them. [`client::Images`] presents them to a model.
//! 2. **A model**: one of [`model::Architecture`] by name, or one's own: a [`model::Model`] made of [`layer`]s, which
//!    declare their parameters in a [`parameters::Layout`]. Nothing in it mentions clients.
//! 3. **A federation**: [`federated::Federation`] bundles model, samples, rules and the device ([`device::Compute`]). It
//!    starts with a [`federated::ServerState`] and takes it through rounds by [`apply`](federated::Federation::apply), a pure
//!    function of state and cohort, or through many by [`train_with`](federated::Federation::train_with). A
//!    [`federated::CohortSampling`] draws who takes part, and a [`federated::RoundReport`] says what happened.
//! 4. **The outcome**: [`federated::Federation::evaluate`] on any samples; gradients on any sets of samples by
//!    [`gradient::of_sets`]; the state as files by [`federated::ServerState::to_parts`].
//!
//! All names that this takes are in the [`prelude`], and [`burn`] is re-exported.
//!
//! # Rules by name or by value
//!
//! Settings are types that are read from and written as text, in code, in serde formats and on command lines alike
//! ([`choice::Choice`]). Those that users may bring are trait objects behind a [`choice::Named`]:
//!
//! ```
//! use imfl_engine::prelude::*;
//! use std::sync::Arc;
//!
//! let shipped: Aggregation = "trimmed-mean:2".parse()?;
//! assert_eq!((shipped.needs(), shipped.to_string().as_str()), (5, "trimmed-mean:2"));
//! assert!("average".parse::<Aggregation>().unwrap_err().to_string().contains(&Aggregation::choices()));
//!
//! /// The largest change of each value.
//! struct Greatest;
//! impl AggregationRule for Greatest {
//!     fn combine(&self, changes: &[&[f32]], _weights: &[f64], workers: usize) -> Vec<f64> {
//!         by_value(changes, workers, |column| column.iter().fold(f64::MIN, |most, x| most.max(f64::from(*x))))
//!     }
//! }
//! let own = Aggregation::own("greatest", Arc::new(Greatest));
//! assert_eq!(own.to_string(), "greatest");
//! # Ok::<(), UnknownName>(())
//! ```
//!
//! | a value of | is a | with a registry in |
//! |---|---|---|
//! | [`federated::Aggregation`] | [`federated::AggregationRule`], taken in by an [`federated::Intake`] | [`federated::aggregation`] |
//! | [`federated::LocalAlgorithm`] | [`federated::ClientAlgorithm`], with a [`federated::Memory`] | `federated::local` |
//! | [`network::Policy`] | [`network::PolicyRule`] | [`network::policy`] |
//! | [`network::Compression`] | [`network::Codec`] | [`network::compression`] |
//! | [`federated::Attack`] | [`federated::Adversary`] | [`federated::attack`] |
//!
//! # What is promised
//!
//! On a CPU a round's result is the same to the bit for any number of workers, chunks and ranks: updates are summed as
//! integers or sorted by client before a rule sees them, and random numbers are addressed by seed, purpose, round, client and
//! step ([`random::keyed`]), never consumed.
#![forbid(unsafe_code)]

pub mod batch;
pub mod choice;
pub mod client;
mod clipping;
pub mod convolution;
pub mod data;
pub mod device;
pub mod federated;
#[cfg(any(feature = "wgpu", feature = "cuda"))]
mod gpu;
pub mod gradient;
pub mod layer;
pub mod meter;
pub mod model;
pub mod network;
pub mod noise;
pub mod op;
pub mod parameters;
pub mod partition;
pub mod peak;
pub mod philox;
pub mod prelude;
pub mod profile;
pub mod random;
mod resident;
pub mod stored;
pub mod transfer;
pub mod tuning;
pub mod update;
pub mod worker;

pub use burn;
pub use federated::attack;

/// Holds the README's program to what compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
