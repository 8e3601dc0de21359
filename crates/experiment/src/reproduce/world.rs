//! What all cells of an experiment share: images, a generator, and what the pipeline's own stages measure about them once.

use super::journal::Journal;
use imfl_engine::client::Client;
use imfl_mechanism::{Forecast, Knowledge, Market};
use imfl_run::agreement;
use imfl_run::assessment::Assessment;
use imfl_run::config::{RecordedCosts, RunConfig};
use imfl_run::failure::{Failure, Kind, Outcome};
use imfl_run::host::Host;
use imfl_run::pipeline::{Profile, Setup, allocate, partition, probe, profile, rehearse};
use serde::{Deserialize, Serialize};
use std::time::Instant;

/// Name of the file of measurements.
const MEASURED: &str = "measured.json";
/// Name of the file of laws.
const FORECAST: &str = "forecast.toml";

/// Quality, constants of the bound and seconds of work, measured once and kept with the experiment.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measured {
    /// theta, g_data, sigma and L, along a trajectory on authentic images.
    pub assessment: Assessment,
    /// Seconds of one thread.
    pub costs: RecordedCosts,
    /// Kind of the machine that was measured.
    pub machine: String,
    /// Wall time of measuring.
    pub seconds: f64,
}

/// What all cells share.
pub struct World {
    /// Images, generator, model and device.
    pub setup: Setup,
    /// Measured once.
    pub measured: Measured,
}

/// The first stages of a run, under one cell's settings.
pub struct Place {
    /// The same images under the cell's settings.
    pub setup: Setup,
    /// Who holds what.
    pub clients: Vec<Client>,
    /// Label counts and device speeds.
    pub profile: Profile,
    /// Clients with their costs, and what they are worth.
    pub market: Market,
    /// What the server knows.
    pub knowledge: Knowledge,
}

impl World {
    /// Opens everything and measures what the journal has no record of.
    ///
    /// # Errors
    /// As a run's.
    pub fn open(config: RunConfig, journal: &Journal, host: &Host) -> Outcome<Self> {
        let ranks = &host.ranks;
        let setup = Setup::open(config, host)?;
        if let Some(measured) = agreement::from_first(ranks, || Self::measured_before(journal))? {
            return Ok(Self { setup: setup.alone(), measured });
        }
        let started = Instant::now();
        let costs = profile::run(&setup, &partition(&setup)?, None)?.costs;
        let assessment = probe(&setup)?;
        let seconds = started.elapsed().as_secs_f64();
        let measured = Measured { assessment, costs, machine: super::machine::kind(), seconds };
        let text = serde_json::to_string(&measured).map_err(|error| Failure::new(Kind::Unexpected, error))?;
        journal.write(MEASURED, text)?;
        // From here on ranks share cells, and each computes its own by itself.
        Ok(Self { setup: setup.alone(), measured })
    }

    /// The laws that pilots suggest, of so many times the work of a training with everybody; kept with the experiment.
    ///
    /// # Errors
    /// Too few images that the server holds; what a pilot's training returns.
    pub fn forecast(&self, journal: &Journal, times: f64) -> Outcome<Forecast> {
        if let Some(text) = journal.read(FORECAST)? {
            let named = |error| Failure::new(Kind::Data, format!("{}: {error}", journal.file(FORECAST).display()));
            return Forecast::parse(&text).map_err(named);
        }
        let (_, fit) = rehearse(&self.setup, &self.measured.costs, Some(times))?;
        journal.write(FORECAST, fit.forecast.to_toml())?;
        Ok(fit.forecast)
    }

    fn measured_before(journal: &Journal) -> Outcome<Option<Measured>> {
        let Some(text) = journal.read(MEASURED)? else { return Ok(None) };
        serde_json::from_str(&text).map(Some).map_err(|error| {
            let file = journal.file(MEASURED);
            Failure::new(Kind::Data, format!("{}: {error}; --fresh measures again", file.display()))
        })
    }

    /// Stages 1, 2 and the market of stage 4 with the recorded measurements, for a seed and a change of settings.
    ///
    /// # Errors
    /// A setting that makes no sense.
    pub fn place(&self, seed: u64, change: impl FnOnce(&mut RunConfig)) -> Outcome<Place> {
        let setup = self.setup.with(seed, |config| {
            self.measured.costs.fix(&mut config.costs);
            change(config);
        });
        setup.config.check()?;
        let clients = partition(&setup)?;
        let profile = profile::run(&setup, &clients, None)?;
        let market = allocate::market(&setup, &profile, &self.measured.assessment)?;
        let knowledge = allocate::knowledge(&setup, &profile)?;
        Ok(Place { setup, clients, profile, market, knowledge })
    }

    /// The largest learning rate for which the convergence theorem holds, 1/(4 L h), under these settings.
    pub fn largest_rate(&self, config: &RunConfig) -> f64 {
        let steps = allocate::local_steps(config, self.setup.train.len(), config.partition.clients);
        self.measured.assessment.largest_rate(steps)
    }
}
