//! The few statistics that results are told in, each written once.
//!
//! - [`Interval`]: a mean with its 95 % confidence interval, and how it is printed;
//! - [`rank_correlation`]: whether one list orders things as another does;
//! - [`mean`], [`deviation`], [`median`], [`quantile`], [`argmax`].
//!
//! ```
//! use imfl_statistics::{Interval, rank_correlation};
//!
//! let accuracy: Interval = [0.91, 0.93, 0.92].into_iter().collect();
//! assert_eq!(accuracy.percent(1), "92.0 ±2.5 %");
//! assert_eq!(format!("{accuracy:.3}"), "0.920 ±0.025");
//! assert_eq!(rank_correlation(&[1.0, 2.0, 3.0], &[10.0, 100.0, 1000.0]), Ok(1.0));
//! ```
#![forbid(unsafe_code)]

mod interval;
mod order;
mod rank;

pub use interval::{Interval, deviation, mean};
pub use order::{argmax, median, quantile};
pub use rank::{CorrelationError, rank_correlation};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
