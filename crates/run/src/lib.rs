#![doc = include_str!("../README.md")]
//!
//! # The stages
//!
//! [`pipeline::run`] reads top to bottom: partition, profile, assess, allocate, train (with augmentation before the first round, and books
//! that are closed after each), and what a run that goes on need not find out again ([`checkpoint::Known`]). The first three stages by
//! themselves are [`pipeline::Setup`], [`pipeline::partition`], [`pipeline::profile`] and [`pipeline::probe`]; who is hired is
//! [`pipeline::allocate`].
//!
//! Several processes run the same program: [`agreement`] hands out what the first alone finds.
#![forbid(unsafe_code)]

pub mod agreement;
pub mod allocation;
pub mod assessment;
pub mod assets;
pub mod checkpoint;
pub mod claim;
pub mod config;
pub mod events;
pub mod failure;
pub mod filling;
pub mod host;
pub mod limits;
pub mod memory;
pub mod metrics;
pub mod participants;
pub mod pipeline;
pub mod privacy;
pub mod progress;
pub mod request;
pub mod run_dir;
pub mod setting;

pub use config::RunConfig;
pub use failure::{Failure, Kind, Outcome};
pub use host::Host;
pub use memory::{Estimate, Memory};
pub use pipeline::{Finished, run};
pub use progress::{Event, Observer, Progress};
