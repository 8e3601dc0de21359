//! A run whose clients are elsewhere: an object of Python asks them, everything that decides or counts is the run's.

use crate::handed::{Given, flat, hand};
use crate::joining::{Joined, Round};
use crate::run::whole;
use crate::settings::Said;
use crate::values;
use crate::watch::watch;
use imfl_engine::federated::remote::{Model, Reply};
use imfl_engine::federated::{Aggregation, DropOut, Evaluation, Refusal};
use imfl_engine::parameters::Weights;
use imfl_mechanism::ledger::Transaction;
use imfl_mechanism::posted::Offer;
use imfl_mechanism::{Credits, Mode, PerMode};
use imfl_run::participants::{Introduction, Order, Participants, Terms};
use imfl_run::request::GoOn;
use imfl_run::{Failure, Host, Kind, Outcome};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// What Python says of a reply: what it is, a model, a loss.
type Replied<'py> = (String, Option<Vec<Given<'py>>>, f64);
/// Account, name, label counts, gradient.
type Introduced<'py> = (String, String, Vec<usize>, Option<Vec<Given<'py>>>);

/// Calls the object, and lets it join updates where it says that it does. Its methods are those of [`Participants`]; an exception of one ends the run with its message.
struct Bridge(Py<PyAny>, Arc<Round>);

impl Bridge {
    fn call<T>(
        &self,
        method: &str,
        given: impl for<'py> FnOnce(Python<'py>) -> PyResult<Bound<'py, PyTuple>>,
        read: impl for<'py> FnOnce(Python<'py>, &Bound<'py, PyAny>) -> PyResult<T>,
    ) -> Outcome<T> {
        Python::attach(|py| {
            let done = given(py).and_then(|given| self.0.bind(py).call_method1(method, given));
            done.and_then(|done| read(py, &done)).map_err(|error| {
                let what = error.value(py).str().map_or_else(|_| "?".into(), |text| text.to_string());
                let kind = error.get_type(py).name().map_or_else(|_| "?".into(), |name| name.to_string());
                Failure::new(Kind::Unexpected, format!("clients could not be asked (`{method}`): {kind}: {what}"))
            })
        })
    }
}

fn mode(text: &str) -> Mode {
    // Whatever else was said is a refusal.
    Mode::PLAYING.into_iter().find(|mode| mode.to_string() == text).unwrap_or(Mode::Out)
}

impl Participants for Bridge {
    fn meet(&self, terms: &Terms, weights: &Weights) -> Outcome<Vec<Introduction>> {
        self.call(
            "meet",
            |py| (values::of(py, terms)?, hand(py, weights)?).into_pyobject(py),
            |_, found| {
                let found: Vec<Introduced> = found.extract()?;
                let one = |(account, label, histogram, gradient): Introduced| Introduction {
                    account,
                    label,
                    histogram,
                    gradient: gradient.and_then(|gradient| flat(weights.layout(), gradient).ok()),
                };
                Ok(found.into_iter().map(one).collect())
            },
        )
    }

    fn recall(&self, terms: &Terms, accounts: &[(String, String)]) -> Outcome {
        self.call("recall", |py| (values::of(py, terms)?, accounts.to_vec()).into_pyobject(py), |_, _| Ok(()))
    }

    fn offer(&self, offers: &[Option<Offer>]) -> Outcome<Vec<Mode>> {
        self.call(
            "offer",
            |py| (values::of(py, &offers)?,).into_pyobject(py),
            |_, said| Ok(said.extract::<Vec<String>>()?.iter().map(|text| mode(text)).collect()),
        )
    }

    fn bids(&self, offers: &[Option<Offer>]) -> Outcome<Vec<Option<PerMode<Credits>>>> {
        self.call(
            "bids",
            |py| (values::of(py, &offers)?,).into_pyobject(py),
            |_, said| {
                let credits = |micros: i64| Credits::from_micros(micros.max(0));
                let bid = |(local, augmented)| PerMode { local: credits(local), augmented: credits(augmented) };
                Ok(said.extract::<Vec<Option<(i64, i64)>>>()?.into_iter().map(|said| said.map(bid)).collect())
            },
        )
    }

