//! Does the accuracy loss predict? Random choices of participants and modes are trained, and Phi is ranked against the measured test loss.

mod assumptions;
mod choices;
mod objectives;
mod path;

use super::by_seed::BySeed;
use super::findings::Findings;
use super::grid;
use super::journal::Journal;
use super::lab::{Lab, Score};
use super::world::{Place, World};
use assumptions::{BEFORE, Constants, MEASURED, Predictor, gradient};
use choices::choose;
use imfl_mechanism::objective::{Pilot, Prediction};
use imfl_mechanism::{Bias, LossModel, Market, Mode, Terms, Weights};
use imfl_report::Table;
use imfl_report::chart::{Axis, Chart, Series, Style};
use imfl_report::plot::class_colour;
use imfl_run::failure::{Failure, Kind, Outcome};
use imfl_statistics::{Interval, median, rank_correlation};
use objectives::{Case, HeldOut};
use path::{Path, Point};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// The experiment's own settings.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Grid {
    /// Random choices of participants and modes for each seed.
    pub choices: u64,
    /// Gradients are measured before every so many rounds, and at the end.
    pub every: u64,
}

/// One choice, with what Phi says and what was measured.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Tried {
    modes: Vec<Mode>,
    /// Terms of Phi at the learning rate that was used.
    aligned: Terms,
    mixture: Terms,
    /// Terms of Phi at the largest rate for which the theorem holds.
    aligned_small: Terms,
    mixture_small: Terms,
    score: Score,
    /// What the terms claim to bound.
    path: Vec<Point>,
}

/// Runs the grid.
pub fn run(world: &World, journal: &mut Journal, seeds: &[u64], grid: &Grid) -> Outcome<Findings> {
    if grid.choices < 3 {
        return Err(Failure::new(Kind::Config, "`grid.choices` must be at least 3: fewer have no rank correlation"));
    }
    if grid.every == 0 {
        return Err(Failure::new(Kind::Config, "`grid.every` must be at least 1"));
    }
    let cells: Vec<(u64, u64)> =
        seeds.iter().flat_map(|&seed| (0..grid.choices).map(move |choice| (seed, choice))).collect();
    let labs = BySeed::new(|seed| Lab::open(world.place(seed, |_| ())?));
    let tried = grid::run("random choices", journal, &cells, 1, |&(seed, choice)| {
        let lab = labs.of(seed)?;
        let place = &lab.place;
        let modes = choose(seed, choice, grid.choices, place.clients.len(), place.setup.generator.is_some());
        let small = world.largest_rate(&place.setup.config);
        let terms =
            |bias, rate| Ok::<_, Failure>(valued(place, bias, rate)?.appraisal(&modes).terms().unwrap_or_default());
        let used = place.setup.config.training.rate;
        let participants = lab.participants(&modes);
        let mut path = Path::new(&lab, &modes, &participants, grid.every);
        let score = lab.watch(&participants, |round, state| path.see(round, state))?;
        Ok(Tried {
            aligned: terms(Bias::Aligned, used)?,
            mixture: terms(Bias::Mixture, used)?,
            aligned_small: terms(Bias::Aligned, small)?,
            mixture_small: terms(Bias::Mixture, small)?,
            score,
            path: path.points,
            modes,
        })
    })?;
    let by_seed: Vec<&[Tried]> = tried.chunks(grid.choices as usize).collect();
    let cases = cases(world, seeds, &by_seed)?;
    let objectives = objectives::compare(&cases, &worths(world));
    let mut findings = findings(world, seeds, by_seed, &objectives)?;
    findings.values.insert("tried".into(), cases.iter().flatten().map(objectives::json).collect());
    Ok(findings)
}

