//! Stage 5: federated training on the mix of authentic and generated data, aggregated by effective samples.

use super::augment::Augmented;
use super::books::{Books, Closed};
use super::desk::Desk;
use super::network;
use super::profile::Profile;
use super::setup::{Setup, fit_batch};
use crate::allocation::Roles;
use crate::failure::{Failure, Kind, Outcome};
use crate::metrics::RoundMetrics;
use crate::privacy::{Privacy, Spent};
use crate::progress::Event;
use imfl_engine::client::Client;
use imfl_engine::data::{self, Dataset};
use imfl_engine::federated::{self, Evaluation, Participant, ServerState};
use imfl_mechanism::Credits;
use serde_json::json;
use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What training led to.
pub struct Training {
    /// Every round, on the rank that keeps the books.
    pub rounds: Vec<RoundMetrics>,
    /// The final model on the test images.
    pub evaluation: Evaluation,
    /// The final model on each client's authentic images, those of clients that stayed out included.
    pub on_clients: Vec<Evaluation>,
    /// What a private run has spent, on the same rank.
    pub spent: Option<Spent>,
    /// What was paid for all rounds, by the rank that keeps the books.
    pub paid: Credits,
    /// What was promised for rounds beyond those that pay was decided for, by the same rank.
    pub further: Credits,
    /// Label counts of each client's data as it was trained on; an empty entry for a client that stayed out.
    pub histograms: Vec<Vec<usize>>,
    /// The images that were generated for clients.
    pub generated: Option<Arc<Dataset>>,
    /// Whether clients were elsewhere, so that what they say of themselves is a report.
    pub elsewhere: bool,
}

/// Trains round by round from `start`, or from the beginning. The rank that keeps the books closes each round before the next
/// begins; the others train with it and keep nothing.
pub fn run(
    setup: &Setup,
    shares: &[Client],
    data: Augmented,
    (roles, profile): (&Roles, &Profile),
    start: Option<ServerState>,
    mut books: Books,
    (private, desk): (Option<&Privacy>, Option<&Desk>),
) -> Outcome<Training> {
    let Augmented { clients, generated } = data;
    let mut federation = setup.federation(generated.as_ref())?;
    fit_batch(&mut federation, &clients);
    federation.private = private.map(|privacy| privacy.private.clone());
    federation.remote = desk.map(|desk| desk.hire(roles, &federation.local)).transpose()?;
    if let Some(own) = desk.and_then(Desk::aggregation) {
        if private.is_some() {
            let problem = format!("a private run adds clipped updates up itself; they cannot be {own}");
            return Err(Failure::new(Kind::Config, problem));
        }
        federation.aggregation = own;
    }
    let participant = |(client, &weight): (&Client, &f64)| Participant { client: client.clone(), weight };
    let playing = clients.iter().zip(&roles.weights).filter(|(_, weight)| **weight > 0.0);
    let participants: Vec<Participant> = playing.map(participant).collect();
    let network = network::open(setup, profile, wanted(setup, &participants))?;
    let draw = cohorts(setup, &participants, private);
    federation.network = network.map(Arc::new);
    let planned = if participants.is_empty() { 0 } else { setup.config.training.rounds };

    let start = start.unwrap_or_else(|| federation.start());
    let test = setup.test_images();
    let mut evaluation = federation.evaluate(&start, &test);
    let bar = setup.progress.task("training", planned);
    bar.set(start.round);
    setup.progress.tell(&Event::RoundsBegan { done: start.round, planned });
    match start.round {
        0 => {}
        round if round < planned => setup.progress.note(format!("going on after round {round} of {planned}")),
        round => setup.progress.note(format!("trained already, for {round} rounds: there is no round left")),
    }
    let ids = |cohort: Cow<[Participant]>| cohort.iter().map(|participant| participant.client.id).collect();
    books.open(planned, &start, setup.config.network.late_pay, |round| draw(round).map(ids))?;
    // Asked for a cohort before a round and told of the round behind it, never both at once.
    let books = RefCell::new(books);
    let begin = |round| {
        books.borrow_mut().begin(round)?;
        draw(round)
    };
    let state = federation.train_with(start, planned, begin, |state, report| {
        evaluation = federation.evaluate(state, &test);
        // How many samples a private round had is nobody's business.
        let speed = match report.clip {
            Some(_) => String::new(),
            None => format!(", {:.0} samples/s", report.samples as f64 / report.seconds.max(f64::MIN_POSITIVE)),
        };
        bar.say(format!("accuracy {:.4}, loss {:.4}{speed}", evaluation.accuracy(), evaluation.loss));
        bar.advance();
        if let Some(halved) = &report.halved {
            setup.progress.warn(format!("round {}: {halved}", report.round));
        }
        books.borrow_mut().close(report, &evaluation, state)
    })?;
    let books = books.into_inner();

    let (on_clients, histograms) = match desk {
        Some(desk) => (desk.evaluate(&state.weights)?, desk.histograms()),
        None => here(&federation, &state, shares, &clients, roles),
    };
    let Closed { rounds, paid, further, spent } = books.finish(&state, &about(setup))?;
    let elsewhere = desk.is_some();
    Ok(Training { rounds, evaluation, on_clients, spent, paid, further, histograms, generated, elsewhere })
}

