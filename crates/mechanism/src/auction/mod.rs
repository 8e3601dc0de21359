//! Reverse auctions: clients say what taking part costs them, the server picks and pays.
//!
//! What is auctioned is participation with a *measured* quality; truthfulness is in costs. None of this is in the IMFL-AIGC paper, whose
//! mechanism is a posted price: the sources are named with each rule.

mod budget;
mod call;
mod optimal;
mod vcg;

pub use budget::BudgetFeasible;
pub use call::{Call, Held};
pub use optimal::{Optimal, VirtualCosts};
pub use vcg::Vcg;
