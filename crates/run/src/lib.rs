//! A run of federated learning with generated data and fair pay, from images to payments.
#![forbid(unsafe_code)]

pub mod agreement;
pub mod allocation;
pub mod assessment;
pub mod assets;
pub mod checkpoint;
pub mod config;
pub mod failure;
pub mod host;
pub mod metrics;
pub mod pipeline;
pub mod progress;
pub mod run_dir;
pub mod setting;

pub use config::RunConfig;
pub use failure::{Failure, Kind, Outcome};
pub use host::Host;
pub use pipeline::{Finished, run};
pub use progress::{Event, Observer, Progress};
