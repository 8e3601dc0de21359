//! Personal offers with complete information: choose everyone's mode, pay everyone's cost. What it costs the server is a lower bound for
//! every mechanism in which nobody takes part at a loss.
//!
//! The problem is min over modes of loss + sum of costs. Phi is a ratio of sums, so `search` cuts the range of the total
//! weight W into intervals; within one, `relaxation` bounds the cost from below by a Lagrangian that separates over clients, and
//! where few clients could deviate from its minimiser without exceeding the best known solution, all of them are tried.

mod ascent;
mod bound;
mod branch;
mod dual;
mod enumeration;
mod exact;
mod incumbent;
mod inner;
mod offers;
mod relaxation;
mod search;
mod solution;

pub(crate) use exact::enumerate;
pub(crate) use offers::search_tree;
pub use offers::{PersonalOffers, offers, solve};
pub(crate) use solution::micros_up;
pub use solution::{Options, Solution};
