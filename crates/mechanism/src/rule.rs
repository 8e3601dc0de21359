//! What every mechanism has in common, and what each says about itself.

use std::fmt;

use crate::error::Result;
use crate::market::Market;
use crate::mode::{Mode, PerMode};
use crate::money::Credits;
use crate::outcome::Outcome;

/// Something that a mechanism promises, and that [`crate::verify`] tries to refute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Guarantee {
    /// Nobody who tells the truth is paid less than its cost.
    IndividualRationality,
    /// No client can gain by reporting other costs, whatever the others report.
    Truthfulness,
    /// A winner's payment is the most it could have asked and still won.
    CriticalPayments,
    /// Asking less never turns a winner into a loser.
    Monotonicity,
    /// Payments never exceed a budget.
    Budget(Credits),
}

impl fmt::Display for Guarantee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Guarantee::IndividualRationality => f.write_str("individual rationality"),
            Guarantee::Truthfulness => f.write_str("truthfulness"),
            Guarantee::CriticalPayments => f.write_str("critical payments"),
            Guarantee::Monotonicity => f.write_str("monotonicity"),
            Guarantee::Budget(budget) => write!(f, "budget {budget}"),
        }
    }
}

/// What a client can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Private {
    /// Nothing that matters: the mechanism knows costs, or posts a price that does not depend on anyone's report.
    Nothing,
    /// The cost of each mode.
    ModeCosts,
    /// One number.
    OneCost,
}

/// What a mechanism assumes and promises.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// What clients can misreport.
    pub private: Private,
    /// In words: what is private, what is measured.
    pub information: &'static str,
    /// What holds under that assumption.
    pub guarantees: Vec<Guarantee>,
    /// The source.
    pub source: &'static str,
}

/// A rule that turns a market, with the costs that are known or reported, into modes and payments.
pub trait Mechanism {
    /// A short name.
    fn name(&self) -> &'static str;

    /// What it assumes and promises.
    fn facts(&self) -> Facts;

    /// Runs it on the market's costs.
    ///
    /// # Errors
    /// Parameters that have no meaning for this market; money that overflows.
    fn run(&self, market: &Market) -> Result<Outcome>;

    /// The report by which client `index` asks `amount` for taking part in `mode`, and does not offer the other mode where it can
    /// avoid it.
    fn ask(&self, market: &Market, index: usize, mode: Mode, amount: Credits) -> PerMode<Credits> {
        let _ = (market, index);
        match mode {
            Mode::Augmented => PerMode { local: PROHIBITIVE, augmented: amount },
            _ => PerMode { local: amount, augmented: PROHIBITIVE },
        }
    }
}

/// A cost at which nobody is ever hired: a trillion credits, above every loss that a valid model can have by far less than overflow.
pub const PROHIBITIVE: Credits = Credits::from_micros(2_000_000_000_000_000_000);
