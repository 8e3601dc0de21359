//! The critical path of a run, stage by stage.

pub mod allocate;
mod assess;
pub mod augment;
mod books;
mod claims;
mod compare;
mod desk;
mod fill_check;
mod footprint;
pub mod forecast;
mod hiring;
mod journal;
pub mod links;
mod logs;
pub mod network;
mod partition;
pub mod pilots;
mod prediction;
pub mod profile;
mod provenance;
mod remembered;
mod settle;
mod setup;
mod source;
mod sources;
mod stopwatch;
mod summary;
mod traffic;
mod train;
mod trajectory;
mod verify;

pub use augment::fill;
pub use compare::Yardstick;
pub use journal::Journal;
pub use partition::run as partition;
pub use prediction::Predicted;
pub use profile::Profile;
pub use setup::{Opened, Setup, fit_batch};
pub use source::{corpus, for_generators};
pub use sources::ORACLE;
pub use summary::{Summary, over_floor};
pub use traffic::Totals;
pub use train::Training;

use crate::agreement;
use crate::allocation::Allocation;
use crate::assessment::Assessment;
use crate::checkpoint::{Known, Prepared, Resumed, digest};
use crate::config::{MechanismConfig, ObjectiveChoice, RecordedCosts, RunConfig};
use crate::failure::{Failure, Kind, Outcome};
use crate::host::Host;
use crate::privacy::{self, Told};
use crate::run_dir::RunDir;
use books::Books;
use imfl_mechanism::objective::{Fit, Pilot};
use stopwatch::Stopwatch;

/// A run that came to its end, with everything that its stages found.
pub struct Finished {
    /// The run's folder.
    pub folder: RunDir,
    /// Configuration, images, model and generator.
    pub setup: Setup,
    /// What clients hold and what work costs.
    pub profile: Profile,
    /// What generated images are worth.
    pub assessment: Assessment,
    /// Who does what for how much.
    pub allocation: Allocation,
    /// What training led to.
    pub training: Training,
    /// All of it in numbers, as in `summary.json`.
    pub summary: Summary,
}

impl Finished {
    /// Adds the seconds of something that was done after the run to its summary.
    ///
    /// # Errors
    /// A failure that names the file that could not be written.
    pub fn add_seconds(&mut self, stage: &'static str, seconds: f64) -> Outcome {
        self.summary.seconds.insert(stage, seconds);
        self.folder.write("summary.json", self.summary.to_json())
    }
}

/// Measures what the generator's images are worth to a run, along a trajectory of its clients, and nothing else.
///
/// # Errors
/// As [`run`].
pub fn probe(setup: &Setup) -> Outcome<Assessment> {
    assess::run(setup, &partition::run(setup)?, assess::generate(setup)?.as_ref())
}

/// Trains the pilots of a run and fits a forecast to them, whatever forecasts are there, and nothing else.
///
/// # Errors
/// As [`run`].
pub fn calibrate(config: RunConfig, host: &Host) -> Outcome<(Vec<Pilot>, Fit)> {
    let config =
        RunConfig { mechanism: MechanismConfig { objective: ObjectiveChoice::Forecast, ..config.mechanism }, ..config };
    config.check()?;
    let setup = Setup::open(config, host)?;
    let costs = profile::run(&setup, &[], None)?.costs;
    rehearse(&setup, &costs, None)
}

/// The same of a run that is open; pilots of so many times the work of its training, or by the settings.
///
/// # Errors
/// As [`run`].
pub fn rehearse(setup: &Setup, costs: &RecordedCosts, times: Option<f64>) -> Outcome<(Vec<Pilot>, Fit)> {
    let stock = assess::generate(setup)?;
    let ground = pilots::Ground::new(setup)?;
    let by_settings = || forecast::passes(setup, &ground, costs);
    let passes = match times {
        Some(times) => times * ground.training(),
        None => agreement::from_first(&setup.compute.ranks, by_settings)?,
    };
    forecast::fit(setup, &ground, &ground.plan(passes), stock.as_ref(), costs)
}