/// The model on what each client holds, and what each trained on, where clients are here.
fn here(
    federation: &federated::Federation,
    state: &ServerState,
    shares: &[Client],
    clients: &[Client],
    roles: &Roles,
) -> (Vec<Evaluation>, Vec<Vec<usize>>) {
    let all: Vec<&Client> = shares.iter().collect();
    let on_clients = federated::evaluate_clients(
        federation.model.as_ref(),
        &state.weights,
        &federation.images,
        &all,
        &federation.compute,
    );
    let histograms = clients.iter().zip(&roles.modes).map(|(client, mode)| match mode.plays() {
        true => client.histogram(&federation.images),
        false => Vec::new(),
    });
    (on_clients, histograms.collect())
}

/// What the final model's file says beside its tensors: all that it takes to use it elsewhere.
fn about(setup: &Setup) -> BTreeMap<&'static str, String> {
    let (train, normalisation) = (&setup.train, setup.train.normalisation());
    let input = match train.kind.as_ref() {
        data::Kind::Text(_) => {
            "[batch, 1, 1, words]; 0 behind the end of a text, 1 for an unknown word, else 2 and the word's place in `words`"
        }
        _ => "[batch, channels, height, width]; (byte / 255 - mean) / deviation of each channel",
    };
    let mut about = BTreeMap::from([
        ("model", setup.config.training.architecture().to_string()),
        ("shape", json!([train.shape.channels, train.shape.height, train.shape.width]).to_string()),
        ("classes", json!(train.class_names).to_string()),
        ("mean", json!(normalisation.mean).to_string()),
        ("deviation", json!(normalisation.deviation).to_string()),
        ("input", input.into()),
        (
            "layout",
            "linear [in, out], convolution [out, in, height, width], flattened as [channels, height, width]".into(),
        ),
    ]);
    if let data::Kind::Text(vocabulary) = train.kind.as_ref() {
        about.insert("words", json!(vocabulary.words()).to_string());
    }
    about
}

/// Clients that a round is meant for, out of those who take part.
fn wanted(setup: &Setup, participants: &[Participant]) -> usize {
    setup.config.training.cohort.unwrap_or(participants.len())
}

/// Says who takes part in a round.
type Draw<'a> = Box<dyn Fn(u64) -> Outcome<Cow<'a, [Participant]>> + 'a>;

/// How the participants of a round are drawn out of those who take part: by the private run's coins or turns, or as sampling says; all
/// of them where the network's policy chooses.
fn cohorts<'a>(setup: &'a Setup, participants: &'a [Participant], private: Option<&'a Privacy>) -> Draw<'a> {
    if let Some(privacy) = private {
        return Box::new(|round| Ok(Cow::Owned(privacy.cohort(participants, round))));
    }
    let sampling = setup.config.training.sampling();
    let network = &setup.config.network;
    let policy = network.links.as_ref().map(|_| &network.policy);
    let wanted = wanted(setup, participants);
    let wanted = policy.map_or(wanted, |policy| policy.asks(wanted));
    let size = if sampling.replacement { wanted } else { wanted.min(participants.len()) };
    if size < wanted {
        setup.progress.warn(format!("only {size} clients take part, so cohorts have {size} clients and not {wanted}"));
    }
    if size < setup.config.training.quorum {
        let quorum = setup.config.training.quorum;
        setup
            .progress
            .warn(format!("cohorts have {size} clients and the quorum is {quorum}: every round will be skipped"));
    }
    let everybody = policy.is_some_and(|policy| policy.chooses());
    Box::new(move |round| match everybody {
        true => Ok(Cow::Borrowed(participants)),
        false => Ok(Cow::Owned(sampling.cohort(participants, size, setup.seed, round)?)),
    })
}
