//! Fitting a forecast to pilots: several laws, least squares, and cross-validation that chooses among them. Deterministic throughout.

mod family;
mod held_out;
mod least_squares;
mod quantity;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::error::{Error, Result};
use crate::objective::appraisal::Prediction;
use crate::objective::fit::family::{FAMILIES, Family, value};
use crate::objective::fit::held_out::{by_size, folds, held_out};
use crate::objective::fit::quantity::{ERROR, LOSS, Quantity};
use crate::objective::forecast::{Fitted, Forecast, HeldOut};
use crate::objective::law::Law;
use crate::objective::pilot::Pilot;

/// The fewest pilots that are fitted.
const FEWEST: usize = 6;
/// Where there are so many pilots or more, a law also has to predict the largest from the others: a run has more data than any pilot.
const ENOUGH: usize = 12;
/// The fewest pilots that may show a floor in a law that looks at steps.
const FLOOR: usize = 24;
/// How much smaller the residual of a law with a floor has to be than that of one without, as a share of it.
const SHOWN: f64 = 0.85;

/// How a family did on held-out pilots.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Candidate {
    /// What is predicted: `error` or `loss`.
    pub quantity: &'static str,
    /// The family's name.
    pub law: &'static str,
    /// On held-out pilots.
    pub held_out: HeldOut,
    /// Root mean square of relative residuals on held-out pilots: half of it of pilots in turn, half of the largest ones, predicted from smaller ones.
    /// The law is chosen by it.
    pub score: f64,
    /// Whether it was chosen.
    pub chosen: bool,
}

/// A forecast, and what it was chosen among.
#[derive(Debug, Clone, PartialEq)]
pub struct Fit {
    /// The forecast.
    pub forecast: Forecast,
    /// Every law that was tried.
    pub candidates: Vec<Candidate>,
}

/// The forecast that pilots suggest. `nobody` is loss and error before training, `target` the label shares of what is predicted (uniform if absent),
/// `about` what the pilots were.
///
/// # Errors
/// [`Error::Forecast`] for too few pilots, or pilots with different numbers of classes.
pub fn fit(pilots: &[Pilot], nobody: Prediction, target: Option<Vec<f64>>, about: &str) -> Result<Fit> {
    let fail = |problem: String| Err(Error::Forecast { key: "pilots".into(), problem });
    if pilots.len() < FEWEST {
        return fail(format!("there are {}; a fit needs at least {FEWEST}, better 8 or more", pilots.len()));
    }
    let classes = pilots[0].authentic.len();
    if pilots.iter().any(|pilot| pilot.authentic.len() != classes || pilot.generated.len() != classes) {
        return fail("do not all have the same number of classes".into());
    }
    if let Some(empty) =
        pilots.iter().position(|pilot| pilot.authentic.iter().chain(&pilot.generated).all(|count| *count == 0))
    {
        return fail(format!("number {} trained on nothing; leave it out, that is what `nobody` is for", empty + 1));
    }
    let shares = target.clone().unwrap_or_else(|| vec![1.0 / classes as f64; classes]);
    let mut candidates = Vec::new();
    let (error, of_error) = choose(pilots, &shares, &ERROR, &mut candidates)?;
    let (loss, of_loss) = choose(pilots, &shares, &LOSS, &mut candidates)?;
    let fitted =
        Fitted { pilots: pilots.len(), about: about.into(), error: of_error, loss: of_loss, settings: BTreeMap::new() };
    let forecast = Forecast { classes, target, nobody, error, loss, fitted: Some(fitted) };
    forecast.check()?;
    Ok(Fit { forecast, candidates })
}

/// A family that was tried.
struct Tried {
    family: Family,
    held_out: HeldOut,
    score: f64,
}

