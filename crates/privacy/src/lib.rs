//! x
#![forbid(unsafe_code)]

pub mod account;
pub mod clip;
pub mod ftrl;
pub mod masks;
pub mod noise;
pub mod pld;
pub mod rdp;

mod error;
mod normal;

pub use error::{Error, Result};
