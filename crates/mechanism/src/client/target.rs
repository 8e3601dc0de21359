//! The label distribution that the trained model is meant for.

use crate::client::scale::{NANOS, nanos};
use crate::error::{Error, Result};

/// How far label shares may be from summing to 1: a table printed with a few decimals passes, a wrong one does not.
pub const SUM_TOLERANCE: f64 = 1e-4;

/// Which target to measure skews against.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum TargetChoice {
    /// Every class alike.
    #[default]
    Uniform,
    /// The labels of all clients together, sum of d_k p_k over sum of d_k.
    Pooled,
    /// Given shares.
    Shares(Target),
}

/// Shares per class, `[classes]`, in parts of 1e9.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target(pub(crate) Vec<u32>);

impl Target {
    /// Every class alike.
    ///
    /// # Errors
    /// No class at all.
    pub fn uniform(classes: usize) -> Result<Self> {
        if classes == 0 {
            return Err(Error::Target("there is no class; give label shares in columns p0, p1, ...".into()));
        }
        Ok(Target(vec![(NANOS as f64 / classes as f64).round() as u32; classes]))
    }

    /// Given shares, `[classes]`.
    ///
    /// # Errors
    /// A share outside [0, 1], or shares that do not sum to 1 within 1e-4.
    pub fn from_shares(shares: &[f64]) -> Result<Self> {
        quantise(shares).map(Target).map_err(Error::Target)
    }

    /// Reads shares from text: numbers separated by commas, white space or new lines.
    ///
    /// # Errors
    /// As [`Target::from_shares`], and text that is not a number.
    pub fn parse(text: &str) -> Result<Self> {
        let words = text.split([',', ';', '\n', '\r', '\t', ' ', '[', ']']).filter(|word| !word.is_empty());
        let shares =
            words.map(|word| nanos(word, 1).map(|share| share as u32)).collect::<std::result::Result<Vec<_>, _>>();
        let shares = shares.map_err(|problem| Error::Target(format!("{problem}; expected numbers that sum to 1")))?;
        check_sum(&shares).map_err(Error::Target)?;
        Ok(Target(shares))
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.0.len()
    }

    /// Shares per class, `[classes]`.
    pub fn shares(&self) -> Vec<f64> {
        self.0.iter().map(|&share| f64::from(share) / NANOS as f64).collect()
    }

    /// Skew of label shares in parts of 1e9: sum over classes of |p_k(y) - p(y)|.
    pub(crate) fn skew(&self, shares: &[u32]) -> u64 {
        self.0.iter().zip(shares).map(|(&target, &share)| u64::from(target.abs_diff(share))).sum::<u64>().min(2 * NANOS)
    }
}

/// Shares in parts of 1e9, if each is a share and they sum to 1.
pub(crate) fn quantise(shares: &[f64]) -> std::result::Result<Vec<u32>, String> {
    if let Some((class, share)) = shares.iter().enumerate().find(|(_, share)| !(0.0..=1.0).contains(*share)) {
        return Err(format!("share p{class} = {share} is outside [0, 1]"));
    }
    let shares: Vec<u32> = shares.iter().map(|share| (share * NANOS as f64).round() as u32).collect();
    check_sum(&shares)?;
    Ok(shares)
}

pub(crate) fn check_sum(shares: &[u32]) -> std::result::Result<(), String> {
    let sum = shares.iter().map(|&share| u64::from(share)).sum::<u64>() as f64 / NANOS as f64;
    if (sum - 1.0).abs() <= SUM_TOLERANCE {
        Ok(())
    } else {
        Err(format!("the label shares sum to {sum}, not to 1; divide the counts of a client by their total"))
    }
}
