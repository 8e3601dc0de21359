//! What a client claims to hold, and what of it is borne out.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A client that was caught: it is paid for what its gradient bears out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flagged {
    /// The client.
    pub client: u32,
    /// Samples that it claims.
    pub claimed: usize,
    /// Samples that it is believed to hold at least.
    pub believed: usize,
    /// Distance between the label shares that it claims and those that its gradient shows, in [0, 2].
    pub distance: f64,
    /// The farthest that an honest client with as many samples would be off.
    pub allowed: f64,
}

impl Flagged {
    /// Why, as it is told to the client and written into the books.
    pub fn reason(&self) -> String {
        let Self { claimed, believed, distance, allowed, .. } = self;
        format!(
            "its gradient shows other labels than it claims (off by {distance:.3}, an honest client by at most {allowed:.3}): paid for \
             {believed} of {claimed} samples, the rest is withheld"
        )
    }
}

impl fmt::Display for Flagged {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "client {}: {}", self.client, self.reason())
    }
}