/// Runs everything that the configuration asks for and leaves a run folder behind; or goes on with a run, for which what was
/// measured before its first round is not measured again. Several ranks compute together; the first alone measures costs,
/// decides on money and writes, and returns what was found.
///
/// # Errors
/// A failure whose kind tells configuration, data, device, divergence and interruption apart.
pub fn run(config: RunConfig, resumed: Option<Resumed>, host: &Host) -> Outcome<Option<Finished>> {
    config.check()?;
    privacy::check(&config)?;
    if host.participants.is_some() && config.privacy.is_asked() {
        let problem = "private rounds are those of clients that are simulated: take the `privacy` settings out, or let nobody be elsewhere";
        return Err(Failure::new(Kind::Config, problem));
    }
    let ranks = &host.ranks;
    let mut clock = Stopwatch::start(&host.progress, "open");
    let mut setup = Setup::open(config, host)?;
    let known = Known(resumed.as_ref());
    let folder = || known.folder(host, &setup.config.runs, &setup.config.name);
    let folder = ranks.is_first().then(folder).transpose()?;
    let met = hiring::meet(&mut setup, host, folder.as_ref(), resumed.is_some())?;
    clock.begin("partition");
    // Where clients are elsewhere, the server's own images stand in for theirs until they are hired.
    let shares = partition::run(&setup)?;
    clock.begin("profile");
    let profile = profile::run(&setup, &shares, known.costs())?;
    clock.begin("assess");
    let (assessment, forecast, samples) = match known.assessment() {
        Some(assessment) => {
            let found = forecast::find(&setup, host.files.as_ref(), known.forecast(), None, &profile.costs)?;
            (assessment, found, None)
        }
        None => {
            clock.begin("generate");
            let samples = assess::generate(&setup)?;
            clock.begin("assess");
            let assessment = assess::run(&setup, &shares, samples.as_ref())?;
            clock.begin("pilots");
            let found = forecast::find(&setup, host.files.as_ref(), None, samples.as_ref(), &profile.costs)?;
            // Pilots say what generated images are worth; without them it has to be tried.
            let filling = match found {
                Some(_) => None,
                None => fill_check::run(&setup, &shares, samples.as_ref())?,
            };
            (Assessment { filling, ..assessment }, found, samples)
        }
    };
    if !forecast::offers(forecast.as_ref(), &assessment) {
        // What does not help is not offered.
        setup.generator = None;
    }
    let profile = met.as_ref().map_or(profile.clone(), |met| met.profile(&setup, profile.costs));
    let claimed = claims::run(&setup, &profile);
    clock.begin("verify");
    let stock = samples.as_ref().filter(|_| setup.generator.is_some());
    let (believed, flagged) = match &met {
        Some(met) => verify::elsewhere(&setup, met, claimed, stock)?,
        None => verify::run(&setup, &shares, claimed, stock)?,
    };
    let shares = met.as_ref().map_or(shares, |met| met.stand_ins(&believed));
    clock.begin("allocate");
    let (decided, roles) = agreement::on_first(ranks, || {
        let hiring = met.as_ref().zip(folder.as_ref());
        let allocation = allocate::run(&setup, &believed, &assessment, forecast.as_ref(), hiring, flagged)?;
        let digest = digest([&setup.train, &setup.test]);
        known.check(&digest, &allocation)?;
        let roles = allocation.roles();
        Ok(((allocation, digest), roles))
    })?;
    clock.begin("generate");
    let data = match met {
        Some(_) => augment::Augmented { clients: shares.clone(), generated: None },
        None => augment::run(&setup, &shares, &roles, known.generated(), samples.as_ref())?,
    };
    clock.begin("train");
    let state = known.state(setup.model.layout())?;
    let participants = roles.weights.iter().filter(|weight| **weight > 0.0).count();
    let private = privacy::open(&setup.config, &setup.compute, participants, folder.as_ref(), known.0)?;
    let (private, account) = private.map_or((None, None), |(private, account)| (Some(private), account));
    let private = private.as_ref();
    let (Some((allocation, digest)), Some(folder)) = (decided, folder) else {
        train::run(&setup, &shares, data, (&roles, &profile), state, Books::nobodys(), (private, None))?;
        return Ok(None);
    };
    let prepared =
        Prepared::new(digest, profile.costs, assessment.clone(), forecast, &allocation, data.generated.clone());
    let journal = Journal::open(&setup.config, &folder, &prepared, known.0, &host.progress)?;
    let desk = |met: &hiring::Met| desk::Desk::open(&setup, met, &believed, &allocation, &roles);
    let desk = met.as_ref().map(desk).transpose()?;
    let desk = desk.as_ref();
    let books = Books::of(&allocation, setup.config.priced_rounds(), journal, &host.progress, account, desk);
    let training = train::run(&setup, &shares, data, (&roles, &profile), state, books, (private, desk))?;
    let seconds = clock.end();
    let told = private.zip(training.spent).map(|(private, spent)| {
        let remembered = remembered::of(&setup, &allocation, &training);
        Told::new(&setup.config.privacy, private, spent, remembered)
    });
    let mut summary = Summary::of(&setup, &profile, &assessment, &allocation, &training, &folder, seconds);
    summary.privacy = told;
    folder.write("summary.json", summary.to_json())?;
    Ok(Some(Finished { folder, setup, profile, assessment, allocation, training, summary }))
}
