//! Markets: price, auction, personal offers, verification.

use crate::failure::{self, about, short};
use crate::forecast::Forecast;
use crate::outcome::columns;
use crate::table::Table;
use crate::watch::watch;
use crate::{arrays, values};
use imfl_mechanism::auction::{Call, Held};
use imfl_mechanism::personal::{self, Options};
use imfl_mechanism::posted::{self, Sampling};
use imfl_mechanism::prior::{Parametric, Prior};
use imfl_mechanism::verify::{self as checks, Findings, Suite};
use imfl_mechanism::{
    Bias, Constants, Credits, ForecastModel, LossModel, Objective, Population, Target, TargetChoice, Weights, Worth,
};
use imfl_run::{Failure, Kind, Outcome, config};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::path::PathBuf;
use std::sync::Arc;

fn config_error(error: impl std::fmt::Display) -> Failure {
    Failure::new(Kind::Config, error)
}

fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(key: &str, text: &str) -> Outcome<T> {
    text.parse().map_err(|error| config_error(format!("`{key}`: {error}")))
}

/// A prior: a table of observed costs, a TOML file of distributions, or those as a mapping.
fn prior(py: Python, given: &Bound<PyAny>) -> PyResult<Prior> {
    let of_distributions = |parametric| Prior::parametric(parametric).map_err(Failure::from);
    if let Ok(Table::Text(name, text)) = given.extract::<Table>() {
        return short(py, || Prior::read_csv(text.as_slice(), &name));
    }
    if let Ok(path) = given.extract::<PathBuf>() {
        return short(py, || {
            let name = path.display().to_string();
            if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("csv")) {
                let table = Table::File(path);
                return about(&name, Prior::read_csv(table.open(Kind::Config)?.1, "prior").map_err(config_error));
            }
            about(&name, of_distributions(config::read_as(&path)?))
        });
    }
    let said = values::to_json(given, "prior")?;
    let parametric: Parametric =
        serde_json::from_value(said).map_err(|error| failure::raised(py, config_error(format!("prior: {error}"))))?;
    of_distributions(parametric).map_err(|error| failure::raised(py, error))
}

