//! Clients elsewhere: who they are, what the server believes of them, what they are offered, and the contract that comes of it.
//!
//! The images of the run are the server's own here. They stand in for the clients' wherever something is measured before anybody is hired.

use super::Setup;
use super::profile::{ClientProfile, Profile};
use crate::claim::Flagged;
use crate::config::{AvailabilityConfig, RecordedCosts, RunConfig};
use crate::failure::{Failure, Kind, Outcome};
use crate::host::Host;
use crate::limits;
use crate::participants::{Answers, Contract, Introduction, Participants, Terms};
use crate::run_dir::RunDir;
use imfl_engine::client::{Client, Sample};
use imfl_mechanism::posted::{Offer, answered};
use imfl_mechanism::{Credits, Knowledge, Market, Mode, PROHIBITIVE, PerMode, Price, RuleChoice};
use std::sync::Arc;

/// The file of the contract.
const CONTRACT: &str = "contract.json";
/// Its format.
const SCHEMA: &str = "imfl.contract/1";
/// The most samples that a client may claim: more than that is a mistake, and nobody could check it.
const MOST_SAMPLES: usize = 1 << 31;

/// Who was met.
pub struct Met {
    pub participants: Arc<dyn Participants>,
    pub introductions: Vec<Introduction>,
    /// What was agreed on before, for a run that goes on.
    pub contract: Option<Contract>,
}

/// Meets the clients that the host brings, if it brings any; those of a run that goes on are those of its contract.
pub fn meet(setup: &mut Setup, host: &Host, folder: Option<&RunDir>, goes_on: bool) -> Outcome<Option<Met>> {
    let (Some(participants), Some(folder)) = (&host.participants, folder) else { return Ok(None) };
    check(&setup.config)?;
    let terms = terms(setup, folder)?;
    let contract = if goes_on { Some(read(folder)?) } else { None };
    let introductions = match &contract {
        Some(contract) => {
            participants.recall(&terms, &contract.clients)?;
            let known = |((account, label), claimed): (&(String, String), &Vec<usize>)| Introduction {
                account: account.clone(),
                label: label.clone(),
                histogram: claimed.clone(),
                gradient: None,
            };
            contract.clients.iter().zip(&contract.claimed).map(known).collect()
        }
        None => {
            let federation = setup.undisturbed(None)?;
            participants.meet(&terms, &federation.start().weights)?
        }
    };
    if introductions.is_empty() {
        return Err(Failure::new(Kind::Data, "no client introduced itself: there is nobody to train with"));
    }
    for Introduction { account, histogram, .. } in &introductions {
        let total = histogram.iter().try_fold(0usize, |sum, count| sum.checked_add(*count));
        if histogram.len() != setup.train.classes() || !total.is_some_and(|total| (1..MOST_SAMPLES).contains(&total)) {
            let problem = format!("client {account} claims no counts of {} classes", setup.train.classes());
            return Err(Failure::new(Kind::Data, problem));
        }
    }
    setup.config.partition.clients = introductions.len();
    setup.config.checkpoints.every = 1;
    setup.config.check()?;
    setup.progress.note(format!("{} clients have introduced themselves", introductions.len()));
    Ok(Some(Met { participants: participants.clone(), introductions, contract }))
}

/// Refuses what has no meaning for clients elsewhere.
fn check(config: &RunConfig) -> Outcome {
    let training = &config.training;
    let refused = [
        (training.algorithm.memory().is_some(), "training.algorithm", "one that remembers nothing of clients"),
        (config.network.links.is_some(), "network.links", "absent: the network is a real one"),
        (training.availability != AvailabilityConfig::default(), "training.availability", "0: who is there is there"),
        (training.attack.is_some(), "training.attack", "absent: nobody is simulated"),
        (config.claims.lie.is_some(), "claims.lie", "absent: nobody is simulated"),
    ];
    match refused.into_iter().find(|(wrong, ..)| *wrong) {
        Some((_, key, must)) => {
            Err(Failure::new(Kind::Config, format!("`{key}` must be {must}, where clients are elsewhere")))
        }
        None => Ok(()),
    }
}

