//! Fitting a forecast to pilots: several laws, least squares, and cross-validation that chooses among them. Deterministic throughout.
//!
//! A law is linear in E, A and B, so for given alpha, o, rho and beta these follow from a small non-negative least-squares problem; the
//! others are found by a grid and, from its best points, by steps along the axes that halve. Residuals are relative to what was measured, so
//! good and bad trainings count alike.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use statrs::statistics::{Data, OrderStatistics, RankTieBreaker};

use crate::error::{Error, Result};
use crate::objective::appraisal::Prediction;
use crate::objective::forecast::{Fitted, Forecast, HeldOut};
use crate::objective::law::{By, Law, Mix};
use crate::objective::pilot::Pilot;

/// The fewest pilots that are fitted.
const FEWEST: usize = 6;
/// Parts that pilots without groups are held out in, and the most there are with groups.
const FOLDS: usize = 8;
/// Where there are so many pilots or more, a law also has to predict the largest from the others: a run has more data than any pilot.
const ENOUGH: usize = 12;
/// How much smaller the residual of a law with a floor has to be than that of one without, as a share of it.
const SHOWN: f64 = 0.85;
/// How many those are: one in so many.
const LARGE: usize = 4;

/// What a law is fitted to.
#[derive(Debug, Clone, Copy)]
struct Quantity {
    name: &'static str,
    of: fn(&Prediction) -> f64,
    /// Added to what is measured where residuals are made relative: below it differences do not matter.
    least: f64,
    /// The largest value that the law may take without any data.
    most: f64,
    /// Units of the held-out error in the quantity's own.
    units: f64,
}

const LOSS: Quantity = Quantity { name: "loss", of: |of| of.loss, least: 1e-3, most: f64::INFINITY, units: 1.0 };
const ERROR: Quantity = Quantity { name: "error", of: |of| of.error, least: 5e-3, most: 1.0, units: 100.0 };

/// A family of laws.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Family {
    name: &'static str,
    by: By,
    mix: bool,
    /// Whether something is left that no amount of data removes (E above 0).
    floor: bool,
    /// alpha, beta and o where they are not fitted.
    fixed: Option<(f64, f64, f64)>,
}

/// From the simplest to the richest: of equally good ones the first is taken. `bound` has the two terms of the convergence bound that counts
/// determine, one over samples and squared bias.
const FAMILIES: [Family; 7] = [
    Family { name: "samples", by: By::Samples, mix: false, floor: true, fixed: None },
    Family { name: "bound", by: By::Samples, mix: true, floor: true, fixed: Some((1.0, 2.0, 1.0)) },
    Family { name: "samples + mix", by: By::Samples, mix: true, floor: true, fixed: None },
    Family { name: "class, no floor", by: By::Class, mix: false, floor: false, fixed: None },
    Family { name: "class + mix, no floor", by: By::Class, mix: true, floor: false, fixed: None },
    Family { name: "class", by: By::Class, mix: false, floor: true, fixed: None },
    Family { name: "class + mix", by: By::Class, mix: true, floor: true, fixed: None },
];

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
    for family in FAMILIES {
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

/// Pilots with few samples, and the quarter with the most.
fn by_size(pilots: &[Pilot]) -> (Vec<usize>, Vec<usize>) {
    let size = |at: &usize| pilots[*at].authentic.iter().chain(&pilots[*at].generated).sum::<u64>();
    let mut order: Vec<usize> = (0..pilots.len()).collect();
    order.sort_by_key(size);
    let large = order.split_off(pilots.len() - pilots.len() / LARGE);
    (order, large)
}

/// The part in which each pilot is held out: by groups if there are three or more, otherwise in turn.
fn folds(pilots: &[Pilot]) -> Vec<usize> {
    let groups: Vec<&str> =
        pilots.iter().map(|pilot| pilot.group.as_str()).collect::<BTreeSet<_>>().into_iter().collect();
    let group = |pilot: &Pilot| groups.iter().position(|group| *group == pilot.group).unwrap_or(0);
    match groups.len() {
        ..=2 => (0..pilots.len()).map(|at| at % FOLDS.min(pilots.len())).collect(),
        _ => pilots.iter().map(|pilot| group(pilot) % FOLDS).collect(),
    }
}

fn value(law: &Law, pilot: &Pilot, target: &[f64]) -> f64 {
    let counted =
        pilot.authentic.iter().zip(&pilot.generated).map(|(own, made)| *own as f64 + law.generated * *made as f64);
    law.at(target, counted) + law.mixed(pilot.distance(target))
}

fn held_out(predicted: &[f64], measured: &[f64], quantity: &Quantity) -> HeldOut {
    let pairs = || predicted.iter().zip(measured);
    let count = measured.len() as f64;
    let error = pairs().map(|(predicted, measured)| (predicted - measured).abs()).sum::<f64>() / count * quantity.units;
    let ranks = |values: &[f64]| Data::new(values.to_vec()).ranks(RankTieBreaker::Average);
    let log = |value: &f64| (value.max(0.0) + quantity.least).ln();
    let mean = measured.iter().map(log).sum::<f64>() / count;
    let left: f64 = pairs().map(|(predicted, measured)| (log(predicted) - log(measured)).powi(2)).sum();
    let all: f64 = measured.iter().map(|measured| (log(measured) - mean).powi(2)).sum();
    let r2 = if all > 0.0 { 1.0 - left / all } else { 0.0 };
    HeldOut { error, spearman: correlation(&ranks(predicted), &ranks(measured)), r2 }
}

/// Pearson's correlation; 0 where one side does not vary.
fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (of_a, of_b) = (mean(a), mean(b));
    let sum = |term: &dyn Fn(f64, f64) -> f64| a.iter().zip(b).map(|(a, b)| term(a - of_a, b - of_b)).sum::<f64>();
    let scale = (sum(&|a, _| a * a) * sum(&|_, b| b * b)).sqrt();
    if scale > 0.0 { sum(&|a, b| a * b) / scale } else { 0.0 }
}

