//! What every objective has in common: the seam at which another one is put in.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use crate::client::{Client, Held, Population};
use crate::error::Result;
use crate::mode::Mode;
use crate::objective::appraisal::Appraisal;
use crate::objective::part::{Part, Quality};

/// One client in one mode, as an objective sees it.
#[derive(Debug, Clone, Copy)]
pub struct Member<'a> {
    /// The client.
    pub client: &'a Client,
    /// How it takes part; never out.
    pub mode: Mode,
    /// What it brings, and what it weighs.
    pub part: &'a Part,
    /// p_k - p of its authentic labels, `[classes]`, in parts of 1e9; empty where label shares are not known.
    pub deviations: &'a [i32],
    /// What it holds of each class, `[classes]`; empty for an objective that does not ask for counts.
    pub held: &'a [Held],
}

/// How much a server loses, given who takes part: a function of integer sums over participants.
///
/// The contract, on which the exactness of prices and auctions rests:
///
/// - what a member adds to the sums depends on that member alone, and adding it with sign -1 takes exactly that away again;
/// - the loss depends on the sums alone, lies in `[0, 1e24]` pico-credits and is the same each time it is asked for;
/// - sums do not overflow 128 bits for [`crate::client::MAX_TOTAL_SAMPLES`] samples.
///
/// `examples/own_objective.rs` shows one.
pub trait Objective: Any + fmt::Debug + Send + Sync {
    /// Its name, as on the command line.
    fn name(&self) -> &'static str;

    /// How good generated data are, and what updates are weighted by.
    fn quality(&self) -> Quality;

    /// Whether members come with what they hold of each class, in whole samples.
    fn counts(&self) -> bool {
        false
    }

    /// How many sums a tally keeps for clients of this population.
    ///
    /// # Errors
    /// What the population lacks, and how to mend it.
    fn width(&self, population: &Population) -> Result<usize>;

    /// Adds what a member contributes to the sums, `[width]`, `sign` (1 or -1) times.
    fn add(&self, sums: &mut [i128], member: &Member<'_>, sign: i64);

    /// What the server loses with these sums, in pico-credits.
    fn loss(&self, sums: &[i128]) -> i128;

    /// What the server loses at least, whoever takes part, in pico-credits: a sweep over prices ends where payments alone cost more beside it.
    fn floor(&self) -> i128 {
        0
    }

    /// The same before money, with what it is made of.
    fn appraise(&self, sums: &[i128]) -> Appraisal;

    /// The same objective where every credit counts twice, for [`crate::verify::scaling`].
    ///
    /// # Errors
    /// A loss that leaves its range.
    fn doubled(&self) -> Result<Arc<dyn Objective>>;
}
