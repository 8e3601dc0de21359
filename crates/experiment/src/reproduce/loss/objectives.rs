//! What each objective predicts of choices that it was not fitted on, and what a server loses that decides by it.
//!
//! Both objectives are given the same chance: their free numbers (the laws of the forecast; scale and power of Phi) are fitted to the choices of all other
//! seeds. With one seed every other choice is held out.

use super::super::log_fit::fit_of_logs;
use imfl_mechanism::objective::{self, Pilot, Prediction};
use imfl_report::Table;
use imfl_statistics::{Interval, mean, rank_correlation};
use serde::Serialize;
use serde_json::{Value, json};

/// A choice of participants and modes that was trained.
pub struct Case {
    /// What it trained on and what came of it, on test images.
    pub pilot: Pilot,
    /// Phi at the theorem's rate, with the mixture bias.
    pub phi: f64,
    /// What its participants' work costs them, in credits.
    pub cost: f64,
}

/// Everything that a law may be fitted to, for other programs.
pub fn json(case: &Case) -> Value {
    let Pilot { authentic, generated, update, measured, group } = &case.pilot;
    json!({
        "seed": group,
        "authentic": authentic,
        "generated": generated,
        "mix": update.mix,
        "skew": update.skew,
        "steps": update.steps,
        "phi": case.phi,
        "cost": case.cost,
        "loss": measured.loss,
        "error": measured.error,
    })
}

/// What deciding by an objective costs beyond deciding by the truth, at one worth.
#[derive(Serialize)]
pub struct Regret {
    /// Credits for a percentage point of accuracy.
    pub worth: f64,
    /// Credits lost, mean over what was held out.
    pub credits: f64,
}

/// How an objective did on held-out choices.
#[derive(Serialize)]
pub struct HeldOut {
    objective: &'static str,
    spearman_loss: Interval,
    spearman_error: Interval,
    r2_log_loss: f64,
    /// Of the logarithm of the measured loss by that of the predicted one: 1 where differences are as large as they are said to be.
    slope: f64,
    regret: Vec<Regret>,
}

/// Loss and error that an objective expects of choices, fitted to others; `None` where these are too few.
type Predict = fn(&[&Case], &[&Case]) -> Option<Vec<Prediction>>;

const OBJECTIVES: [(&str, Predict); 2] = [("forecast", forecast), ("bound", bound)];

fn forecast(known: &[&Case], asked: &[&Case]) -> Option<Vec<Prediction>> {
    let pilots: Vec<Pilot> = known.iter().map(|case| case.pilot.clone()).collect();
    let classes = pilots.first()?.authentic.len() as f64;
    let guess = Prediction { loss: classes.ln(), error: 1.0 - 1.0 / classes };
    let laws = objective::fit(&pilots, guess, None, "").ok()?.forecast;
    let of = |case: &&Case| laws.predict(&case.pilot.authentic, &case.pilot.generated, case.pilot.update).ok();
    asked.iter().map(of).collect()
}

/// ln of what is measured, linear in ln Phi.
fn bound(known: &[&Case], asked: &[&Case]) -> Option<Vec<Prediction>> {
    let line = |of: fn(&Prediction) -> f64| {
        let points: Vec<(f64, f64)> =
            known.iter().map(|case| (case.phi.max(1e-12).ln(), of(&case.pilot.measured).max(1e-6).ln())).collect();
        let (x, y) = (
            mean(&points.iter().map(|p| p.0).collect::<Vec<_>>()),
            mean(&points.iter().map(|p| p.1).collect::<Vec<_>>()),
        );
        let across: f64 = points.iter().map(|p| (p.0 - x).powi(2)).sum();
        let slope = points.iter().map(|p| (p.0 - x) * (p.1 - y)).sum::<f64>() / across;
        (known.len() >= 3 && across > 0.0).then_some((x, y, slope))
    };
    let (loss, error) = (line(|of| of.loss)?, line(|of| of.error)?);
    let at = |(x, y, slope): (f64, f64, f64), phi: f64| (y + slope * (phi.max(1e-12).ln() - x)).exp();
    Some(asked.iter().map(|case| Prediction { loss: at(loss, case.phi), error: at(error, case.phi) }).collect())
}

/// Every objective on the choices of each seed, at several worths.
pub fn compare(by_seed: &[Vec<Case>], worths: &[f64]) -> Vec<HeldOut> {
    let parts = parts(by_seed);
    OBJECTIVES.iter().filter_map(|(name, predict)| held_out(name, *predict, &parts, worths)).collect()
}

/// What is held out together: a seed, or every other choice of the only one.
fn parts(by_seed: &[Vec<Case>]) -> Vec<Vec<&Case>> {
    match by_seed {
        [only] => (0..2).map(|odd| only.iter().skip(odd).step_by(2).collect()).collect(),
        _ => by_seed.iter().map(|seed| seed.iter().collect()).collect(),
    }
}

