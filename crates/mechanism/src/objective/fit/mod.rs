//! Fitting a forecast to pilots: several laws, least squares, and cross-validation that chooses among them. Deterministic throughout.

mod family;
mod held_out;
mod least_squares;
mod quantity;

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
/// The fewest pilots that may show a floor.
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

/// The law that predicts held-out pilots best, fitted to all of them.
fn choose(
    pilots: &[Pilot],
    target: &[f64],
    quantity: &Quantity,
    candidates: &mut Vec<Candidate>,
) -> Result<(Law, HeldOut)> {
    let folds = folds(pilots);
    let mut best: Option<(f64, usize, Family, HeldOut)> = None;
    let stepped = pilots.iter().all(|pilot| pilot.steps.is_some());
    let families = || FAMILIES.into_iter().filter(|family| stepped || !family.steps);
    // Few pilots cannot tell a floor from a slow decline, and a wrong one forbids what more data brings.
    let with_floor = |best: bool| pilots.len() >= FLOOR || !best;
    let (bare, floored): (Vec<Family>, Vec<Family>) = families().partition(|family| !family.floor);
    for family in bare.into_iter().chain(floored) {
        if family.floor && !with_floor(best.as_ref().is_some_and(|(.., than, _)| !than.floor)) {
            continue;
        }
        let mut predicted = vec![f64::NAN; pilots.len()];
        for fold in 0..=folds.iter().copied().max().unwrap_or(0) {
            let known: Vec<&Pilot> =
                pilots.iter().zip(&folds).filter(|(_, of)| **of != fold).map(|(pilot, _)| pilot).collect();
            if known.len() <= family.parameters(pilots) {
                continue;
            }
            let Some(law) = family.fit(&known, target, quantity) else { continue };
            for (at, pilot) in pilots.iter().enumerate().filter(|(at, _)| folds[*at] == fold) {
                predicted[at] = value(&law, pilot, target);
            }
        }
        if predicted.iter().any(|value| !value.is_finite()) {
            continue;
        }
        let measured: Vec<f64> = pilots.iter().map(|pilot| (quantity.of)(&pilot.measured)).collect();
        let held_out = held_out(&predicted, &measured, quantity);
        let square =
            |(predicted, measured): (&f64, &f64)| ((predicted - measured) / (measured + quantity.least)).powi(2);
        let mean = |predicted: &[f64], among: &[usize]| {
            among.iter().map(|&at| square((&predicted[at], &measured[at]))).sum::<f64>() / among.len() as f64
        };
        let everyone: Vec<usize> = (0..pilots.len()).collect();
        let inside = mean(&predicted, &everyone);
        let (small, large) = by_size(pilots);
        let beyond = match pilots.len() >= ENOUGH {
            true => {
                let known: Vec<&Pilot> = small.iter().map(|&at| &pilots[at]).collect();
                let Some(law) = family.fit(&known, target, quantity) else { continue };
                let further: Vec<f64> = pilots.iter().map(|pilot| value(&law, pilot, target)).collect();
                mean(&further, &large)
            }
            false => inside,
        };
        let score = (0.5 * inside + 0.5 * beyond).sqrt();
        candidates.push(Candidate { quantity: quantity.name, law: family.name, held_out, score, chosen: false });
        // A floor must be shown: it decides what more data than any pilot had would bring.
        let bar = |(least, _, than, _): &(f64, usize, Family, HeldOut)| {
            if family.floor && !than.floor { SHOWN * least } else { *least }
        };
        if best.as_ref().is_none_or(|best| score < bar(best)) {
            best = Some((score, candidates.len() - 1, family, held_out));
        }
    }
    let all: Vec<&Pilot> = pilots.iter().collect();
    let found = best.and_then(|(_, at, family, held_out)| Some((at, family.fit(&all, target, quantity)?, held_out)));
    let Some((at, law, held_out)) = found else {
        let problem = "too few, or too alike, to choose a law by holding some of them out".into();
        return Err(Error::Forecast { key: "pilots".into(), problem });
    };
    candidates[at].chosen = true;
    Ok((law, held_out))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objective::law::{By, Mix};
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    /// Pilots that follow a law, but for relative noise.
    fn pilots(seed: u64, count: usize, law: &Law, noise: f64, generated: bool) -> Vec<Pilot> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        (0..count)
            .map(|at| {
                let size = 10f64.powf(rng.random_range(1.5..3.5));
                let power = rng.random_range(0.0..5.0);
                let mut count = |most: f64| (most * rng.random::<f64>().powf(power)) as u64;
                let authentic: Vec<u64> = (0..5).map(|_| 1 + count(size)).collect();
                let made: Vec<u64> = (0..5).map(|_| if generated { count(size) } else { 0 }).collect();
                let mut pilot = Pilot {
                    authentic,
                    generated: made,
                    mix: Some(rng.random_range(0.0..1.5)),
                    steps: Some(rng.random_range(2.0..60.0)),
                    measured: Prediction { loss: 0.0, error: 0.0 },
                    group: (at / 5).to_string(),
                };
                let value = value(law, &pilot, &[0.2; 5]) * (noise * rng.random_range(-1.0..1.0f64)).exp();
                pilot.measured = Prediction { loss: 3.0 * value, error: value.min(1.0) };
                pilot
            })
            .collect()
    }

    const LAW: Law = Law {
        by: By::Class,
        floor: 0.02,
        scale: 0.12,
        offset: 10.0,
        exponent: 0.7,
        generated: 0.6,
        mix: None,
        steps: None,
    };

    #[test]
    fn a_law_is_found_again_and_predicts_what_it_has_not_seen() {
        for (law, name) in [
            (LAW, "class"),
            (Law { mix: Some(Mix { scale: 0.1, exponent: 1.3 }), ..LAW }, "class + mix"),
            (Law { by: By::Samples, ..LAW }, "samples"),
            (Law { steps: Some(0.5), floor: 0.0, ..LAW }, "class + "),
        ] {
            let nobody = Prediction { loss: 2.3, error: 0.8 };
            let found = fit(&pilots(1, 60, &law, 0.02, true), nobody, None, "made up").unwrap();
            let chosen = found.candidates.iter().find(|of| of.chosen && of.quantity == "error").unwrap();
            // the richer family contains the simpler one, so it may win by chance
            assert!(chosen.law.starts_with(name), "{name}: {:?}", found.candidates);
            let fitted = found.forecast.fitted.as_ref().unwrap();
            assert!(
                fitted.error.spearman > 0.97 && fitted.error.r2 > 0.97 && fitted.error.error < 1.0,
                "{name}: {fitted:?}"
            );
            assert!((found.forecast.error.generated - 0.6).abs() < 0.15, "{name}: {:?}", found.forecast.error);
            for pilot in pilots(2, 100, &law, 0.0, true) {
                let predicted =
                    found.forecast.predict(&pilot.authentic, &pilot.generated, pilot.mix, pilot.steps).unwrap();
                let ratio = (predicted.error + 0.005) / (pilot.measured.error + 0.005);
                assert!((0.8..1.25).contains(&ratio), "{name}: {ratio} at {:?}", pilot);
            }
            // it is written and read back to the bit
            assert_eq!(Forecast::parse(&found.forecast.to_toml()).unwrap(), found.forecast);
        }
    }

    /// Holding out can say no: where counts tell nothing, nothing is claimed.
    #[test]
    fn noise_is_not_predicted() {
        let mut noise = pilots(3, 40, &LAW, 0.0, false);
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        for pilot in &mut noise {
            pilot.measured = Prediction { loss: rng.random_range(0.5..2.0), error: rng.random_range(0.1..0.9) };
        }
        let fitted = fit(&noise, Prediction { loss: 2.3, error: 0.8 }, None, "").unwrap().forecast.fitted.unwrap();
        assert!(fitted.error.r2 < 0.3 && fitted.error.spearman < 0.5, "{fitted:?}");
    }

    #[test]
    fn a_generated_sample_that_no_pilot_has_is_worth_nothing_and_eight_pilots_suffice() {
        let found = fit(&pilots(4, 8, &LAW, 0.02, false), Prediction { loss: 2.3, error: 0.8 }, None, "").unwrap();
        assert_eq!(found.forecast.error.generated, 0.0);
        assert!(found.forecast.fitted.unwrap().error.spearman > 0.8);
    }

    #[test]
    fn errors_stay_below_one_without_data() {
        let found = fit(&pilots(6, 40, &LAW, 0.05, true), Prediction { loss: 2.3, error: 0.8 }, None, "").unwrap();
        let law = found.forecast.error;
        assert!(law.floor + law.scale * law.decay(0.0) <= 1.0 + 1e-9);
    }

    #[test]
    fn pilots_that_cannot_be_fitted_are_refused() {
        let nobody = Prediction { loss: 2.3, error: 0.8 };
        let few = pilots(1, 4, &LAW, 0.0, true);
        assert!(fit(&few, nobody, None, "").unwrap_err().to_string().contains("at least 6"));
        let mut other = pilots(1, 10, &LAW, 0.0, true);
        other[3].authentic.pop();
        assert!(fit(&other, nobody, None, "").unwrap_err().to_string().contains("same number of classes"));
        let mut empty = pilots(1, 10, &LAW, 0.0, true);
        (empty[2].authentic, empty[2].generated) = (vec![0; 5], vec![0; 5]);
        assert!(fit(&empty, nobody, None, "").unwrap_err().to_string().contains("number 3 trained on nothing"));
    }
}