/// A benchmark mechanism: name, participants, accuracy loss, payments and server cost in micro-credits.
type Compared = (&'static str, usize, f64, i64, i64);

fn market(clients: &Table, target: Aim, objective: Arc<dyn Objective>) -> Outcome<Market> {
    let target = target.choice()?;
    let (name, table) = clients.open(Kind::Data)?;
    let population = Population::read_csv(table, &name, &target)?;
    Ok(Market(imfl_mechanism::Market::with_objective(population, objective)?))
}

/// Clients, what they are worth and what they cost.
#[pyclass(frozen, module = "imfl._imfl")]
pub struct Market(imfl_mechanism::Market);

#[pymethods]
impl Market {
    #[new]
    #[allow(clippy::too_many_arguments)]
    #[pyo3(signature = (clients, constants, theta, weight, bias, weights, target))]
    fn new(
        py: Python,
        clients: Table,
        constants: &Bound<PyAny>,
        theta: f64,
        weight: f64,
        bias: &str,
        weights: &str,
        target: &Bound<PyAny>,
    ) -> PyResult<Self> {
        let constants: Constants = match constants.extract::<PathBuf>() {
            Ok(path) => short(py, || {
                let constants: Constants = config::read_as(&path)?;
                about(&path.display().to_string(), constants.check().map_err(Failure::from))?;
                Ok::<_, Failure>(constants)
            })?,
            Err(_) => serde_json::from_value(values::to_json(constants, "constants")?)
                .map_err(|error| failure::raised(py, config_error(format!("constants: {error}"))))?,
        };
        let target = Aim::read(target)?;
        short(py, || {
            let (bias, weights): (Bias, Weights) = (parsed("bias", bias)?, parsed("weights", weights)?);
            let model = LossModel::new(constants, theta, weight, bias, weights)?;
            market(&clients, target, Arc::new(model))
        })
    }

    /// A market whose server pays for what `forecast` predicts: `worth` credits per percentage point of accuracy, or per nat of loss.
    #[staticmethod]
    #[allow(clippy::too_many_arguments)]
    fn forecasting(
        py: Python,
        clients: Table,
        forecast: &Forecast,
        worth: f64,
        per_nat: bool,
        theta: Option<f64>,
        weights: &str,
        target: &Bound<PyAny>,
    ) -> PyResult<Self> {
        let target = Aim::read(target)?;
        short(py, || {
            let worth = if per_nat { Worth::Nat(worth) } else { Worth::Point(worth) };
            let model = ForecastModel::new(forecast.0.clone(), worth, theta, parsed("weights", weights)?)?;
            market(&clients, target, Arc::new(model))
        })
    }

    fn __len__(&self) -> usize {
        self.0.len()
    }

    /// The columns of the clients as they were read: costs in pico-credits a unit.
    fn clients<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let clients = self.0.clients();
        let found = PyDict::new(py);
        found.set_item("client", clients.iter().map(|client| client.id()).collect::<Vec<_>>())?;
        found.set_item("samples", arrays::fixed(py, clients.iter().map(|client| client.samples().to_ne_bytes()))?)?;
        found.set_item("skew", arrays::fixed(py, clients.iter().map(|client| client.skew().to_ne_bytes()))?)?;
        let costs = |of: fn(&imfl_mechanism::Client) -> u64| {
            arrays::fixed(py, clients.iter().map(move |c| of(c).to_ne_bytes()))
        };
        found.set_item("compute_cost_picos", costs(|client| client.compute_cost().picos())?)?;
        found.set_item("synthesis_cost_picos", costs(|client| client.synthesis_cost().picos())?)?;
        found.set_item("setup_cost_picos", costs(|client| client.setup_cost().picos())?)?;
        found.set_item("batch", arrays::fixed(py, clients.iter().map(|client| client.batch().to_ne_bytes()))?)?;
        Ok(found)
    }

    /// 1/(4 L h), the largest rate of the theorem, and whether the market's is not above it.
    fn theorem(&self) -> Option<(bool, f64, f64)> {
        let constants = self.0.bound()?.constants();
        Some((constants.theorem_holds(), constants.rate, constants.largest_rate()))
    }

    /// One posted price. Without `prior` the server knows every client's costs if `complete`, else their distribution.
    #[pyo3(signature = (complete, prior, scenarios, seed))]
    fn price<'py>(
        &self,
        py: Python<'py>,
        complete: bool,
        prior: Option<&Bound<PyAny>>,
        scenarios: u32,
        seed: u64,
    ) -> PyResult<Bound<'py, PyDict>> {
        let market = self.0.clone();
        if complete {
            let outcome = watch(py, None, move |_| Ok(posted::complete(&market)?))?;
            return columns(py, &self.0, &outcome);
        }
        let believed = prior.map(|given| self::prior(py, given)).transpose()?;
        let believed = believed.unwrap_or_else(|| Prior::of(self.0.population()));
        let sampling = Sampling { scenarios, seed };
        let (outcome, expected) = watch(py, None, move |_| Ok(posted::expect(&market, &believed, sampling)?))?;
        let found = columns(py, &self.0, &outcome)?;
        let expectation = PyDict::new(py);
        expectation.set_item("server_cost", expected.chosen.server_cost)?;
        expectation.set_item("standard_error", expected.chosen.standard_error)?;
        expectation.set_item("fresh_server_cost", expected.fresh.server_cost)?;
        expectation.set_item("fresh_standard_error", expected.fresh.standard_error)?;
        expectation.set_item("scenarios", scenarios)?;
        expectation.set_item("seed", seed)?;
        let sensitivity = expected.sensitivity.iter().map(|found| {
            let (best, kept) = (&found.best, &found.kept);
            (found.factor, best.price.picos(), best.server_cost, kept.server_cost, found.regret())
        });
        expectation.set_item("sensitivity", sensitivity.collect::<Vec<_>>())?;
        found.set_item("expected", expectation)?;
        Ok(found)
    }

    /// To each client the mode that is best for the server, paid at cost.
    fn offers<'py>(&self, py: Python<'py>, gap: f64, effort: Option<u64>) -> PyResult<Bound<'py, PyDict>> {
        if !(0.0..1.0).contains(&gap) {
            return Err(failure::usage(py, format!("`gap` is {gap}, outside [0, 1)")));
        }
        let (market, options) = (self.0.clone(), Options { gap, ..options(effort) });
        let outcome = watch(py, None, move |_| Ok(personal::offers(&market, options)?))?;
        columns(py, &self.0, &outcome)
    }

    /// A reverse auction over the clients' costs as bids.
    fn auction<'py>(
        &self,
        py: Python<'py>,
        rule: &str,
        prior: Option<&Bound<PyAny>>,
        budget: Option<&str>,
        effort: Option<u64>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let believed = prior.map(|given| self::prior(py, given)).transpose()?;
        let usage = |problem: String| failure::usage(py, problem);
        let call = match (rule, budget) {
            ("vcg", None) => Call::Vcg,
            ("optimal", None) => Call::Optimal(believed),
            ("budget", Some(budget)) => match budget.parse::<Credits>() {
                Ok(budget) if budget >= Credits::ZERO => Call::Budget(budget),
                Ok(budget) => return Err(usage(format!("`budget` {budget} is negative"))),
                Err(error) => return Err(usage(format!("`budget` {error}"))),
            },
            ("budget", None) => {
                return Err(usage("`rule` budget needs `budget`, the most credits that it may pay in all".into()));
            }
            ("vcg" | "optimal", Some(_)) => return Err(usage("`budget` belongs to `rule` budget".into())),
            (other, _) => return Err(usage(format!("`rule` `{other}` is none of vcg, optimal, budget"))),
        };
        let (market, options) = (self.0.clone(), options(effort));
        let Held { outcome, facts, ironed } = watch(py, None, move |_| Ok(call.hold(&market, options)?))?;
        let found = columns(py, &self.0, &outcome)?;
        let guarantees = facts.guarantees.iter().map(ToString::to_string).collect::<Vec<_>>();
        found.set_item("rule", rule)?;
        found.set_item("ironed", ironed)?;
        found.set_item("guarantees", guarantees)?;
        found.set_item("information", facts.information)?;
        found.set_item("source", facts.source)?;
        Ok(found)
    }

    /// What the benchmark mechanisms do: name, participants, accuracy loss, payments and server cost in micro-credits.
    fn benchmarks(&self, py: Python, seed: u64) -> PyResult<Vec<Compared>> {
        let market = self.0.clone();
        let compared = watch(py, None, move |_| Ok(imfl_mechanism::compare(&market, seed)?))?;
        let of = |(name, outcome): (&'static str, imfl_mechanism::Outcome)| {
            (name, outcome.participants(), outcome.phi(), outcome.payments.micros(), outcome.server_cost.micros())
        };
        Ok(compared.into_iter().map(of).collect())
    }
}

