//! All clients of a market, checked against each other and against the target.

use std::collections::HashSet;

use crate::client::entry::{Client, ClientSpec, Row};
use crate::client::scale::{MAX_TOTAL_SAMPLES, NANOS};
use crate::client::target::{Target, TargetChoice, quantise};
use crate::error::{Error, Result};
use crate::money::Rate;
use crate::printable::Printable;

/// How far a given skew may be from the one its label shares give: room for a table printed with three decimals.
pub const SKEW_TOLERANCE: f64 = 2e-3;

/// Clients with distinct ids, and their label shares if they are known.
///
/// Label shares are kept as deviations from the target, `[clients, classes]`, in parts of 1e9.
#[derive(Debug, Clone)]
pub struct Population {
    pub(super) clients: Vec<Client>,
    pub(super) target: Option<Target>,
    pub(crate) deviations: Vec<i32>,
}

impl Population {
    /// Checks and quantises measured clients.
    ///
    /// # Errors
    /// [`Error::Client`] for a client that is wrong by itself, [`Error::Population`] for duplicate ids, no client, too many
    /// samples in all, or label shares that only some clients have.
    pub fn new(specs: impl IntoIterator<Item = ClientSpec>, target: &TargetChoice) -> Result<Self> {
        let mut rows = Vec::new();
        let mut shares: Vec<u32> = Vec::new();
        let mut classes = None;
        for spec in specs {
            let (row, own) = quantise_spec(spec)?;
            let own = own.unwrap_or_default();
            if *classes.get_or_insert(own.len()) != own.len() {
                return Err(client_error(
                    &row.client.id,
                    "shares",
                    format!("{} classes, but {} for the clients before it", own.len(), classes.unwrap_or(0)),
                ));
            }
            shares.extend(own);
            rows.push(row);
        }
        let population = Population::assemble(rows, shares, classes.unwrap_or(0), target, |_, client, problem| {
            client_error(&client.id, "skew", problem)
        })?;
        let mut seen = HashSet::with_capacity(population.clients.len());
        if let Some(twice) = population.clients.iter().find(|client| !seen.insert(client.id.as_str())) {
            return Err(client_error(&twice.id, "id", "is used twice; ids must be distinct".into()));
        }
        Ok(population)
    }

    pub(super) fn assemble(
        mut rows: Vec<Row>,
        shares: Vec<u32>,
        classes: usize,
        target: &TargetChoice,
        mismatch: impl Fn(usize, &Client, String) -> Error,
    ) -> Result<Self> {
        if rows.is_empty() {
            return Err(Error::Population("there is none; a market needs at least one".into()));
        }
        let total: u128 = rows.iter().map(|row| u128::from(row.client.samples)).sum();
        if total > u128::from(MAX_TOTAL_SAMPLES) {
            return Err(Error::Population(format!(
                "{total} samples in all; at most {MAX_TOTAL_SAMPLES} are supported"
            )));
        }
        let target = match (classes, target) {
            (0, TargetChoice::Uniform) => None,
            (0, _) => {
                return Err(Error::Target("needs the label shares of the clients (columns p0, p1, ...)".into()));
            }
            (_, TargetChoice::Uniform) => Some(Target::uniform(classes)?),
            (_, TargetChoice::Pooled) => Some(pooled(&rows, &shares, classes, total)),
            (_, TargetChoice::Shares(given)) if given.classes() == classes => Some(given.clone()),
            (_, TargetChoice::Shares(given)) => {
                return Err(Error::Target(format!("has {} classes, the clients have {classes}", given.classes())));
            }
        };
        let mut deviations = Vec::new();
        if let Some(target) = &target {
            for (index, (row, own)) in rows.iter_mut().zip(shares.chunks_exact(classes)).enumerate() {
                let measured = target.skew(own);
                if !row.has_skew {
                    row.client.skew = measured;
                } else if row.client.skew.abs_diff(measured) as f64 > SKEW_TOLERANCE * NANOS as f64 {
                    let (given, measured) = (row.client.skew(), measured as f64 / NANOS as f64);
                    let problem = format!("is {given}, but the label shares and the target give {measured}");
                    return Err(mismatch(index, &row.client, problem));
                }
            }
            // both are at most 1e9, so each difference fits
            deviations =
                shares.iter().zip(target.0.iter().cycle()).map(|(&own, &goal)| own as i32 - goal as i32).collect();
        }
        let clients = rows.into_iter().map(|row| row.client).collect();
        Ok(Population { clients, target, deviations })
    }