fn held_out(name: &'static str, predict: Predict, parts: &[Vec<&Case>], worths: &[f64]) -> Option<HeldOut> {
    let (mut loss, mut error) = (Vec::new(), Vec::new());
    let mut logs = Vec::new();
    let mut lost = vec![Vec::new(); worths.len()];
    for (at, asked) in parts.iter().enumerate() {
        let known: Vec<&Case> = parts
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != at)
            .flat_map(|(_, part)| part.iter().copied())
            .collect();
        let predicted = predict(&known, asked)?;
        let column = |of: fn(&Prediction) -> f64| {
            let measured: Vec<f64> = asked.iter().map(|case| of(&case.pilot.measured)).collect();
            (predicted.iter().map(of).collect::<Vec<f64>>(), measured)
        };
        let (said, found) = column(|of| of.loss);
        loss.extend(rank_correlation(&said, &found).ok());
        logs.extend(said.iter().zip(&found).map(|(said, found)| (said.max(1e-9).ln(), found.max(1e-9).ln())));
        let (said, found) = column(|of| of.error);
        error.extend(rank_correlation(&said, &found).ok());
        for (worth, lost) in worths.iter().zip(&mut lost) {
            let total = |error: f64, case: &Case| 100.0 * worth * error + case.cost;
            let by = |errors: &[f64]| {
                let cost = |at: &usize| total(errors[*at], asked[*at]);
                (0..asked.len()).min_by(|a, b| cost(a).total_cmp(&cost(b)))
            };
            let (chosen, best) = (by(&said)?, by(&found)?);
            lost.push(total(found[chosen], asked[chosen]) - total(found[best], asked[best]));
        }
    }
    let (r2_log_loss, slope) = fit_of_logs(&logs);
    let regret = worths.iter().zip(lost).map(|(&worth, lost)| Regret { worth, credits: mean(&lost) }).collect();
    Some(HeldOut {
        objective: name,
        spearman_loss: loss.into_iter().collect(),
        spearman_error: error.into_iter().collect(),
        r2_log_loss,
        slope,
        regret,
    })
}

/// As a table.
pub fn table(found: &[HeldOut]) -> Table {
    let mut header: Vec<String> =
        ["objective", "rank correlation with loss", "with error", "R^2 of log loss", "slope"].map(String::from).into();
    if let Some(first) = found.first() {
        header.extend(first.regret.iter().map(|regret| format!("regret at {} a point", regret.worth)));
    }
    let row = |of: &HeldOut| {
        let span = |of: &Interval| format!("{:.3} ({:.3} to {:.3})", of.mean, of.low, of.high);
        let mut row = vec![of.objective.into(), span(&of.spearman_loss), span(&of.spearman_error)];
        row.extend([format!("{:.3}", of.r2_log_loss), format!("{:.2}", of.slope)]);
        row.extend(of.regret.iter().map(|regret| format!("{:.4}", regret.credits)));
        row
    };
    Table {
        title:
            "Objectives on choices that they were not fitted on; regret in credits against the best choice in hindsight"
                .into(),
        header,
        rows: found.iter().map(row).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use imfl_mechanism::objective::Update;

    fn cases(seed: usize) -> Vec<Case> {
        let case = |at: usize| {
            let own = 20 + 37 * ((at * 7 + seed * 3) % 23) as u64;
            let value = 0.02 + 0.5 * (own as f64 / 100.0).powf(-0.5) / 4.0;
            Case {
                pilot: Pilot {
                    authentic: vec![own; 4],
                    generated: vec![0; 4],
                    update: Update { mix: Some(0.0), skew: Some(0.0), steps: Some(1.0) },
                    measured: Prediction { loss: 3.0 * value, error: value },
                    group: String::new(),
                },
                phi: ((at * 5) % 11) as f64 + 1.0,
                cost: own as f64 / 1000.0,
            }
        };
        (0..16).map(case).collect()
    }

    #[test]
    fn what_follows_a_law_is_forecast_and_phi_that_has_nothing_to_do_with_it_is_not() {
        for seeds in [1, 3] {
            let by_seed: Vec<Vec<Case>> = (0..seeds).map(cases).collect();
            let found = compare(&by_seed, &[0.1, 1.0]);
            let [forecast, bound] = &found[..] else { panic!("{} objectives", found.len()) };
            assert!(
                forecast.spearman_error.mean > 0.97 && forecast.r2_log_loss > 0.95,
                "{seeds} {}",
                forecast.r2_log_loss
            );
            assert!(bound.r2_log_loss < 0.5 && bound.spearman_error.mean < 0.8, "{seeds} {}", bound.r2_log_loss);
            for (good, bad) in forecast.regret.iter().zip(&bound.regret) {
                assert!(good.credits >= 0.0 && good.credits <= bad.credits, "{} {}", good.credits, bad.credits);
            }
            assert_eq!(table(&found).rows.len(), 2);
        }
    }
}
