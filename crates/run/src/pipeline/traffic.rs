//! What a run on a network came to.

use super::setup::Setup;
use crate::metrics::RoundMetrics;
use serde::Serialize;
use std::fmt;

/// The rounds of a run on a network, together.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Totals {
    /// Seconds of the simulated clock.
    pub simulated_seconds: f64,
    /// Bytes from clients to the server, those of cut off and unfinished messages included.
    pub bytes_up: u64,
    /// Bytes from the server to clients.
    pub bytes_down: u64,
    /// Updates that did not arrive in the round that they were made in, and were still to come.
    pub late: u64,
    /// Clients that began and whose update never arrived.
    pub lost: u64,
    /// What the time costs the server, in credits, where it has said what an hour costs it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_cost: Option<f64>,
}

/// Seconds of an hour.
const HOUR: f64 = 3600.0;

impl Totals {
    /// Of these rounds; `None` without a network.
    pub fn of(setup: &Setup, rounds: &[RoundMetrics]) -> Option<Self> {
        setup.config.network.links.as_ref()?;
        let traffic = || rounds.iter().filter_map(|round| round.network.as_ref());
        let seconds = traffic().next_back().map_or(0.0, |last| last.ends);
        let price = setup.config.network.credits_per_hour;
        Some(Self {
            simulated_seconds: seconds,
            bytes_up: traffic().map(|round| round.bytes_up).sum(),
            bytes_down: traffic().map(|round| round.bytes_down).sum(),
            late: traffic().map(|round| round.late).sum(),
            lost: traffic().map(|round| round.lost).sum(),
            time_cost: (price > 0.0).then_some(price * seconds / HOUR),
        })
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Self { simulated_seconds, bytes_up, bytes_down, late, lost, time_cost } = self;
        let megabytes = |bytes: &u64| *bytes as f64 / 1e6;
        let (up, down) = (megabytes(bytes_up), megabytes(bytes_down));
        write!(f, "{simulated_seconds:.1} s simulated, {down:.1} MB down, {up:.1} MB up, {late} late, {lost} lost")?;
        time_cost.map_or(Ok(()), |cost| write!(f, "; the time costs {cost:.6} credits"))
    }
}
