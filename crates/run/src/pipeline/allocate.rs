//! Stage 4: who takes part, in which mode, at what pay.

use super::hiring::Met;
use super::network::Attendance;
use super::{Profile, Setup};
use crate::allocation::Allocation;
use crate::assessment::Assessment;
use crate::claim::Flagged;
use crate::config::{CostsConfig, RunConfig};
use crate::failure::{Failure, Kind, Outcome};
use crate::run_dir::RunDir;
use imfl_engine::random::{Purpose, keyed};
use imfl_mechanism::personal::Options;
use imfl_mechanism::posted::{self, Sampling};
use imfl_mechanism::prior::{Distribution, Prior, UnitCosts};
use imfl_mechanism::{
    ClientSpec, Constants, Forecast, ForecastModel, Knowledge, LossModel, Market, Population, Rate, RuleChoice, Target,
    Weights, Worth,
};
use rand::RngExt;

/// Draws of the prior over device factors.
const PRIOR_DRAWS: u64 = 1000;
/// Points of the curve of server cost against price.
const CURVE_POINTS: usize = 400;
/// Setup cost where there is no generator: nobody can afford what cannot be had.
const UNAFFORDABLE: f64 = 1e6;

/// Costs of one unit of each kind of work, in credits, on a device as fast as this one.
struct UnitPrices {
    compute: f64,
    synthesis: f64,
    setup: f64,
}

impl UnitPrices {
    /// Refuses costs that are more than the books hold, by what they are made of.
    fn check(&self, slowest: f64) -> Outcome {
        let compute =
            "a sample over all rounds; lower `training.rounds`, `training.local_epochs` or `costs.credits_per_second`";
        let generating = "the work of generating; lower `costs.credits_per_second` or `costs.device_factor`";
        for (cost, of) in [(self.compute, compute), (self.synthesis, generating), (self.setup, generating)] {
            let most = cost * slowest;
            if Rate::from_credits(most).is_err() {
                let problem = format!("the slowest client would have to be paid {most:.2e} credits for {of}");
                return Err(Failure::new(Kind::Config, problem));
            }
        }
        Ok(())
    }
}

/// Runs the rule that is chosen: the posted price that is best by what the server knows, unless another is asked for.
pub fn run(
    setup: &Setup,
    profile: &Profile,
    assessment: &Assessment,
    forecast: Option<&Forecast>,
    hiring: Option<(&Met, &RunDir)>,
    flagged: Vec<Flagged>,
) -> Outcome<Allocation> {
    let names = hiring.map(|(met, _)| met.accounts());
    let market = match forecast {
        Some(forecast) => forecast_market_of(setup, profile, forecast, names.as_deref())?,
        None => market_of(setup, profile, assessment, names.as_deref())?,
    };
    let constants = constants(setup, profile, assessment);
    let largest =
        steps(&setup.config, profile.clients.iter().map(|client| client.histogram.iter().sum()).max().unwrap_or(1));
    let theorem_holds = constants.theorem_holds_for(largest);
    if !theorem_holds && forecast.is_none() {
        setup.progress.warn(format!(
            "rate {:?} is above 1/(4 L h) = {:.2e} (L {:.2}, h {largest}, the most steps of any client): the theorem bounds nothing here, \
             and how the accuracy loss ranks participants has not been shown",
            constants.rate,
            Constants { local_steps: largest, ..constants }.largest_rate(),
            constants.smoothness,
        ));
    }
    if setup.config.mechanism.rule() == RuleChoice::OptimalAuction
        && setup.config.costs.is_one_dimensional()
        && setup.generator.is_some()
    {
        setup.progress.warn(
            "the optimal auction takes the cost of training for private and independent of the cost of generating, which it knows; here one device factor scales both, so it is truthful, but optimal only among auctions that do not look at generating costs (set \
             `costs.generating_factor` and `costs.setup_factor` to draw them apart)",
        );
    }
    let knowledge = knowledge(setup, profile)?;
    let outcome = match hiring {
        Some((met, folder)) => {
            let (outcome, answers) = met.decide(setup, &market, &knowledge, &flagged)?;
            met.write(folder, profile, &flagged, answers)?;
            outcome
        }
        None => setup.config.mechanism.rule().mechanism(&market, &knowledge)?.run(&market)?,
    };
    let curve = posted::curve(&market, CURVE_POINTS)?;
    if outcome.participants() == 0 {
        let dial = if forecast.is_some() { "--worth" } else { "--weight" };
        setup.progress.warn(format!("nobody takes part at the best price; a higher {dial} makes accuracy worth more"));
    }
    // Clients come with label shares, so the population has a target.
    let target = market.population().target().map(Target::shares).unwrap_or_default();
    Ok(Allocation { market, outcome, constants, theorem_holds, curve, target, flagged })
}

/// Clients with their costs in credits, and what they are worth by the convergence bound.
pub fn market(setup: &Setup, profile: &Profile, assessment: &Assessment) -> Outcome<Market> {
    market_of(setup, profile, assessment, None)
}

fn market_of(setup: &Setup, profile: &Profile, assessment: &Assessment, names: Option<&[String]>) -> Outcome<Market> {
    let constants = constants(setup, profile, assessment);
    let quality = assessment.offered().map_or(1.0, |theta| theta.theta);
    let mechanism = &setup.config.mechanism;
    let model = LossModel::new(constants, quality, mechanism.weight, mechanism.bias, Weights::Effective)?;
    Ok(Market::new(population(setup, profile, names)?, model)?)
}