fn terms(setup: &Setup, folder: &RunDir) -> Outcome<Terms> {
    let (train, normalisation) = (&setup.train, setup.train.normalisation());
    // What the server believes and pays by is not a client's business.
    let open = RunConfig {
        seed: Some(setup.seed),
        training: setup.config.training.clone(),
        generator: crate::config::GeneratorConfig {
            evaluations: setup.config.generator.evaluations,
            ..crate::config::GeneratorConfig::default()
        },
        ..RunConfig::default()
    };
    let config = toml::to_string(&open)
        .map_err(|error| Failure::new(Kind::Unexpected, format!("the configuration cannot be sent: {error}")))?;
    let generator = setup.provenance.as_ref().filter(|_| setup.generator.is_some());
    Ok(Terms {
        seed: setup.seed,
        rounds: setup.config.priced_rounds(),
        every_round: setup.config.training.cohort.is_none(),
        folder: folder.path().into(),
        config,
        shape: [train.shape.channels, train.shape.height, train.shape.width],
        classes: train.class_names.clone(),
        mean: normalisation.mean,
        deviation: normalisation.deviation,
        generator: generator.and_then(|generator| generator.sha256.clone()),
        generator_path: generator.and_then(|generator| generator.path.clone()),
    })
}

fn read(folder: &RunDir) -> Outcome<Contract> {
    let path = folder.file(CONTRACT);
    let fail = |problem: String| Failure::new(Kind::Checkpoint, format!("{}: {problem}", path.display()));
    let text = limits::read_text(&path).map_err(|error| fail(error.to_string()))?;
    let contract: Contract = serde_json::from_str(&text).map_err(|error| fail(error.to_string()))?;
    let clients = contract.clients.len();
    let answers = match &contract.answers {
        Answers::Modes(modes) => modes.len(),
        Answers::Bids(bids) => bids.len(),
    };
    match contract.schema == SCHEMA && [contract.claimed.len(), contract.believed.len(), answers] == [clients; 3] {
        true => Ok(contract),
        false => Err(fail(format!("it is no contract of format {SCHEMA} with as many claims as clients"))),
    }
}

impl Met {
    /// What the clients hold, by what they say; their costs are not known, and what stands for them is the middle of what the server
    /// believes.
    pub fn profile(&self, setup: &Setup, costs: RecordedCosts) -> Profile {
        let belief = setup.config.mechanism.prior.as_ref().unwrap_or(&setup.config.costs.device_factor).quantile(0.5);
        let client = |client: &Introduction| ClientProfile {
            histogram: client.histogram.clone(),
            device_factor: belief,
            generating_factor: belief,
            setup_factor: belief,
            link: None,
        };
        Profile { clients: self.introductions.iter().map(client).collect(), costs }
    }

    /// As many samples for each client as it says it holds: numbers to go by, none of which is an image of the client's.
    pub fn stand_ins(&self, believed: &Profile) -> Vec<Client> {
        let sized = |(id, client): (u32, &ClientProfile)| {
            let samples: usize = client.histogram.iter().sum();
            Client { id, samples: vec![Sample::Authentic(0); samples] }
        };
        (0..).zip(&believed.clients).map(sized).collect()
    }

    /// Names in the books.
    pub fn accounts(&self) -> Vec<String> {
        self.introductions.iter().map(|client| client.account.clone()).collect()
    }

