//! One posted price per effective sample; every client answers with the mode that is best for it.
//!
//! Source: IMFL-AIGC (arXiv 2406.08526), the incomplete-information mechanism. A price is the same for everyone and does not
//! depend on what anyone says, so answering truthfully is a dominant strategy and nobody takes part at a loss.

mod complete;
mod curve;
mod expectation;
mod incomplete;
mod offer;
mod response;
mod rules;
mod units;

pub use crate::estimate::Estimate;
pub(crate) use complete::best_price;
pub use complete::{complete, respond};
pub use curve::{CurvePoint, curve};
pub use expectation::{Expectation, expect};
pub use incomplete::{Sampling, Sensitivity, estimate_at, incomplete, sensitivity};
pub use offer::{Offer, answered};
pub(crate) use response::{best_mode, switches};
pub use rules::{FixedPrice, PriorPrice, UniformPrice};