/// The same clients, and what they are worth by the accuracy to expect of them.
pub fn forecast_market(setup: &Setup, profile: &Profile, forecast: &Forecast) -> Outcome<Market> {
    forecast_market_of(setup, profile, forecast, None)
}

fn forecast_market_of(
    setup: &Setup,
    profile: &Profile,
    forecast: &Forecast,
    names: Option<&[String]>,
) -> Outcome<Market> {
    let population = population(setup, profile, names)?;
    // The laws hold for each class; what is predicted is their mean over the classes that the server aims at.
    let target = population.target().map(Target::shares);
    let forecast = Forecast { target: target.or_else(|| forecast.target.clone()), ..forecast.clone() };
    let worth = Worth::Point(setup.config.mechanism.worth);
    Ok(Market::new(population, ForecastModel::new(forecast, worth, None, Weights::Effective)?)?)
}

/// Clients with their costs in credits, called by `names` or by their numbers.
fn population(setup: &Setup, profile: &Profile, names: Option<&[String]>) -> Outcome<Population> {
    let config = &setup.config;
    let prices = unit_prices(setup, profile);
    let slowest = profile
        .clients
        .iter()
        .map(|client| client.device_factor.max(client.generating_factor).max(client.setup_factor))
        .fold(0.0, f64::max);
    prices.check(slowest)?;
    let attendance = Attendance::new(setup, profile);
    let specs = profile.clients.iter().enumerate().map(|(id, client)| {
        let samples: usize = client.histogram.iter().sum();
        ClientSpec {
            id: names.and_then(|names| names.get(id)).cloned().unwrap_or_else(|| id.to_string()),
            samples: samples as u64,
            skew: None,
            shares: Some(client.histogram.iter().map(|&count| count as f64 / samples as f64).collect()),
            compute_cost: prices.compute * client.device_factor + attendance.of(client),
            synthesis_cost: prices.synthesis * client.generating_factor,
            setup_cost: prices.setup * client.setup_factor,
            batch: u32::try_from(config.training.batch).unwrap_or(u32::MAX),
        }
    });
    Ok(Population::new(specs, &config.mechanism.target.read("`mechanism.target`")?)?)
}

/// What was measured and configured about the learning problem.
fn constants(setup: &Setup, profile: &Profile, assessment: &Assessment) -> Constants {
    let samples: usize = profile.clients.iter().flat_map(|client| &client.histogram).sum();
    let steps = local_steps(&setup.config, samples, profile.clients.len());
    assessment.constants(setup.config.training.rate, steps)
}

/// What the server knows about the clients' costs: their distribution.
pub fn knowledge(setup: &Setup, profile: &Profile) -> Outcome<Knowledge> {
    let (config, seed) = (&setup.config, setup.seed);
    let belief = config.mechanism.prior.as_ref().unwrap_or(&config.costs.device_factor);
    let attendance = Attendance::new(setup, profile);
    let imagined = attendance.imagined(profile, PRIOR_DRAWS as usize);
    let attending = |draw: u64, factor| {
        imagined.get(draw as usize).map_or(0.0, |&(samples, link)| attendance.unit(samples, factor, link))
    };
    let prior = prior(belief, &config.costs, &unit_prices(setup, profile), attending, seed)?;
    let sampling = Sampling { scenarios: config.mechanism.scenarios, seed };
    Ok(Knowledge { prior, sampling, options: Options::default() })
}

/// A sample is trained on once in every local epoch of every round that pay is decided for; an image is generated once.
fn unit_prices(setup: &Setup, profile: &Profile) -> UnitPrices {
    let training = &setup.config.training;
    let second = setup.config.costs.credits_per_second;
    let passes = setup.config.priced_rounds() as f64 * training.local_epochs() as f64;
    UnitPrices {
        compute: profile.costs.seconds_per_sample * passes * second,
        synthesis: profile.costs.seconds_per_image * second,
        setup: match setup.generator {
            Some(_) => profile.costs.seconds_for_setup * second,
            None => UNAFFORDABLE,
        },
    }
}

/// h: local steps of a client with as many samples as clients have on average; at least 1.
pub fn local_steps(config: &RunConfig, samples: usize, clients: usize) -> u32 {
    steps(config, samples.div_ceil(clients.max(1)))
}

/// Local steps in a round of a client with so many samples; at least 1.
fn steps(config: &RunConfig, samples: usize) -> u32 {
    let training = &config.training;
    u32::try_from(training.local_epochs() * samples.div_ceil(training.batch.max(1))).unwrap_or(u32::MAX).max(1)
}

/// The joint distribution of a client's three costs: they hang together by the speed of its device unless some of them are drawn apart.
/// `attending` is what a client of the draw wants for being there, as credits for each sample, by the factor of its device.
fn prior(
    device: &Distribution,
    costs: &CostsConfig,
    prices: &UnitPrices,
    attending: impl Fn(u64, f64) -> f64,
    seed: u64,
) -> Outcome<Prior> {
    let row = |draw| {
        let of = |factor: &Distribution, kind| factor.quantile(keyed(seed, Purpose::Prior, 0, kind, draw).random());
        let device = of(device, 0);
        let apart = |factor: &Option<Distribution>, kind| factor.as_ref().map_or(device, |own| of(own, kind));
        Ok(UnitCosts {
            compute: Rate::from_credits(prices.compute * device + attending(draw, device))?,
            synthesis: Rate::from_credits(prices.synthesis * apart(&costs.generating_factor, 1))?,
            setup: Rate::from_credits(prices.setup * apart(&costs.setup_factor, 2))?,
        })
    };
    Ok(Prior::Empirical((0..PRIOR_DRAWS).map(row).collect::<imfl_mechanism::Result<_>>()?))
}