    /// The clients, in the order they were given.
    pub fn clients(&self) -> &[Client] {
        &self.clients
    }

    /// The target, if label shares are known.
    pub fn target(&self) -> Option<&Target> {
        self.target.as_ref()
    }

    /// Number of classes of the label shares, 0 if they are not known.
    pub fn classes(&self) -> usize {
        self.target.as_ref().map_or(0, Target::classes)
    }

    /// The clients of `order`, in that order.
    pub(crate) fn select(&self, order: &[usize]) -> Population {
        let classes = self.classes();
        let deviations = |index: &usize| self.deviations[index * classes..(index + 1) * classes].iter().copied();
        Population {
            clients: order.iter().map(|&index| self.clients[index].clone()).collect(),
            target: self.target.clone(),
            deviations: order.iter().flat_map(deviations).collect(),
        }
    }

    /// Every unit cost twice.
    pub(crate) fn doubled(&self) -> Population {
        let mut doubled = self.clone();
        for client in &mut doubled.clients {
            for cost in [&mut client.compute_cost, &mut client.synthesis_cost, &mut client.setup_cost] {
                *cost = Rate::from_picos(cost.picos().saturating_mul(2));
            }
        }
        doubled
    }
}

fn pooled(rows: &[Row], shares: &[u32], classes: usize, total: u128) -> Target {
    let mut sums = vec![0u128; classes];
    for (row, own) in rows.iter().zip(shares.chunks_exact(classes)) {
        for (sum, &share) in sums.iter_mut().zip(own) {
            *sum += u128::from(row.client.samples) * u128::from(share);
        }
    }
    // a mean of shares, so it fits
    Target(sums.into_iter().map(|sum| ((sum + total / 2) / total) as u32).collect())
}

fn client_error(client: &str, field: &'static str, problem: String) -> Error {
    Error::Client { client: Printable(client).to_string(), field, problem }
}

fn quantise_spec(spec: ClientSpec) -> Result<(Row, Option<Vec<u32>>)> {
    let fail = |field, problem: String| Err(client_error(&spec.id, field, problem));
    if spec.samples == 0 {
        return fail("samples", "is 0; a client without data cannot take part, leave it out".into());
    }
    if spec.batch == 0 {
        return fail("batch", "is 0; a batch has at least one sample".into());
    }
    let skew = match spec.skew {
        Some(skew) if (0.0..=2.0).contains(&skew) => (skew * NANOS as f64).round() as u64,
        Some(skew) => return fail("skew", format!("{skew} is outside [0, 2]")),
        None if spec.shares.is_some() => 0,
        None => {
            return fail("skew", "is missing, and there are no label shares to compute it from".into());
        }
    };
    let shares = match &spec.shares {
        Some(shares) => match quantise(shares) {
            Ok(shares) => Some(shares),
            Err(problem) => return fail("shares", problem),
        },
        None => None,
    };
    let rate =
        |field, value: f64| Rate::from_credits(value).map_err(|error| client_error(&spec.id, field, error.to_string()));
    let client = Client {
        samples: spec.samples,
        skew,
        batch: spec.batch,
        compute_cost: rate("compute_cost", spec.compute_cost)?,
        synthesis_cost: rate("synthesis_cost", spec.synthesis_cost)?,
        setup_cost: rate("setup_cost", spec.setup_cost)?,
        id: spec.id,
    };
    Ok((Row { client, has_skew: spec.skew.is_some() }, shares))
}
