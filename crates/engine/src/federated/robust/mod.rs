//! Rules that turn the updates of a round into one: the weighted mean, and those that a few hostile clients cannot steer.
//!
//! A rule is a function of updates that passed [`screen`](super::screen). All but the mean and the clipped mean look at all
//! updates at once. They put them into the order of client ids first and compute in it, so that the result depends neither
//! on the order of arrival nor on the number of workers.

mod coordinate;
mod geometric;
mod krum;

use super::update::ClientUpdate;
use std::fmt;
use std::str::FromStr;

/// How updates become one.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Aggregation {
    /// The weighted mean (McMahan et al. 2017, arXiv 1602.05629).
    #[default]
    Mean,
    /// The weighted mean of updates whose Euclidean norm was cut to a bound (Sun et al. 2019, arXiv 1911.07963).
    Clip {
        /// The bound, above 0.
        norm: f64,
    },
    /// The median of each value (Yin et al. 2018, arXiv 1803.01498, definition 1). Weights do not count.
    Median,
    /// The mean of each value without the `trim` lowest and the `trim` highest (Yin et al. 2018, definition 2). Weights do
    /// not count.
    TrimmedMean {
        /// Clients left out on each side, at least 1.
        trim: usize,
    },
    /// The update that is nearest to its `n - hostile - 2` nearest others (Blanchard et al. 2017, arXiv 1703.02757). Weights
    /// do not count.
    Krum {
        /// Hostile clients that it stands.
        hostile: usize,
    },
    /// The mean of the `chosen` updates that Krum ranks first (Blanchard et al. 2017, section 4). Weights do not count.
    MultiKrum {
        /// Hostile clients that it stands.
        hostile: usize,
        /// Updates in the mean; `n - hostile - 2` if absent.
        chosen: Option<usize>,
    },
    /// The point whose weighted sum of distances to all updates is least, by the smoothed Weiszfeld algorithm (Pillutla et
    /// al. 2022, arXiv 1912.13445, algorithm 2).
    GeometricMedian,
}

/// A rule that cannot work with so few.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
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
    /// Whether updates can be added up as they come, in constant memory.
    pub fn is_streaming(&self) -> bool {
        matches!(self, Self::Mean | Self::Clip { .. })
    }

    /// The fewest updates that the rule has a meaning for.
    pub fn needs(&self) -> usize {
        match *self {
            Self::Mean | Self::Clip { .. } => 1,
            // One of two may be hostile, and no rule can tell which.
            Self::Median | Self::GeometricMedian => 3,
            Self::TrimmedMean { trim } => 2 * trim + 1,
            Self::Krum { hostile } => 2 * hostile + 3,
            Self::MultiKrum { hostile, chosen } => (2 * hostile + 3).max(chosen.unwrap_or(1) + hostile),
        }
    }

    /// The norm that updates are cut to, if they are.
    pub(super) fn bound(&self) -> Option<f64> {
        if let Self::Clip { norm } = *self { Some(norm) } else { None }
    }

    /// One change of the model, in layout order, from updates that are finite, of one length and of different clients.
    ///
    /// # Errors
    /// [`TooFew`].
    pub fn combine(&self, updates: &[ClientUpdate], workers: usize) -> Result<Vec<f64>, TooFew> {
        let (needs, found) = (self.needs(), updates.len());
        if found < needs {
            return Err(TooFew { rule: *self, needs, found });
        }
        let mut updates: Vec<&ClientUpdate> = updates.iter().collect();
        updates.sort_by_key(|update| update.client);
        let changes: Vec<&[f32]> = updates.iter().map(|update| update.change.as_slice()).collect();
        let weights: Vec<f64> = updates.iter().map(|update| update.weight).collect();
        Ok(match *self {
            Self::Mean => coordinate::mean(&changes, &weights, workers),
            Self::Clip { norm } => {
                let clipped: Vec<Vec<f32>> = changes.iter().map(|change| clip(change, norm)).collect();
                let clipped: Vec<&[f32]> = clipped.iter().map(Vec::as_slice).collect();
                coordinate::mean(&clipped, &weights, workers)
            }
            Self::Median => coordinate::median(&changes, workers),
            Self::TrimmedMean { trim } => coordinate::trimmed_mean(&changes, trim, workers),
            Self::Krum { hostile } => krum::mean_of_best(&changes, hostile, 1, workers),
            Self::MultiKrum { hostile, chosen } => {
                krum::mean_of_best(&changes, hostile, chosen.unwrap_or(found - hostile - 2), workers)
            }
            Self::GeometricMedian => geometric::median(&changes, &weights, workers),
        })
    }
}

/// An update with its Euclidean norm cut to `bound`.
pub(super) fn clip(change: &[f32], bound: f64) -> Vec<f32> {
    let norm = crate::gradient::norm(change);
    if norm <= bound {
        return change.to_vec();
    }
    change.iter().map(|value| (f64::from(*value) * (bound / norm)) as f32).collect()
}

/// Text that names no rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no aggregation; expected mean, clip:NORM, median, trimmed-mean:CLIENTS, krum:HOSTILE, \
     multi-krum:HOSTILE[:CHOSEN] or geometric-median, with NORM above 0 and whole numbers of at least 1"
)]
pub struct AggregationError(String);

impl FromStr for Aggregation {
    type Err = AggregationError;

    fn from_str(text: &str) -> Result<Self, AggregationError> {
        let wrong = || AggregationError(text.into());
        // Beyond any cohort, and small enough for sums.
        let count = |text: &str| text.parse().ok().filter(|count| (1..1 << 30).contains(count)).ok_or_else(wrong);
        match text.split(':').collect::<Vec<_>>()[..] {
            ["mean"] => Ok(Self::Mean),
            ["median"] => Ok(Self::Median),
            ["geometric-median"] => Ok(Self::GeometricMedian),
            ["clip", norm] => {
                let norm = norm.parse().ok().filter(|norm: &f64| *norm > 0.0 && norm.is_finite());
                norm.map(|norm| Self::Clip { norm }).ok_or_else(wrong)
            }
            ["trimmed-mean", trim] => Ok(Self::TrimmedMean { trim: count(trim)? }),
            ["krum", hostile] => Ok(Self::Krum { hostile: count(hostile)? }),
            ["multi-krum", hostile] => Ok(Self::MultiKrum { hostile: count(hostile)?, chosen: None }),
            ["multi-krum", hostile, chosen] => {
                Ok(Self::MultiKrum { hostile: count(hostile)?, chosen: Some(count(chosen)?) })
            }
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for Aggregation {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Mean => write!(f, "mean"),
            Self::Clip { norm } => write!(f, "clip:{norm}"),
            Self::Median => write!(f, "median"),
            Self::TrimmedMean { trim } => write!(f, "trimmed-mean:{trim}"),
            Self::Krum { hostile } => write!(f, "krum:{hostile}"),
            Self::MultiKrum { hostile, chosen: None } => write!(f, "multi-krum:{hostile}"),
            Self::MultiKrum { hostile, chosen: Some(chosen) } => write!(f, "multi-krum:{hostile}:{chosen}"),
            Self::GeometricMedian => write!(f, "geometric-median"),
        }
    }
}

#[cfg(test)]
mod tests;