/// The choices with what they train on and what they cost.
fn cases(world: &World, seeds: &[u64], by_seed: &[&[Tried]]) -> Outcome<Vec<Vec<Case>>> {
    let of_seed = |(&seed, tried): (&u64, &&[Tried])| {
        let market = world.place(seed, |_| ())?.market;
        let case = |tried: &Tried| {
            let (authentic, generated) = market.counts(&tried.modes)?;
            let costs = market.costs().iter().zip(&tried.modes).filter(|(_, mode)| mode.plays());
            let measured = Prediction { loss: tried.score.loss, error: 1.0 - tried.score.accuracy };
            let update = market.update(&tried.modes);
            Ok(Case {
                pilot: Pilot { authentic, generated, update, measured, group: seed.to_string() },
                phi: tried.mixture_small.total(),
                cost: costs.map(|(cost, &mode)| cost.of(mode).to_f64()).sum(),
            })
        };
        tried.iter().map(case).collect::<Outcome<Vec<Case>>>()
    };
    seeds.iter().zip(by_seed).map(of_seed).collect()
}

/// Credits for a point at which decisions are compared: the setting, a fifth and five times as much.
fn worths(world: &World) -> [f64; 3] {
    [0.2, 1.0, 5.0].map(|times| times * world.setup.config.mechanism.worth)
}

/// The market with another bound on the bias and another learning rate.
fn valued(place: &Place, bias: Bias, rate: f64) -> Outcome<Market> {
    let model = place.market.bound().ok_or_else(|| Failure::new(Kind::Config, "only the bound has terms"))?;
    let constants = imfl_mechanism::Constants { rate, ..*model.constants() };
    let model = LossModel::new(constants, model.theta(), model.kappa(), bias, Weights::Effective)?;
    Ok(Market::new(place.market.population().clone(), model)?)
}

/// What each seed's choices came to.
struct Seen<'a> {
    by_seed: Vec<(&'a [Tried], Constants)>,
}

impl Seen<'_> {
    /// Spearman's rank correlation with something that was measured, over seeds.
    fn correlation(&self, predictor: &Predictor, measured: fn(&Tried) -> f64) -> Interval {
        let of = |(tried, known): &(&[Tried], Constants)| {
            let pairs = tried.iter().map(|tried| ((predictor.of)(tried, known), measured(tried)));
            let (predicted, found): (Vec<f64>, Vec<f64>) = pairs.unzip();
            rank_correlation(&predicted, &found).ok()
        };
        self.by_seed.iter().filter_map(of).collect()
    }

    fn all(&self) -> impl Iterator<Item = &Tried> {
        self.by_seed.iter().flat_map(|(tried, _)| tried.iter())
    }

    fn median(&self, part: impl Fn(&Tried) -> f64) -> f64 {
        median(&self.all().map(part).collect::<Vec<f64>>())
    }

    fn table(&self, title: String, predictors: &[Predictor]) -> Table {
        let row = |predictor: &Predictor| {
            let cells = [test_loss as fn(&Tried) -> f64, gradient].map(|measured| {
                let Interval { mean, low, high } = self.correlation(predictor, measured);
                [format!("{mean:.3}"), format!("{low:.3} to {high:.3}")]
            });
            [vec![predictor.name.to_string()], cells.concat()].concat()
        };
        Table {
            title,
            header: ["ranked by", "test loss", "95 % interval", "gradient norm", "95 % interval"]
                .map(String::from)
                .into(),
            rows: predictors.iter().map(row).collect(),
        }
    }

    /// Medians of what terms say and of what they claim to bound.
    fn sizes(&self) -> Table {
        let row = |name: &str, claimed: f64, measured: f64| {
            vec![
                name.to_string(),
                format!("{claimed:.4}"),
                format!("{measured:.4}"),
                format!("{:.0}", claimed / measured),
            ]
        };
        let along = |part: fn(&Point) -> f64| self.median(|tried| path::mean(&tried.path, part));
        let rows = vec![
            row(
                "bias and finite data",
                self.median(|t| t.mixture_small.bias + t.mixture_small.finite_data),
                4.0 * along(|at| at.error),
            ),
            row("drift", self.median(|t| t.mixture_small.drift), 4.0 * along(|at| at.drift.unwrap_or(f64::NAN))),
            row(
                "Phi, and the squared gradient norm",
                self.median(|t| t.mixture_small.total()),
                along(|at| at.gradient),
            ),
        ];
        Table {
            title: "What terms of Phi say and what they bound, medians over all choices".into(),
            header: ["term", "says", "measured", "times as much"].map(String::from).into(),
            rows,
        }
    }
}