/// Where a search starts and ends: the range of each parameter that is not linear, ln alpha, ln o, rho and ln beta.
const RANGES: [(f64, f64); 4] = [(-3.0, 1.4), (-4.6, 9.2), (0.0, 1.0), (-1.2, 1.1)];

impl Family {
    /// Which of ln alpha, ln o, rho and ln beta are fitted.
    fn free(&self, generated: bool) -> [bool; 4] {
        let shape = self.fixed.is_none();
        [shape, shape, generated, shape && self.mix]
    }

    fn parameters(&self, pilots: &[Pilot]) -> usize {
        let free = self.free(made(pilots)).into_iter().filter(|free| *free).count();
        free + 1 + usize::from(self.floor) + usize::from(self.mix)
    }

    /// The law of this family that fits best; `None` if none does at all.
    fn fit(&self, pilots: &[&Pilot], target: &[f64], quantity: &Quantity) -> Option<Law> {
        let generated = made(pilots.iter().copied());
        let free = self.free(generated);
        let (alpha, beta, offset) = self.fixed.unwrap_or((0.6, 1.0, 1.0));
        // a generated sample that no pilot has trained on is worth nothing
        let start = [alpha.ln(), offset.ln(), if generated { 1.0 } else { 0.0 }, beta.ln()];
        let try_at = |at: &[f64; 4]| self.linear(at, pilots, target, quantity);
        let axis = |index: usize, values: &[f64]| if free[index] { values.to_vec() } else { vec![start[index]] };
        let mut tried: Vec<(f64, [f64; 4])> = Vec::new();
        for alpha in axis(0, &[-1.6, -1.1, -0.7, -0.35, 0.0, 0.5]) {
            for &offset in &axis(1, &[-2.3, -0.7, 0.7, 2.3, 4.0, 6.0]) {
                for &generated in &axis(2, &[1.0, 0.6, 0.2]) {
                    for &beta in &axis(3, &[0.0, 0.7]) {
                        let at = [alpha, offset, generated, beta];
                        tried.extend(try_at(&at).map(|(score, _)| (score, at)));
                    }
                }
            }
        }
        tried.sort_by(|a, b| a.0.total_cmp(&b.0));
        let climbed = tried.into_iter().take(3).map(|(mut score, mut at)| {
            let mut step = 0.5;
            while step > 0.004 {
                let mut moved = false;
                for index in (0..4).filter(|index| free[*index]) {
                    for way in [-step, step] {
                        let mut next = at;
                        let scale = if index == 2 { 0.3 } else { 1.0 };
                        next[index] = (at[index] + way * scale).clamp(RANGES[index].0, RANGES[index].1);
                        match try_at(&next) {
                            Some((better, _)) if better < score => (score, at, moved) = (better, next, true),
                            _ => {}
                        }
                    }
                }
                if !moved {
                    step /= 2.0;
                }
            }
            (score, at)
        });
        let best = climbed.min_by(|a, b| a.0.total_cmp(&b.0))?;
        try_at(&best.1).map(|(_, law)| law)
    }

    /// The best E, A and B at given ln alpha, ln o, rho and ln beta, and the mean square of relative residuals.
    fn linear(&self, at: &[f64; 4], pilots: &[&Pilot], target: &[f64], quantity: &Quantity) -> Option<(f64, Law)> {
        let [alpha, offset, generated, beta] = *at;
        let unit = Law {
            by: self.by,
            floor: 0.0,
            scale: 1.0,
            offset: offset.exp(),
            exponent: alpha.exp(),
            generated,
            mix: self.mix.then_some(Mix { scale: 1.0, exponent: beta.exp() }),
        };
        let rows: Vec<[f64; 4]> = pilots
            .iter()
            .map(|pilot| {
                let mixed = unit.mixed(pilot.distance(target));
                let measured = (quantity.of)(&pilot.measured);
                let weight = 1.0 / (measured + quantity.least);
                let one = if self.floor { 1.0 } else { 0.0 };
                [one, value(&unit, pilot, target) - mixed, mixed, measured].map(|cell| cell * weight)
            })
            .collect();
        let (mut score, [mut floor, mut scale, mut mix]) = non_negative(&rows);
        let nothing = unit.decay(0.0);
        if !self.floor && scale * nothing > quantity.most {
            return None;
        }
        if floor + scale * nothing > quantity.most {
            // at the most without data: E (1 - s/s0) + most s/s0
            let rows: Vec<[f64; 4]> = rows
                .iter()
                .map(|[one, decay, mixed, measured]| {
                    let share = decay / nothing;
                    [one - share, 0.0, *mixed, measured - quantity.most * share]
                })
                .collect();
            (score, [floor, _, mix]) = non_negative(&rows);
            floor = floor.min(quantity.most);
            scale = (quantity.most - floor) / nothing;
        }
        let law = Law { floor, scale, mix: unit.mix.map(|of| Mix { scale: mix, ..of }), ..unit };
        (law.check("fit").is_ok() && score.is_finite()).then_some((score / pilots.len() as f64, law))
    }
}