/// The law that predicts held-out pilots best, fitted to all of them.
fn choose(
    pilots: &[Pilot],
    target: &[f64],
    quantity: &Quantity,
    candidates: &mut Vec<Candidate>,
) -> Result<(Law, HeldOut)> {
    let families = FAMILIES.into_iter().filter(|family| family.seen(pilots));
    let tried: Vec<Tried> = families.filter_map(|family| attempt(family, pilots, target, quantity)).collect();
    let plain = best(&tried, |family| !family.steps);
    // Few pilots cannot tell a floor from a slow decline beside steps as well.
    let stepped = best(&tried, |family| family.steps && (pilots.len() >= FLOOR || !family.floor));
    // Steps are looked at only where nothing that is said of held-out pilots gets worse by it.
    let better = |than: &usize| {
        let (with, without) = (&tried[*than].held_out, plain.map(|at| &tried[at].held_out));
        without.is_none_or(|without| with.r2 >= without.r2 && with.error <= without.error)
    };
    let chosen = stepped.filter(better).or(plain);
    candidates.extend(tried.iter().enumerate().map(|(at, Tried { family, held_out, score })| Candidate {
        quantity: quantity.name,
        law: family.name,
        held_out: *held_out,
        score: *score,
        chosen: chosen == Some(at),
    }));
    let all: Vec<&Pilot> = pilots.iter().collect();
    let fitted = chosen.and_then(|at| Some((tried[at].family.fit(&all, target, quantity)?, tried[at].held_out)));
    let problem = "too few, or too alike, to choose a law by holding some of them out";
    fitted.ok_or_else(|| Error::Forecast { key: "pilots".into(), problem: problem.into() })
}

/// Which of some families has the best score, the first of equally good ones. A floor must be shown: it decides what more data than any pilot had
/// would bring.
fn best(tried: &[Tried], among: impl Fn(&Family) -> bool) -> Option<usize> {
    let mut best: Option<usize> = None;
    let order = |floor: bool| (0..tried.len()).filter(move |at| tried[*at].family.floor == floor);
    for at in order(false).chain(order(true)).filter(|at| among(&tried[*at].family)) {
        let shown = |than: &Tried| if tried[at].family.floor && !than.family.floor { SHOWN } else { 1.0 };
        if best.is_none_or(|than| tried[at].score < shown(&tried[than]) * tried[than].score) {
            best = Some(at);
        }
    }
    best
}

/// How a family does on pilots that are held out in turn, and on the largest ones; `None` if it cannot be fitted to the others.
fn attempt(family: Family, pilots: &[Pilot], target: &[f64], quantity: &Quantity) -> Option<Tried> {
    let folds = folds(pilots);
    let mut predicted = vec![f64::NAN; pilots.len()];
    for fold in 0..=folds.iter().copied().max().unwrap_or(0) {
        let known: Vec<&Pilot> =
            pilots.iter().zip(&folds).filter(|(_, of)| **of != fold).map(|(pilot, _)| pilot).collect();
        if known.len() <= family.parameters(pilots) {
            return None;
        }
        let law = family.fit(&known, target, quantity)?;
        for (at, pilot) in pilots.iter().enumerate().filter(|(at, _)| folds[*at] == fold) {
            predicted[at] = value(&law, pilot, target);
        }
    }
    if predicted.iter().any(|value| !value.is_finite()) {
        return None;
    }
    let measured: Vec<f64> = pilots.iter().map(|pilot| (quantity.of)(&pilot.measured)).collect();
    let known = held_out(&predicted, &measured, quantity);
    let mean = |predicted: &[f64], among: &[usize]| {
        let square = |at: &usize| ((predicted[*at] - measured[*at]) / (measured[*at] + quantity.least)).powi(2);
        among.iter().map(square).sum::<f64>() / among.len() as f64
    };
    let everyone: Vec<usize> = (0..pilots.len()).collect();
    let inside = mean(&predicted, &everyone);
    if pilots.len() < ENOUGH {
        return Some(Tried { family, held_out: known, score: inside.sqrt() });
    }
    let (small, large) = by_size(pilots);
    let law = family.fit(&small.iter().map(|&at| &pilots[at]).collect::<Vec<_>>(), target, quantity)?;
    let further: Vec<f64> = pilots.iter().map(|pilot| value(&law, pilot, target)).collect();
    let off = large.iter().map(|&at| (further[at] - measured[at]).abs()).sum::<f64>() / large.len() as f64;
    let held_out = HeldOut { beyond: Some(off * quantity.units), ..known };
    let beyond = mean(&further, &large);
    Some(Tried { family, held_out, score: (0.5 * inside + 0.5 * beyond).sqrt() })
}
