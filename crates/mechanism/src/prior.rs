//! What the server believes about costs that it cannot see.

use std::io::Read;

use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, Normal};

use crate::client::{Client, Population};
use crate::error::{Error, Result};
use crate::money::Rate;

/// The distribution of one unit cost, in credits.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "distribution", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Distribution {
    /// Known.
    Constant {
        /// The cost.
        value: f64,
    },
    /// Uniform on [low, high].
    Uniform {
        /// Smallest cost, at least 0.
        low: f64,
        /// Largest cost.
        high: f64,
    },
    /// Normal with this mean and standard deviation, conditioned on [low, high].
    TruncatedNormal {
        /// Mean before truncation.
        mean: f64,
        /// Standard deviation before truncation.
        sd: f64,
        /// Smallest cost, at least 0.
        low: f64,
        /// Largest cost.
        high: f64,
    },
    /// exp of a normal.
    Lognormal {
        /// Mean of the logarithm of the cost in credits.
        mu: f64,
        /// Standard deviation of that logarithm.
        sigma: f64,
    },
}

/// The costs of a client as unit rates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnitCosts {
    /// s, per training sample.
    pub compute: Rate,
    /// c, per generated sample.
    pub synthesis: Rate,
    /// f, per client.
    pub setup: Rate,
}

/// Independent distributions of the three unit costs. A cost without a distribution is known: each client's own.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parametric {
    /// Distribution of s.
    pub compute_cost: Option<Distribution>,
    /// Distribution of c.
    pub synthesis_cost: Option<Distribution>,
    /// Distribution of f.
    pub setup_cost: Option<Distribution>,
}

/// A distribution over unit costs; clients draw from it independently.
#[derive(Debug, Clone, PartialEq)]
pub enum Prior {
    /// A formula per cost.
    Parametric(Parametric),
    /// Observed costs, each as likely as any other; the three costs of a row are drawn together.
    Empirical(Vec<UnitCosts>),
}

impl Prior {
    /// A checked parametric prior.
    ///
    /// # Errors
    /// [`Error::Prior`] naming the key.
    pub fn parametric(parametric: Parametric) -> Result<Prior> {
        for (key, distribution) in [
            ("compute_cost", parametric.compute_cost),
            ("synthesis_cost", parametric.synthesis_cost),
            ("setup_cost", parametric.setup_cost),
        ] {
            if let Some(distribution) = distribution {
                distribution.check(key)?;
            }
        }
        Ok(Prior::Parametric(parametric))
    }

    /// The costs of the clients themselves, as a distribution.
    pub fn of(population: &Population) -> Prior {
        Prior::Empirical(
            population
                .clients()
                .iter()
                .map(|client| UnitCosts {
                    compute: client.compute_cost,
                    synthesis: client.synthesis_cost,
                    setup: client.setup_cost,
                })
                .collect(),
        )
    }

    /// Reads observed costs: CSV with the columns `compute_cost,synthesis_cost,setup_cost` (others are ignored, so a client
    /// file serves as well).
    ///
    /// # Errors
    /// [`Error::Table`] or [`Error::TableShape`]; no row at all.
    pub fn read_csv(reader: impl Read, name: &str) -> Result<Prior> {
        let shape = |problem: String| Error::TableShape { file: name.to_owned(), problem };
        let mut table = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(reader);
        let header = table.headers().map_err(|error| shape(error.to_string()))?.clone();
        let columns = ["compute_cost", "synthesis_cost", "setup_cost"];
        let mut places = [0; 3];
        for (place, column) in places.iter_mut().zip(columns) {
            let found = header.iter().position(|name| name == column);
            *place = found.ok_or_else(|| shape(format!("line 1: there is no column `{column}`")))?;
        }
        let mut rows = Vec::new();
        for record in table.into_records() {
            let record = record.map_err(|error| shape(error.to_string()))?;
            let line = record.position().map_or(0, csv::Position::line);
            let cell = |index: usize| {
                record[places[index]].parse::<Rate>().map_err(|error| Error::Table {
                    file: name.to_owned(),
                    line,
                    column: columns[index].to_owned(),
                    problem: error.to_string(),
                })
            };
            rows.push(UnitCosts { compute: cell(0)?, synthesis: cell(1)?, setup: cell(2)? });
        }
        if rows.is_empty() {
            return Err(shape("has a header but no row; an empirical prior needs at least one".into()));
        }
        Ok(Prior::Empirical(rows))
    }

    /// The unit costs of `client` in one scenario.
    pub(crate) fn draw(&self, client: &Client, rng: &mut impl Rng) -> UnitCosts {
        match self {
            Prior::Empirical(rows) => rows[rng.random_range(0..rows.len())],
            Prior::Parametric(parametric) => {
                let mut pick = |distribution: Option<Distribution>, known| match distribution {
                    Some(distribution) => rate(distribution.quantile(rng.random())),
                    None => known,
                };
                UnitCosts {
                    compute: pick(parametric.compute_cost, client.compute_cost),
                    synthesis: pick(parametric.synthesis_cost, client.synthesis_cost),
                    setup: pick(parametric.setup_cost, client.setup_cost),
                }
            }
        }
    }
}