    /// Makes offers, or asks for bids, and decides by the answers. Who was caught is offered nothing.
    pub fn decide(
        &self,
        setup: &Setup,
        market: &Market,
        knowledge: &Knowledge,
        flagged: &[Flagged],
    ) -> Outcome<(imfl_mechanism::Outcome, Answers)> {
        let rule = setup.config.mechanism.rule();
        let caught = |index: usize| flagged.iter().any(|flagged| flagged.client as usize == index);
        let offers = |price: Price| -> Outcome<Vec<Option<Offer>>> {
            let offer = |index| {
                let offer = (!caught(index)).then(|| Offer::of(market, index, price, setup.generator.is_some()));
                Ok(offer.transpose()?)
            };
            (0..market.len()).map(offer).collect()
        };
        match rule {
            RuleChoice::PostedPrice => {
                let expected = rule.mechanism(market, knowledge)?.run(market)?;
                // The rule that knows costs in distribution says what it expects.
                let Some(estimate) = expected.estimate else {
                    return Err(Failure::new(Kind::Unexpected, "a price without an estimate"));
                };
                let modes = match &self.contract {
                    Some(Contract { answers: Answers::Modes(modes), .. }) => modes.clone(),
                    Some(_) => return Err(rule_changed()),
                    None => self.participants.offer(&offers(estimate.price)?)?,
                };
                let modes: Vec<Mode> = modes
                    .into_iter()
                    .enumerate()
                    .map(|(index, mode)| match (caught(index), mode) {
                        (true, _) => Mode::Out,
                        (false, Mode::Augmented) if setup.generator.is_none() => Mode::Out,
                        (false, mode) => mode,
                    })
                    .collect();
                Ok((answered(market, estimate, modes.clone())?, Answers::Modes(modes)))
            }
            RuleChoice::Vcg | RuleChoice::OptimalAuction | RuleChoice::BudgetFeasible(_) => {
                let bids = match &self.contract {
                    Some(Contract { answers: Answers::Bids(bids), .. }) => {
                        let credits = |bid: &PerMode<i64>| bid.map(Credits::from_micros);
                        bids.iter().map(|bid| bid.as_ref().map(credits)).collect()
                    }
                    Some(_) => return Err(rule_changed()),
                    None => self.participants.bids(&offers(Price::ZERO)?)?,
                };
                let nobody = PerMode { local: PROHIBITIVE, augmented: PROHIBITIVE };
                let ask = |(index, bid): (usize, &Option<PerMode<Credits>>)| match bid {
                    Some(bid) if !caught(index) && setup.generator.is_some() => *bid,
                    Some(bid) if !caught(index) => PerMode { augmented: PROHIBITIVE, ..*bid },
                    _ => nobody,
                };
                let market = market.with_costs(bids.iter().enumerate().map(ask).collect())?;
                let outcome = rule.mechanism(&market, knowledge)?.run(&market)?;
                let micros = |bid: PerMode<Credits>| bid.map(Credits::micros);
                Ok((outcome, Answers::Bids(bids.into_iter().map(|bid| bid.map(micros)).collect())))
            }
            _ => Err(Failure::new(
                Kind::Config,
                format!(
                    "`mechanism.rule` {rule} needs to know costs, which stay with clients that are elsewhere; take posted-price, vcg, \
                     optimal-auction or budget-feasible:CREDITS"
                ),
            )),
        }
    }

    /// Writes down what was agreed on, before anybody works for it.
    pub fn write(&self, folder: &RunDir, believed: &Profile, flagged: &[Flagged], answers: Answers) -> Outcome {
        let contract = Contract {
            schema: SCHEMA.into(),
            clients: self.introductions.iter().map(|client| (client.account.clone(), client.label.clone())).collect(),
            claimed: self.introductions.iter().map(|client| client.histogram.clone()).collect(),
            believed: believed.clients.iter().map(|client| client.histogram.clone()).collect(),
            flagged: flagged.to_vec(),
            answers,
        };
        let text = serde_json::to_string_pretty(&contract).map_err(|error| Failure::new(Kind::Unexpected, error))?;
        folder.write(CONTRACT, text)
    }
}

fn rule_changed() -> Failure {
    Failure::new(
        Kind::Checkpoint,
        "the contract has answers to another rule than `mechanism.rule`; take the one that it was made by",
    )
}
