//! The network of a run: who is connected by what, how long a round takes a client, and what being there costs it.

use super::profile::{ClientProfile, Profile};
use super::setup::Setup;
use crate::config::NetworkConfig;
use crate::failure::Outcome;
use imfl_engine::network::{Link, Load, Network};
use imfl_engine::random::{Purpose, keyed};
use rand::RngExt;

/// Bytes of a megabyte.
const MEGABYTE: f64 = 1e6;

/// The network, if the run has one, for rounds that `cohort` clients are wanted for.
///
/// # Errors
/// A failure that names the file and line of a trace.
pub fn open(setup: &Setup, profile: &Profile, cohort: usize) -> Outcome<Option<Network>> {
    let NetworkConfig { links, presence, policy, compression, .. } = &setup.config.network;
    if links.is_none() {
        return Ok(None);
    }
    let sample = profile.costs.seconds_per_sample;
    Ok(Some(Network {
        links: profile.clients.iter().filter_map(|client| client.link).collect(),
        seconds_per_sample: profile.clients.iter().map(|client| sample * client.device_factor).collect(),
        rhythm: presence.open()?,
        policy: policy.clone(),
        compression: compression.clone(),
        cohort,
    }))
}

/// What a client's being there costs it over the whole run, as credits for each of its samples: the market quotes it as a part of the
/// client's compute cost, so every rule, the objective and the books see it.
pub struct Attendance<'a> {
    setup: &'a Setup,
    /// Seconds of one sample on a device as fast as this one.
    sample: f64,
    load: Load,
}

impl<'a> Attendance<'a> {
    /// Of a run with these measurements.
    pub fn new(setup: &'a Setup, profile: &Profile) -> Self {
        let memory = setup.config.training.algorithm.memory().is_some();
        let load = Load::of(setup.model.layout().size(), &setup.config.network.compression, memory);
        Self { setup, sample: profile.costs.seconds_per_sample, load }
    }

    /// Credits for each sample of a client.
    pub fn of(&self, client: &ClientProfile) -> f64 {
        let samples: usize = client.histogram.iter().sum();
        client.link.map_or(0.0, |link| self.unit(samples, client.device_factor, link))
    }

    /// So many clients as the server imagines them which it does not know: somebody's number of samples, and another link of the same
    /// population. None without a network.
    pub fn imagined(&self, profile: &Profile, draws: usize) -> Vec<(usize, Link)> {
        let Some(source) = &self.setup.config.network.links else { return Vec::new() };
        let known: Vec<Link> = profile.clients.iter().filter_map(|client| client.link).collect();
        let held: Vec<usize> = profile.clients.iter().map(|client| client.histogram.iter().sum()).collect();
        let samples = |draw| held[keyed(self.setup.seed, Purpose::Prior, 0, 1, draw).random_range(0..held.len())];
        (0..).map(samples).zip(source.sample(draws, &known, self.setup.seed)).collect()
    }

    /// Credits for each sample of a client with so many, whose device is `factor` times slower than this one.
    pub fn unit(&self, samples: usize, factor: f64, link: Link) -> f64 {
        let (training, prices) = (&self.setup.config.training, &self.setup.config.network);
        let trained = (training.local_epochs() * samples) as f64;
        let seconds = link.receiving(self.load.down) + trained * self.sample * factor + link.sending(self.load.up);
        let bytes = (self.load.down + self.load.up) as f64;
        let round = seconds * prices.credits_per_second + bytes / MEGABYTE * prices.credits_per_megabyte;
        round * training.rounds as f64 / samples.max(1) as f64
    }
}