impl UnitCosts {
    /// All three costs times `factor`, to the nearest pico-credit.
    pub(crate) fn scaled(self, factor: f64) -> UnitCosts {
        let scale = |cost: Rate| rate(cost.to_f64() * factor);
        UnitCosts { compute: scale(self.compute), synthesis: scale(self.synthesis), setup: scale(self.setup) }
    }
}

/// To the nearest pico-credit; the conversion saturates, and a cost that large is refused where it is multiplied.
fn rate(credits: f64) -> Rate {
    Rate::from_picos((credits * 1e12).round() as u64)
}

impl Distribution {
    fn check(&self, key: &str) -> Result<()> {
        let fail = |problem: &str| Err(Error::Prior { key: key.to_owned(), problem: problem.to_owned() });
        match *self {
            Distribution::Constant { value } if !(0.0..=1e7).contains(&value) => fail("`value` must lie in [0, 1e7]"),
            Distribution::Uniform { low, high } | Distribution::TruncatedNormal { low, high, .. }
                if !(0.0 <= low && low < high && high <= 1e7) =>
            {
                fail("needs 0 <= `low` < `high` <= 1e7")
            }
            Distribution::TruncatedNormal { mean, sd, low, high } => {
                if !(mean.is_finite() && sd.is_finite() && sd > 0.0) {
                    return fail("needs a finite `mean` and an `sd` above 0");
                }
                match normal_range(mean, sd, low, high) {
                    Some(_) => Ok(()),
                    None => fail("has no mass between `low` and `high`"),
                }
            }
            Distribution::Lognormal { mu, sigma } if !(mu.abs() <= 50.0 && sigma > 0.0 && sigma <= 5.0) => {
                fail("needs `mu` in [-50, 50] and `sigma` in (0, 5]")
            }
            _ => Ok(()),
        }
    }

    /// The cost in credits that a share `u` in [0, 1] of clients stays below.
    pub fn quantile(&self, u: f64) -> f64 {
        match *self {
            Distribution::Constant { value } => value,
            Distribution::Uniform { low, high } => low + u * (high - low),
            Distribution::TruncatedNormal { mean, sd, low, high } => match normal_range(mean, sd, low, high) {
                Some((from, to)) => {
                    (mean + sd * standard_normal().inverse_cdf(from + u * (to - from))).clamp(low, high)
                }
                None => low,
            },
            Distribution::Lognormal { mu, sigma } => {
                // 9 standard deviations either way: u = 0 and u = 1 stay finite
                (mu + sigma * standard_normal().inverse_cdf(u).clamp(-9.0, 9.0)).exp()
            }
        }
    }
}

fn standard_normal() -> Normal {
    Normal::standard()
}

/// The normal's cumulative probabilities at both ends, if there is mass between.
fn normal_range(mean: f64, sd: f64, low: f64, high: f64) -> Option<(f64, f64)> {
    let normal = standard_normal();
    let (from, to) = (normal.cdf((low - mean) / sd), normal.cdf((high - mean) / sd));
    (to - from > 1e-12).then_some((from, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_match_known_values() {
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-6, "{a} {b}");
        close(Distribution::Uniform { low: 1.0, high: 3.0 }.quantile(0.25), 1.5);
        close(Distribution::Lognormal { mu: 0.0, sigma: 1.0 }.quantile(0.975), 1.959_963_985_f64.exp());
        let truncated = Distribution::TruncatedNormal { mean: 1.0, sd: 1.0, low: 0.0, high: 2.0 };
        close(truncated.quantile(0.5), 1.0);
        close(truncated.quantile(0.0), 0.0);
        close(truncated.quantile(1.0), 2.0);
    }

    #[test]
    fn impossible_priors_are_refused() {
        let compute = |distribution| {
            Prior::parametric(Parametric { compute_cost: Some(distribution), synthesis_cost: None, setup_cost: None })
        };
        assert!(compute(Distribution::Uniform { low: 2.0, high: 1.0 }).is_err());
        assert!(compute(Distribution::Uniform { low: -1.0, high: 1.0 }).is_err());
        assert!(compute(Distribution::Lognormal { mu: f64::NAN, sigma: 1.0 }).is_err());
        let far = Distribution::TruncatedNormal { mean: 0.0, sd: 0.01, low: 1.0, high: 2.0 };
        assert!(compute(far).unwrap_err().to_string().contains("no mass"));
        assert!(Prior::read_csv("compute_cost,synthesis_cost,setup_cost\n".as_bytes(), "p").is_err());
        let bad = Prior::read_csv("compute_cost,synthesis_cost,setup_cost\n1,2,x\n".as_bytes(), "p").unwrap_err();
        assert!(bad.to_string().contains("line 2, column `setup_cost`"), "{bad}");
    }
}