fn options(effort: Option<u64>) -> Options {
    effort.map_or_else(Options::default, |effort| Options { effort, ..Options::default() })
}

/// The label distribution that is trained for, before it is read.
enum Aim {
    Uniform,
    Pooled,
    Shares(Vec<f64>),
    File(PathBuf),
}

impl Aim {
    fn read(given: &Bound<PyAny>) -> PyResult<Self> {
        match given.extract::<String>().as_deref() {
            Ok("uniform") => return Ok(Self::Uniform),
            Ok("pooled") => return Ok(Self::Pooled),
            _ => {}
        }
        if let Ok(path) = given.extract::<PathBuf>() {
            return Ok(Self::File(path));
        }
        given.extract().map(Self::Shares).map_err(|_| {
            failure::usage(
                given.py(),
                format!("`target` is {given}; expected `uniform`, `pooled`, shares of the classes or a file"),
            )
        })
    }

    fn choice(self) -> Outcome<TargetChoice> {
        Ok(match self {
            Self::Uniform => TargetChoice::Uniform,
            Self::Pooled => TargetChoice::Pooled,
            Self::Shares(shares) => TargetChoice::Shares(Target::from_shares(&shares)?),
            Self::File(path) => {
                let name = path.display();
                let text = std::fs::read_to_string(&path).map_err(|error| {
                    config_error(format!(
                        "`target` {name}: neither `uniform`, `pooled` nor a file that can be read ({error})"
                    ))
                })?;
                TargetChoice::Shares(Target::parse(&text).map_err(|error| config_error(format!("{name}: {error}")))?)
            }
        })
    }
}

/// Attacks what the mechanisms promise on random markets. Says whether all stood and all negative controls fell, and what was
/// found of each: name, whether it is a control, and checks with trials, violations and examples.
#[pyfunction]
pub fn verify<'py>(
    py: Python<'py>,
    instances: u32,
    clients: usize,
    seed: u64,
    forecast: bool,
    on_event: Option<&Bound<PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let suite = Suite { instances, clients, seed, forecast };
    let found = watch(py, on_event, move |host| {
        let bar = host.progress.task("attacking", u64::from(instances));
        Ok(checks::run(suite, |instance| bar.set(u64::from(instance)))?)
    })?;
    let of = |findings: &Findings, control: bool| {
        let checks = findings.checks.iter().map(|check| {
            serde_json::json!({
                "name": check.name, "trials": check.trials, "violations": check.violations, "examples": check.examples,
            })
        });
        serde_json::json!({ "name": findings.mechanism, "control": control, "checks": checks.collect::<Vec<_>>() })
    };
    let mechanisms = found.mechanisms.iter().map(|findings| of(findings, false));
    let all: Vec<_> = mechanisms.chain(found.controls.iter().map(|findings| of(findings, true))).collect();
    values::of(py, &serde_json::json!({ "passed": found.passed(), "mechanisms": all }))
}
