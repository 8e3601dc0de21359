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
    /// How far off it is: by labels, the distance between the shares that it claims and those that its gradient shows, in [0, 2]; by samples, times the
    /// noise of so many; by generated images, the share of the way from authentic to generated ones.
    pub distance: f64,
    /// The farthest that an honest client with as many samples would be off.
    pub allowed: f64,
    /// By what it was found out.
    #[serde(default)]
    pub found: Reason,
}

/// By what a client is found out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reason {
    /// Its gradient shows other labels.
    #[default]
    Labels,
    /// Its gradient has the noise of fewer samples.
    Samples,
    /// Its gradient is that of generated images.
    Generated,
}

impl Flagged {
    /// Why, as it is told to the client and written into the books.
    pub fn reason(&self) -> String {
        let Self { claimed, believed, distance, allowed, .. } = self;
        let off = |unit: &str| format!("(off by {distance:.3}{unit}, an honest client by at most {allowed:.3})");
        let seen = match self.found {
            Reason::Labels => format!("shows other labels than it claims {}", off("")),
            Reason::Samples => format!("has the noise of fewer samples than it claims {}", off(" times")),
            Reason::Generated => format!("is that of generated images {}", off(" of the way")),
        };
        format!("its gradient {seen}: it bears out {believed} of {claimed} samples, pay for the rest is withheld")
    }
}

impl fmt::Display for Flagged {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "client {}: {}", self.client, self.reason())
    }
}
