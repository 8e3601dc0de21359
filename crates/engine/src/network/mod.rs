//! Clients on real networks: what a round takes in simulated seconds, who is in time, and what goes over the line.
//!
//! A [`Network`] knows each client's [`Link`] and speed, when clients can be reached ([`Presence`]), what the server does with
//! those that are slow ([`Policy`]), and in which form updates are sent ([`Compression`]). [`Network::round`] plays one round
//! on a simulated clock and trains nothing: times depend on bytes and samples alone. The engine then trains whoever was asked
//! and takes in what arrives, in the form in which it was sent.
//!
//! Events happen in the order of (time, client id), and all that is drawn is addressed by seed, round and client. So a
//! timetable is the same to the bit for any number of workers, chunks and ranks.

mod clock;
pub mod compression;
mod course;
mod error;
mod flight;
mod link;
mod moment;
pub mod policy;
mod presence;
mod source;
mod state;
mod table;
#[cfg(test)]
mod tests;
mod timetable;
mod trace;

pub use compression::{Codec, Compression};
pub use error::NetworkError;
pub use flight::{Fate, Flight, Load, Span};
pub use link::Link;
pub use policy::{Candidate, Closing, Crowd, Observed, Policy, PolicyRule};
pub use presence::{Presence, Rhythm};
pub use source::LinkSource;
pub use state::NetworkState;
pub use timetable::{Absence, Job, Timetable};

/// Everything that decides how long a round takes and what is sent.
#[derive(Clone)]
pub struct Network {
    /// What connects each client, by its id.
    pub links: Vec<Link>,
    /// Seconds that each client trains on one sample, by its id.
    pub seconds_per_sample: Vec<f64>,
    /// When clients can be reached.
    pub rhythm: Rhythm,
    /// What the server does with those that are slow.
    pub policy: Policy,
    /// In which form updates are sent.
    pub compression: Compression,
    /// Clients that a round is meant for; a policy may ask more.
    pub cohort: usize,
}

impl Network {
    /// Seconds that a client receives a model, trains on so many samples and sends its update, if nothing comes between.
    pub fn engaged(&self, client: u32, samples: u64, load: Load) -> f64 {
        let link = self.links[client as usize];
        link.receiving(load.down) + samples as f64 * self.seconds_per_sample[client as usize] + link.sending(load.up)
    }
}
