//! Does the accuracy loss predict? Random choices of participants and modes are trained, and Phi is ranked against the measured test loss.

mod path;

use super::by_seed::BySeed;
use super::figure::{Axis, Chart, Series, Style};
use super::findings::{Findings, Table};
use super::grid;
use super::journal::Journal;
use super::lab::{Lab, Score};
use super::statistics::{Interval, spearman};
use super::world::{Place, World};
use crate::failure::{Failure, Kind, Outcome};
use crate::report::plot::class_colour;
use imfl_engine::random::{Purpose, keyed};
use imfl_mechanism::{Bias, Constants, LossModel, Market, Mode, Terms, Weights};
use path::{Path, Point};
use rand::RngExt;
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
    let cells: Vec<(u64, u64)> =
        seeds.iter().flat_map(|&seed| (0..grid.choices).map(move |choice| (seed, choice))).collect();
    let labs = BySeed::new(|seed| Lab::open(world.place(seed, |_| ())?));
    let tried = grid::run("random choices", journal, &cells, 1, |&(seed, choice)| {
        let lab = labs.of(seed)?;
        let place = &lab.place;
        let modes = draw(seed, choice, place.clients.len(), place.setup.generator.is_some());
        let small = world.largest_rate(&place.setup.config);
        let terms = |bias, rate| Ok::<_, Failure>(valued(place, bias, rate)?.terms(&modes));
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
    findings(seeds, tried.chunks(grid.choices as usize).collect())
}

/// A choice: how many take part and how many of them generate varies from choice to choice; at least one takes part.
fn draw(seed: u64, choice: u64, clients: usize, generator: bool) -> Vec<Mode> {
    let mut random = keyed(seed, Purpose::Experiment, 1, choice, 0);
    let (plays, generates): (f64, f64) = (random.random(), random.random());
    let sure = random.random_range(0..clients);
    let mut mode = |client: usize| {
        let (takes_part, augments) = (random.random::<f64>() < plays, random.random::<f64>() < generates);
        match (takes_part || client == sure, augments && generator) {
            (false, _) => Mode::Out,
            (true, false) => Mode::Local,
            (true, true) => Mode::Augmented,
        }
    };
    (0..clients).map(&mut mode).collect()
}

/// The market with another bound on the bias and another learning rate.
fn valued(place: &Place, bias: Bias, rate: f64) -> Outcome<Market> {
    let model = place.market.model();
    let constants = Constants { rate, ..*model.constants() };
    let model = LossModel::new(constants, model.theta(), model.kappa(), bias, Weights::Effective)?;
    Ok(Market::new(place.market.population().clone(), model)?)
}

/// Something that is ranked against the test loss.
type Predictor = (&'static str, fn(&Tried) -> f64);

/// Phi, its terms, and simpler guesses to compare with.
const PREDICTORS: [Predictor; 10] = [
    ("Phi, mixture, rate of the theorem", |tried| tried.mixture_small.total()),
    ("Phi, aligned, rate of the theorem", |tried| tried.aligned_small.total()),
    ("Phi, mixture, rate that was used", |tried| tried.mixture.total()),
    ("Phi, aligned, rate that was used", |tried| tried.aligned.total()),
    ("term: bias, mixture", |tried| tried.mixture.bias),
    ("term: bias, aligned", |tried| tried.aligned.bias),
    ("term: finite data", |tried| tried.mixture.finite_data),
    ("term: drift", |tried| tried.mixture.drift),
    ("term: averaged noise", |tried| tried.mixture.averaged_noise),
    ("fewer participants", |tried| -(tried.modes.iter().filter(|mode| mode.plays()).count() as f64)),
];

fn findings(seeds: &[u64], by_seed: Vec<&[Tried]>) -> Outcome<Findings> {
    let correlation = |predictor: fn(&Tried) -> f64| {
        let of = |tried: &&[Tried]| {
            spearman(&tried.iter().map(|tried| (predictor(tried), tried.score.loss)).collect::<Vec<_>>())
        };
        Interval::of(&by_seed.iter().map(of).filter(|value| value.is_finite()).collect::<Vec<f64>>())
    };
    let rows = PREDICTORS.map(|(name, predictor)| {
        let Interval { mean, low, high } = correlation(predictor);
        vec![name.to_string(), format!("{mean:.3}"), format!("{low:.3} to {high:.3}")]
    });
    let correlations: Vec<_> = PREDICTORS
        .iter()
        .map(|(name, predictor)| json!({ "predictor": name, "spearman": correlation(*predictor) }))
        .collect();
    let mixture = correlation(PREDICTORS[0].1).mean;
    let choices = by_seed.first().map_or(0, |tried| tried.len());
    let mut values = serde_json::Map::new();
    values.insert("choices".into(), json!(choices));
    values.insert("spearman_mixture".into(), json!(mixture));
    values.insert("spearman_aligned".into(), json!(correlation(PREDICTORS[1].1).mean));
    values.insert("correlations".into(), json!(correlations));
    let table = Table {
        title: format!(
            "Spearman's rank correlation with the test loss over {choices} random choices, mean over {} seeds",
            seeds.len()
        ),
        header: ["predictor", "correlation", "95 % interval"].map(String::from).into(),
        rows: rows.into(),
    };
    let cloud = |(index, tried): (usize, &&[Tried])| Series {
        name: format!("seed {}", seeds[index]),
        colour: class_colour(index),
        style: Style::Dots,
        points: tried.iter().map(|tried| (tried.mixture_small.total(), exactly(tried.score.loss))).collect(),
    };
    let chart = Chart {
        name: "phi_and_loss",
        title: "Phi and the test loss".into(),
        caption: "A dot for each random choice of participants and modes: Phi with the mixture bias, against the test loss measured after training.".into(),
        x: Axis::logarithmic("Phi (mixture, rate of the theorem)"),
        y: Axis::logarithmic("test loss"),
        series: by_seed.iter().enumerate().map(cloud).collect(),
    };
    let verdict = if mixture >= 0.7 { "at least" } else { "below" };
    let notes =
        vec![format!("The rank correlation of Phi (mixture) with the test loss is {mixture:.3}, {verdict} 0.7.")];
    Ok(Findings { values, tables: vec![table], figures: vec![chart.draw()?], notes })
}

fn exactly(mean: f64) -> Interval {
    Interval { mean, low: mean, high: mean }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_differ_are_repeatable_and_never_empty() {
        let all: Vec<Vec<Mode>> = (0..40).map(|choice| draw(1, choice, 8, true)).collect();
        assert!(all.iter().all(|modes| modes.iter().any(|mode| mode.plays())));
        assert_eq!(all[7], draw(1, 7, 8, true));
        let mut distinct = all.clone();
        distinct.sort();
        distinct.dedup();
        assert!(distinct.len() > 30, "{}", distinct.len());
        assert!((0..40).all(|choice| !draw(1, choice, 8, false).contains(&Mode::Augmented)));
    }
}