/// Whether any pilot has generated samples.
fn made<'a>(pilots: impl IntoIterator<Item = &'a Pilot>) -> bool {
    pilots.into_iter().any(|pilot| pilot.generated.iter().any(|count| *count > 0))
}

/// Least squares of rows `[a, b, c, y]` over x, y, z >= 0: the best of all choices of which are above 0. Returns the sum of squares.
fn non_negative(rows: &[[f64; 4]]) -> (f64, [f64; 3]) {
    let product = |a: usize, b: usize| rows.iter().map(|row| row[a] * row[b]).sum::<f64>();
    let squares = |of: &[f64; 3]| {
        rows.iter().map(|row| (row[0] * of[0] + row[1] * of[1] + row[2] * of[2] - row[3]).powi(2)).sum::<f64>()
    };
    let gram: [[f64; 4]; 3] = std::array::from_fn(|a| std::array::from_fn(|b| product(a, b)));
    let mut best = (squares(&[0.0; 3]), [0.0; 3]);
    for chosen in 1u8..8 {
        let among: Vec<usize> = (0..3).filter(|at| chosen >> at & 1 == 1).collect();
        let Some(solved) = solve(&gram, &among) else { continue };
        let mut of = [0.0; 3];
        among.iter().zip(&solved).for_each(|(&at, value)| of[at] = *value);
        if solved.iter().all(|value| *value >= 0.0) {
            let score = squares(&of);
            if score < best.0 {
                best = (score, of);
            }
        }
    }
    best
}

/// The normal equations of some columns, by elimination; `None` where they do not tell the columns apart.
fn solve(gram: &[[f64; 4]; 3], among: &[usize]) -> Option<Vec<f64>> {
    let mut rows: Vec<Vec<f64>> =
        among.iter().map(|&a| among.iter().map(|&b| gram[a][b]).chain([gram[a][3]]).collect()).collect();
    let size = among.len();
    for at in 0..size {
        let pivot = rows[at][at];
        if pivot <= 1e-12 * gram[among[at]][among[at]] {
            return None;
        }
        let (above, below) = rows.split_at_mut(at + 1);
        for row in below {
            let factor = row[at] / pivot;
            row.iter_mut().zip(&above[at]).skip(at).for_each(|(cell, pivot)| *cell -= factor * pivot);
        }
    }
    let mut solved = vec![0.0; size];
    for at in (0..size).rev() {
        let known: f64 = (at + 1..size).map(|column| rows[at][column] * solved[column]).sum();
        solved[at] = (rows[at][size] - known) / rows[at][at];
    }
    Some(solved)
}

#[cfg(test)]
mod tests {
    use super::*;
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
                    measured: Prediction { loss: 0.0, error: 0.0 },
                    group: (at / 5).to_string(),
                };
                let value = value(law, &pilot, &[0.2; 5]) * (noise * rng.random_range(-1.0..1.0f64)).exp();
                pilot.measured = Prediction { loss: 3.0 * value, error: value.min(1.0) };
                pilot
            })
            .collect()
    }

    const LAW: Law =
        Law { by: By::Class, floor: 0.02, scale: 0.12, offset: 10.0, exponent: 0.7, generated: 0.6, mix: None };

    #[test]
    fn a_law_is_found_again_and_predicts_what_it_has_not_seen() {
        for (law, name) in [
            (LAW, "class"),
            (Law { mix: Some(Mix { scale: 0.1, exponent: 1.3 }), ..LAW }, "class + mix"),
            (Law { by: By::Samples, ..LAW }, "samples"),
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
                let predicted = found.forecast.predict(&pilot.authentic, &pilot.generated, pilot.mix).unwrap();
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

    #[test]
    fn least_squares_stays_above_zero() {
        let rows = [[1.0, 0.0, 0.0, 1.0], [1.0, 1.0, 0.0, 0.5], [1.0, 2.0, 0.0, 0.0]];
        let (_, found) = non_negative(&rows);
        assert!((found[0] - 0.5).abs() < 1e-12 && found[1] == 0.0 && found[2] == 0.0);
        let rows = [[1.0, 0.0, 0.0, 1.0], [1.0, 1.0, 0.0, 1.5], [1.0, 2.0, 3.0, 8.0]];
        let (left, found) = non_negative(&rows);
        assert!(left < 1e-20 && (found[2] - 2.0).abs() < 1e-9);
    }
}