fn test_loss(tried: &Tried) -> f64 {
    tried.score.loss
}

fn findings(world: &World, seeds: &[u64], by_seed: Vec<&[Tried]>, objectives: &[HeldOut]) -> Outcome<Findings> {
    let assessment = &world.measured.assessment;
    let known = |tried: &[Tried]| Constants::of(assessment.g_data, assessment.sigma.powi(2), tried);
    let seen = Seen { by_seed: by_seed.into_iter().map(|tried| (tried, known(tried))).collect() };
    let correlations = |predictors: &[Predictor]| -> serde_json::Value {
        let of = |predictor: &Predictor| {
            json!({
                "predictor": predictor.name,
                "spearman": seen.correlation(predictor, test_loss),
                "spearman_gradient": seen.correlation(predictor, gradient),
            })
        };
        predictors.iter().map(of).collect()
    };
    let [mixture, aligned] = [0, 1].map(|index| seen.correlation(&BEFORE[index], test_loss).mean);
    let bounded = seen.correlation(&BEFORE[0], gradient).mean;
    let choices = seen.by_seed.first().map_or(0, |(tried, _)| tried.len());
    let rate = world.setup.config.training.rate / world.largest_rate(&world.setup.config);
    let mut values = serde_json::Map::new();
    values.insert("choices".into(), json!(choices));
    values.insert("rate_times_the_theorems".into(), json!(rate));
    values.insert("spearman_mixture".into(), json!(mixture));
    values.insert("spearman_aligned".into(), json!(aligned));
    values.insert("spearman_mixture_gradient".into(), json!(bounded));
    values.insert("correlations".into(), correlations(&BEFORE));
    values.insert("objectives".into(), json!(objectives));
    values.insert("assumptions".into(), correlations(&MEASURED));
    let over = format!("Spearman's rank correlation over {choices} random choices, mean over {} seeds", seeds.len());
    let tables = vec![
        objectives::table(objectives),
        seen.table(format!("{over}: what is known before training"), &BEFORE),
        seen.table(format!("{over}: Phi with parts replaced by what was measured along each choice's path"), &MEASURED),
        seen.sizes(),
    ];
    let cloud = |name, title: &str, label, measured: fn(&Tried) -> f64| {
        Chart {
        name,
        title: title.into(),
        caption: "A dot for each random choice of participants and modes: Phi with the mixture bias before training, and what was measured."
            .into(),
        x: Axis::logarithmic("Phi (mixture, rate of the theorem)"),
        y: Axis::logarithmic(label),
        series: seen
            .by_seed
            .iter()
            .enumerate()
            .map(|(index, (tried, _))| Series {
                name: format!("seed {}", seeds[index]),
                colour: class_colour(index),
                style: Style::Dots,
                points: tried.iter().map(|tried| (tried.mixture_small.total(), Interval::exactly(measured(tried)))).collect(),
            })
            .collect(),
    }
    };
    let figures = vec![
        cloud("phi_and_loss", "Phi and the test loss", "test loss", test_loss).draw()?,
        cloud(
            "phi_and_gradient",
            "Phi and the gradient norm that it bounds",
            "squared gradient norm, mean over rounds",
            gradient,
        )
        .draw()?,
    ];
    let verdict = if mixture >= 0.7 { "at least" } else { "below" };
    let notes = vec![
        format!("The rank correlation of Phi (mixture) with the test loss is {mixture:.3}, {verdict} 0.7."),
        format!(
            "With the mean squared gradient norm, which is what the theorem bounds, it is {bounded:.3}; clients learn at {rate:.2} times \
             the largest rate for which it holds."
        ),
    ];
    Ok(Findings { values, tables, figures, notes })
}