    fn hire(&self, orders: &[Option<Order>]) -> Outcome {
        self.call("hire", |py| (values::of(py, &orders)?,).into_pyobject(py), |_, _| Ok(()))
    }

    fn train(&self, round: u64, weights: &Weights, clients: &[u32]) -> Outcome<BTreeMap<u32, Reply>> {
        self.1.begin(weights);
        self.call(
            "train",
            |py| (round, hand(py, weights)?, clients.to_vec()).into_pyobject(py),
            |_, found| {
                let found: BTreeMap<u32, Replied> = found.extract()?;
                let reply = |(client, (what, model, loss)): (u32, Replied)| {
                    let reply = match (what.as_str(), model) {
                        ("model", Some(model)) => match flat(weights.layout(), model) {
                            Ok(values) => Reply::Model(Model { values, loss, samples: 0 }),
                            Err(reason) => Reply::Refused(reason),
                        },
                        ("refused", _) => Reply::Refused(Refusal::WrongShape),
                        _ => Reply::Silent(DropOut::During),
                    };
                    (client, reply)
                };
                Ok(found.into_iter().map(reply).collect())
            },
        )
    }

    fn aggregation(&self) -> Option<Aggregation> {
        Python::attach(|py| {
            let object = &self.0;
            let joins = object.bind(py).getattr("joins").and_then(|joins| joins.is_truthy()).unwrap_or(false);
            let rule = || Joined { object: object.clone_ref(py), round: self.1.clone() };
            joins.then(|| Aggregation::own("joined by the caller", Arc::new(rule())))
        })
    }

    fn paid(&self, transactions: &[Transaction]) -> Outcome {
        if let Some(problem) = self.1.take_failure() {
            return Err(Failure::new(
                Kind::Unexpected,
                format!(
                    "updates could not be joined, and the round, which is saved and paid, changed nothing: {problem}"
                ),
            ));
        }
        self.call(
            "paid",
            |py| {
                let told = transactions.iter().map(|transaction| {
                    let posting = transaction.postings.iter();
                    let postings: Vec<(String, i64)> =
                        posting.map(|posting| (posting.account.clone(), posting.amount.micros())).collect();
                    (transaction.id.clone(), transaction.memo.clone(), postings)
                });
                (told.collect::<Vec<_>>(),).into_pyobject(py)
            },
            |_, _| Ok(()),
        )
    }

    fn evaluate(&self, weights: &Weights) -> Outcome<BTreeMap<u32, Evaluation>> {
        self.call(
            "evaluate",
            |py| (hand(py, weights)?,).into_pyobject(py),
            |_, found| {
                let found: BTreeMap<u32, (f64, usize, usize)> = found.extract()?;
                let one = |(client, (loss, correct, samples))| (client, Evaluation { loss, correct, samples });
                Ok(found.into_iter().map(one).collect())
            },
        )
    }
}

/// Runs everything with the clients that `participants` asks, or goes on with such a run. Returns the run's folder and its summary.
#[pyfunction]
pub fn run_remote<'py>(
    py: Python<'py>,
    given: &Bound<PyDict>,
    resume: Option<String>,
    participants: Py<PyAny>,
    on_event: Option<&Bound<PyAny>>,
) -> PyResult<(PathBuf, Bound<'py, PyAny>)> {
    let said = Said::read(None, given, None)?;
    let on = resume.map(|from| GoOn { from, changed: false });
    let participants: Arc<dyn Participants> = Arc::new(Bridge(participants, Arc::default()));
    let (folder, summary) = watch(py, on_event, move |host| {
        whole(&Host { participants: Some(participants), ..host.clone() }, &said, on.as_ref())
    })?;
    Ok((folder, values::to_python(py, &summary)?))
}
