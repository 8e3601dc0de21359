//! Which assumption breaks: Phi with one part after another replaced by what was measured along each choice's own trajectory.

use super::Tried;
use super::path::{Point, mean};
use imfl_mechanism::Terms;

/// Something that choices are ranked by. Whatever looks at a trajectory explains and cannot predict: it is known after training.
pub struct Predictor {
    /// Its name in tables.
    pub name: &'static str,
    /// Its value.
    pub of: fn(&Tried, &Constants) -> f64,
}

/// What the probe said before training, and what trajectories say of the noise of finite data.
#[derive(Clone, Copy, Debug)]
pub struct Constants {
    /// g_data of the probe.
    pub g_data: f64,
    /// sigma² of the probe.
    pub noise: f64,
    /// sigma² with which the term of finite data, on average over choices where nobody's labels are skewed, is what was measured.
    pub noise_along: f64,
}

impl Constants {
    /// Of one seed's choices. Where everybody has skewed labels, `noise_along` is the probe's.
    pub fn of(g_data: f64, noise: f64, tried: &[Tried]) -> Self {
        let aligned =
            || tried.iter().filter(|tried| tried.modes.iter().all(|mode| *mode != imfl_mechanism::Mode::Local));
        let modelled: f64 = aligned().map(|tried| tried.mixture_small.finite_data / 4.0).sum();
        let measured: f64 = aligned().map(|tried| mean(&tried.path, |point| point.error)).sum();
        let factor = if modelled > 0.0 && measured > 0.0 { measured / modelled } else { 1.0 };
        Self { g_data, noise, noise_along: noise * factor }
    }
}

/// Phi as it is priced, its terms, and simpler guesses: known before training.
pub const BEFORE: [Predictor; 10] = [
    Predictor { name: "Phi, mixture, rate of the theorem", of: |tried, _| tried.mixture_small.total() },
    Predictor { name: "Phi, aligned, rate of the theorem", of: |tried, _| tried.aligned_small.total() },
    Predictor { name: "Phi, mixture, rate that was used", of: |tried, _| tried.mixture.total() },
    Predictor { name: "Phi, aligned, rate that was used", of: |tried, _| tried.aligned.total() },
    Predictor { name: "term: bias, mixture", of: |tried, _| tried.mixture.bias },
    Predictor { name: "term: bias, aligned", of: |tried, _| tried.aligned.bias },
    Predictor { name: "term: finite data", of: |tried, _| tried.mixture.finite_data },
    Predictor { name: "term: drift", of: |tried, _| tried.mixture.drift },
    Predictor { name: "term: averaged noise", of: |tried, _| tried.mixture.averaged_noise },
    Predictor {
        name: "fewer participants",
        of: |tried, _| -(tried.modes.iter().filter(|mode| mode.plays()).count() as f64),
    },
];

/// Phi (mixture, rate of the theorem) with parts replaced, then what the theorem bounds, then how training ended.
pub const MEASURED: [Predictor; 12] = [
    Predictor { name: "Phi as priced", of: |tried, _| tried.mixture_small.total() },
    Predictor { name: "g_data: longest class gradient along the path, root mean square", of: shorter },
    Predictor {
        name: "bias: label vectors instead of norms of classes",
        of: |tried, _| phi(tried, Part { bias: labels, ..Part::PRICED }),
    },
    Predictor {
        name: "finite data: sigma along the path",
        of: |tried, known| phi(tried, Part { finite: known.factor(), ..Part::PRICED }),
    },
    Predictor {
        name: "bias and finite data: measured error",
        of: |tried, _| phi(tried, Part { bias: error, finite: 0.0, ..Part::PRICED }),
    },
    Predictor {
        name: "drift: from measured distances of clients",
        of: |tried, _| phi(tried, Part { drift: spread, ..Part::PRICED }),
    },
    Predictor { name: "drift: measured", of: |tried, _| phi(tried, Part { drift, ..Part::PRICED }) },
    Predictor {
        name: "label vectors, sigma along the path, measured drift",
        of: |tried, known| phi(tried, Part { bias: labels, finite: known.factor(), drift }),
    },
    Predictor { name: "everything measured", of: |tried, _| phi(tried, Part { bias: error, finite: 0.0, drift }) },
    Predictor { name: "measured error alone", of: |tried, _| error(tried) },
    Predictor { name: "what is bounded: squared gradient norm, mean over rounds", of: |tried, _| gradient(tried) },
    Predictor {
        name: "squared gradient norm at the end",
        of: |tried, _| tried.path.last().map_or(f64::NAN, |end| end.gradient),
    },
];

