//! Stage 4: who takes part, in which mode, at what pay.

use super::assess::Assessment;
use super::{Profile, Setup};
use crate::config::Information;
use crate::failure::{Failure, Kind, Outcome};
use crate::progress;
use imfl_engine::random::{Purpose, keyed};
use imfl_mechanism::posted::{self, CurvePoint, Sampling};
use imfl_mechanism::prior::{Distribution, Prior, UnitCosts};
use imfl_mechanism::{ClientSpec, Constants, LossModel, Market, Rate, Target, TargetChoice, Weights};
use rand::RngExt;

/// Draws of the prior over device factors.
const PRIOR_DRAWS: u64 = 1000;
/// Points of the curve of server cost against price.
const CURVE_POINTS: usize = 400;
/// Setup cost where there is no generator: nobody can afford what cannot be had.
const UNAFFORDABLE: f64 = 1e6;

/// The market and what came of it.
pub struct Allocation {
    /// Clients, their costs and what they are worth.
    pub market: Market,
    /// Modes and payments.
    pub outcome: imfl_mechanism::Outcome,
    /// Expected server cost at the price, if the server had to guess.
    pub expected: Option<posted::Estimate>,
    /// Server cost against the price, with every client's costs known.
    pub curve: Vec<CurvePoint>,
    /// Label shares that the server aims at.
    pub target: Vec<f64>,
}

/// Costs of one unit of each kind of work, in credits, on a device as fast as this one.
struct UnitPrices {
    compute: f64,
    synthesis: f64,
    setup: f64,
}

/// Posts the price that is best by what the server knows, and lets every client answer.
pub fn run(setup: &Setup, profile: &Profile, assessment: &Assessment) -> Outcome<Allocation> {
    let config = &setup.config;
    let prices = unit_prices(setup, profile);
    let specs = profile.clients.iter().enumerate().map(|(id, client)| {
        let samples: usize = client.histogram.iter().sum();
        ClientSpec {
            id: id.to_string(),
            samples: samples as u64,
            skew: None,
            shares: Some(client.histogram.iter().map(|&count| count as f64 / samples as f64).collect()),
            compute_cost: prices.compute * client.device_factor,
            synthesis_cost: prices.synthesis * client.device_factor,
            setup_cost: prices.setup * client.device_factor,
            batch: u32::try_from(config.training.batch).unwrap_or(u32::MAX),
        }
    });
    let population = imfl_mechanism::Population::new(specs, &target(&config.mechanism.target)?)?;
    // Clients come with label shares, so the population has a target.
    let target = population.target().map(Target::shares).unwrap_or_default();
    let constants = Constants {
        g_data: assessment.g_data,
        sigma: assessment.sigma,
        smoothness: assessment.smoothness,
        rate: config.training.rate,
        local_steps: mean_local_steps(setup, profile),
    };
    if !constants.theorem_holds() {
        progress::warn(format!(
            "rate {} is above 1/(4 L h) = {:.2e} (L {:.2}, h {}): the accuracy loss still ranks participants, but the theorem \
             bounds nothing here",
            constants.rate,
            constants.largest_rate(),
            constants.smoothness,
            constants.local_steps
        ));
    }
    let quality = assessment.theta.map_or(1.0, |theta| theta.theta);
    let mechanism = &config.mechanism;
    let model = LossModel::new(constants, quality, mechanism.weight, mechanism.bias, Weights::Effective)?;
    let market = Market::new(population, model)?;
    let (outcome, expected) = match mechanism.information {
        Information::Complete => (posted::complete(&market)?, None),
        Information::Incomplete => {
            let belief = mechanism.prior.as_ref().unwrap_or(&config.costs.device_factor);
            let prior = prior(belief, &prices, setup.seed)?;
            let sampling = Sampling { scenarios: mechanism.scenarios, seed: setup.seed };
            let estimate = posted::incomplete(&market, &prior, sampling)?;
            (posted::respond(&market, estimate.price)?, Some(estimate))
        }
    };
    let curve = posted::curve(&market, CURVE_POINTS)?;
    if outcome.participants() == 0 {
        progress::warn("nobody takes part at the best price; a higher --weight makes accuracy worth more");
    }
    Ok(Allocation { market, outcome, expected, curve, target })
}

/// A sample is trained on once in every local epoch of every round; an image is generated once.
fn unit_prices(setup: &Setup, profile: &Profile) -> UnitPrices {
    let training = &setup.config.training;
    let second = setup.config.costs.credits_per_second;
    let passes = training.rounds as f64 * training.local_epochs as f64;
    UnitPrices {
        compute: profile.costs.seconds_per_sample * passes * second,
        synthesis: profile.costs.seconds_per_image * second,
        setup: match setup.generator {
            Some(_) => profile.costs.seconds_for_setup * second,
            None => UNAFFORDABLE,
        },
    }
}

/// Local steps of a client with as many samples as clients have on average.
fn mean_local_steps(setup: &Setup, profile: &Profile) -> u32 {
    let training = &setup.config.training;
    let mean = setup.train.len().div_ceil(profile.clients.len());
    u32::try_from(training.local_epochs * mean.div_ceil(training.batch)).unwrap_or(u32::MAX)
}

/// The three costs of a client hang together by the speed of its device, so they are drawn together.
fn prior(factors: &Distribution, prices: &UnitPrices, seed: u64) -> Outcome<Prior> {
    let row = |draw| {
        let factor = factors.quantile(keyed(seed, Purpose::Prior, 0, 0, draw).random());
        Ok(UnitCosts {
            compute: Rate::from_credits(prices.compute * factor)?,
            synthesis: Rate::from_credits(prices.synthesis * factor)?,
            setup: Rate::from_credits(prices.setup * factor)?,
        })
    };
    Ok(Prior::Empirical((0..PRIOR_DRAWS).map(row).collect::<imfl_mechanism::Result<_>>()?))
}

fn target(given: &str) -> Outcome<TargetChoice> {
    match given {
        "uniform" => Ok(TargetChoice::Uniform),
        "pooled" => Ok(TargetChoice::Pooled),
        path => {
            let text = std::fs::read_to_string(path).map_err(|error| {
                let problem =
                    format!("`mechanism.target`: {path} is neither uniform, pooled nor a readable file ({error})");
                Failure::new(Kind::Config, problem)
            })?;
            Ok(TargetChoice::Shares(Target::parse(&text)?))
        }
    }
}
