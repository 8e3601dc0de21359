//! Rules that turn the updates of a round into one: the weighted mean, and those that a few hostile clients cannot steer.
//!
//! A rule is a function of updates that passed [`screen`](crate::update::screen). All but the mean and the clipped mean look at
//! all updates at once, in the order of client ids, so that the result depends neither on the order of arrival nor on the number
//! of workers.

pub mod by_value;
mod clip;
mod geometric_median;
mod krum;
mod mean;
mod median;
mod models;
mod multi_krum;
mod trimmed_mean;

pub use models::ClientModel;

use super::intake::{AggregationRule, kept};
use crate::choice::{Entry, Named, Registered, count, optional, positive, registry};
use crate::update::ClientUpdate;
use std::sync::Arc;

/// How updates become one.
pub type Aggregation = Named<dyn AggregationRule>;

impl Registered for dyn AggregationRule {
    const THING: &'static str = "aggregation";
    const LIMITS: &'static str = ", with NORM above 0 and whole numbers of at least 1";
    const ENTRIES: &'static [Entry<Self>] = registry![
        "mean": [] => mean::Mean,
        "clip:NORM": [norm] => clip::Clip { norm: positive(norm)? },
        "median": [] => median::Median,
        "trimmed-mean:CLIENTS": [trim] => trimmed_mean::TrimmedMean { trim: count(trim)? },
        "krum:HOSTILE": [hostile] => krum::Krum { hostile: count(hostile)? },
        "multi-krum:HOSTILE[:CHOSEN]": [hostile, chosen @ ..] =>
            multi_krum::MultiKrum { hostile: count(hostile)?, chosen: optional(chosen, count)? },
        "geometric-median": [] => geometric_median::GeometricMedian,
    ];
}

impl Default for Aggregation {
    fn default() -> Self {
        Self::own("mean", Arc::new(mean::Mean))
    }
}

/// A rule that cannot work with so few.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error(
    "`{rule}` needs the updates of at least {needs} clients, and {found} can be used; ask more clients, or take a rule \
     that stands fewer hostile ones"
)]
pub struct TooFew {
    /// The rule.
    pub rule: Aggregation,
    /// The fewest updates that it works with.
    pub needs: usize,
    /// Updates that there are.
    pub found: usize,
}

impl Aggregation {
    /// Refuses fewer updates than the rule has a meaning for.
    ///
    /// # Errors
    /// [`TooFew`].
    pub fn check(&self, found: usize) -> Result<(), TooFew> {
        let needs = self.needs();
        if found < needs { Err(TooFew { rule: self.clone(), needs, found }) } else { Ok(()) }
    }

    /// One change of the model, in layout order, from updates in any order that are finite, of one length and of different
    /// clients.
    ///
    /// ```
    /// use imfl_engine::prelude::*;
    ///
    /// let update = |client, change: [f32; 2]| ClientUpdate {
    ///     client, made: 1, weight: 1.0, change: change.into(), variate: None, loss: 0.0, samples: 10,
    /// };
    /// let updates = [update(0, [1.0, 0.0]), update(1, [2.0, 0.5]), update(2, [900.0, -900.0])];
    /// let median: Aggregation = "median".parse()?;
    /// assert_eq!(median.combine(&updates, 1)?, [2.0, 0.0]);
    /// assert!("krum:1".parse::<Aggregation>()?.combine(&updates, 1).is_err(), "it needs five");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`TooFew`].
    pub fn combine(&self, updates: &[ClientUpdate], workers: usize) -> Result<Vec<f64>, TooFew> {
        self.check(updates.len())?;
        Ok(kept::combine(&**self, updates.iter().collect(), workers))
    }
}

#[cfg(test)]
mod tests;