/// ‖grad F‖², mean over rounds: the theorem's left side.
pub fn gradient(tried: &Tried) -> f64 {
    mean(&tried.path, |point| point.gradient)
}

impl Constants {
    fn factor(&self) -> f64 {
        self.noise_along / self.noise.max(f64::MIN_POSITIVE)
    }
}

/// How the terms of Phi are replaced.
struct Part {
    bias: fn(&Tried) -> f64,
    /// Factor on the term.
    finite: f64,
    drift: fn(&Tried) -> f64,
}

impl Part {
    const PRICED: Self =
        Self { bias: |tried| tried.mixture_small.bias, finite: 1.0, drift: |tried| tried.mixture_small.drift };
}

fn phi(tried: &Tried, part: Part) -> f64 {
    let Terms { finite_data, local_noise, averaged_noise, .. } = tried.mixture_small;
    (part.bias)(tried) + part.finite * finite_data + (part.drift)(tried) + local_noise + averaged_noise
}

fn labels(tried: &Tried) -> f64 {
    4.0 * mean(&tried.path, |point| point.labels)
}

fn error(tried: &Tried) -> f64 {
    4.0 * mean(&tried.path, |point| point.error)
}

/// 10 (eta L h)² = 10/16 at the rate of the theorem.
fn spread(tried: &Tried) -> f64 {
    10.0 / 16.0 * mean(&tried.path, |point| point.spread)
}

/// In the proof ‖grad F - D‖² is at most twice the squared bias and twice the squared drift, and becomes twice that in the bound.
fn drift(tried: &Tried) -> f64 {
    4.0 * mean(&tried.path, |point| point.drift.unwrap_or(f64::NAN))
}

fn shorter(tried: &Tried, known: &Constants) -> f64 {
    let longest = |point: &Point| point.classes.iter().copied().fold(0.0, f64::max);
    let scale = mean(&tried.path, longest) / known.g_data.powi(2).max(f64::MIN_POSITIVE);
    let Terms { bias, drift, .. } = tried.mixture_small;
    tried.mixture_small.total() + (scale - 1.0) * (bias + drift)
}

#[cfg(test)]
mod tests {
    use super::super::Score;
    use super::*;
    use imfl_mechanism::Mode;

    /// A choice whose terms are 1 (bias), 2 (finite data) and 4 (drift), and whose path measured `error`.
    fn tried(modes: Vec<Mode>, error: f64) -> Tried {
        let terms = Terms { bias: 1.0, finite_data: 2.0, drift: 4.0, ..Terms::default() };
        let at = |round| Point {
            round,
            gradient: 8.0,
            error,
            spread: 16.0,
            labels: 0.5,
            classes: vec![9.0, 1.0],
            drift: (round == 0).then_some(0.25),
        };
        Tried {
            modes,
            aligned: terms,
            mixture: terms,
            aligned_small: terms,
            mixture_small: terms,
            score: Score { loss: 1.0, accuracy: 0.5 },
            path: vec![at(0), at(10)],
        }
    }

    #[test]
    fn every_part_is_replaced_alone_and_all_together() {
        let tried = tried(vec![Mode::Local], 3.0);
        let known = Constants { g_data: 6.0, noise: 2.0, noise_along: 3.0 };
        // Priced 7. The longest class gradient is 3, half of g_data: bias and drift a quarter. Labels 2, sigma² 1.5 times, error 12
        // for bias and finite data, spread 10, drift 1.
        let expected = [7.0, 3.25, 8.0, 8.0, 16.0, 13.0, 4.0, 6.0, 13.0, 12.0, 8.0, 8.0];
        for (predictor, expected) in MEASURED.iter().zip(expected) {
            assert!(((predictor.of)(&tried, &known) - expected).abs() < 1e-12, "{}", predictor.name);
        }
    }

    #[test]
    fn noise_along_the_path_comes_from_choices_without_skew() {
        // Finite data say 2/4 = 0.5; 1.5 was measured where everybody generates, three times as much.
        let choices = [tried(vec![Mode::Augmented, Mode::Out], 1.5), tried(vec![Mode::Local, Mode::Augmented], 100.0)];
        assert_eq!(Constants::of(1.0, 2.0, &choices).noise_along, 6.0);
        assert_eq!(Constants::of(1.0, 2.0, &choices[1..]).noise_along, 2.0);
    }
}
