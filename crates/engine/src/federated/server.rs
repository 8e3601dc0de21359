//! What the server does with the mean of a round's updates.
//!
//! The mean difference `Δ` to the global model is a pseudo-gradient, and FedAvg is gradient descent of rate 1 on it. The
//! adaptive rules are those of Reddi et al. 2021 (arXiv 2003.00295, algorithm 2), whose letters are kept here.

use crate::choice::{Choice, as_text};
use std::fmt;

/// How the global model `x` follows the mean update `Δ`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ServerRule {
    /// `x += η Δ` (McMahan et al. 2017 with η = 1).
    #[default]
    FedAvg,
    /// `m = β₁ m + Δ`, `x += η m` (Hsu et al. 2019, arXiv 1909.06335).
    FedAvgM,
    /// `m = β₁ m + (1 - β₁) Δ`, `v = β₂ v + (1 - β₂) Δ²`, `x += η m / (√v + τ)` (Reddi et al. 2021).
    FedAdam,
    /// As FedAdam with `v = v - (1 - β₂) Δ² sign(v - Δ²)` (Reddi et al. 2021).
    FedYogi,
}

/// A rule with its constants.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Server {
    /// The rule.
    pub rule: ServerRule,
    /// η, the server's learning rate; 1 makes FedAvg the plain mean.
    pub rate: f64,
    /// β₁, decay of the first moment, in [0, 1).
    pub momentum: f64,
    /// β₂, decay of the second moment, in [0, 1).
    pub second: f64,
    /// τ, the degree of adaptivity, above 0. The second moment starts at τ².
    pub adaptivity: f64,
}

impl Server {
    /// A rule with the constants that its paper recommends as a start.
    pub fn new(rule: ServerRule) -> Self {
        let rate = match rule {
            ServerRule::FedAvg | ServerRule::FedAvgM => 1.0,
            ServerRule::FedAdam | ServerRule::FedYogi => 0.01,
        };
        Self { rule, rate, momentum: 0.9, second: 0.99, adaptivity: 1e-3 }
    }

    /// Moves `weights` by the mean update, whose values come in layout order.
    pub fn step(&self, moments: &mut Moments, weights: &mut [f32], mean: Vec<f64>) {
        let Self { rule, rate, momentum, second, adaptivity } = *self;
        moments.prepare(rule, weights.len(), adaptivity);
        let moved = |x: &mut f32, step: f64| *x = (f64::from(*x) + rate * step) as f32;
        let steps = weights.iter_mut().zip(mean);
        match rule {
            ServerRule::FedAvg => steps.for_each(|(x, delta)| moved(x, delta)),
            ServerRule::FedAvgM => steps.zip(&mut moments.first).for_each(|((x, delta), m)| {
                *m = (momentum * f64::from(*m) + delta) as f32;
                moved(x, f64::from(*m));
            }),
            ServerRule::FedAdam | ServerRule::FedYogi => {
                let moments = moments.first.iter_mut().zip(&mut moments.second);
                steps.zip(moments).for_each(|((x, delta), (m, v))| {
                    let (square, old) = (delta * delta, f64::from(*v));
                    *m = (momentum * f64::from(*m) + (1.0 - momentum) * delta) as f32;
                    *v = match rule {
                        ServerRule::FedAdam => second * old + (1.0 - second) * square,
                        _ => old - (1.0 - second) * square * sign(old - square),
                    } as f32;
                    moved(x, f64::from(*m) / (f64::from(*v).sqrt() + adaptivity));
                });
            }
        }
    }
}

impl Default for Server {
    fn default() -> Self {
        Self::new(ServerRule::default())
    }
}

/// `signum` calls the sign of zero 1.
fn sign(x: f64) -> f64 {
    if x == 0.0 { 0.0 } else { x.signum() }
}

/// What a rule remembers between rounds; empty for one that remembers nothing, and before the first round.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Moments {
    /// m, in layout order.
    pub first: Vec<f32>,
    /// v, in layout order.
    pub second: Vec<f32>,
}

impl Moments {
    fn prepare(&mut self, rule: ServerRule, size: usize, adaptivity: f64) {
        if rule != ServerRule::FedAvg {
            self.first.resize(size, 0.0);
        }
        if matches!(rule, ServerRule::FedAdam | ServerRule::FedYogi) {
            self.second.resize(size, adaptivity.powi(2) as f32);
        }
    }
}

impl ServerRule {
    /// The name of each, in their order.
    pub const NAMES: [&str; 4] = ["fedavg", "fedavgm", "fedadam", "fedyogi"];
}

impl Choice for ServerRule {
    const THING: &'static str = "server rule";

    fn forms() -> Vec<&'static str> {
        Self::NAMES.into()
    }

    fn named(name: &str) -> Option<Self> {
        let rules = [Self::FedAvg, Self::FedAvgM, Self::FedAdam, Self::FedYogi];
        rules.into_iter().find(|rule| Self::NAMES[*rule as usize] == name)
    }
}

as_text!([] ServerRule);

impl fmt::Display for ServerRule {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.pad(Self::NAMES[*self as usize])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The weight after each of the updates, from 1.0.
    fn path(server: Server, updates: &[f64]) -> Vec<f32> {
        let (mut moments, mut weights) = (Moments::default(), [1.0f32]);
        let step = |delta: &f64| {
            server.step(&mut moments, &mut weights, vec![*delta]);
            weights[0]
        };
        updates.iter().map(step).collect()
    }

    fn close(found: &[f32], expected: &[f64]) {
        assert_eq!(found.len(), expected.len());
        assert!(found.iter().zip(expected).all(|(a, b)| (f64::from(*a) - b).abs() < 1e-6), "{found:?} {expected:?}");
    }

    #[test]
    fn fedavg_is_the_mean_and_its_rate_scales_it() {
        close(&path(Server::new(ServerRule::FedAvg), &[0.5, -0.25]), &[1.5, 1.25]);
        close(&path(Server { rate: 0.5, ..Server::default() }, &[0.5, -0.25]), &[1.25, 1.125]);
    }

    #[test]
    fn fedavgm_by_hand() {
        // m = 0.5, then 0.9 * 0.5 - 0.25 = 0.2.
        close(&path(Server::new(ServerRule::FedAvgM), &[0.5, -0.25]), &[1.5, 1.7]);
    }

    #[test]
    fn fedadam_and_fedyogi_by_hand() {
        let constants = |rule| Server { rate: 0.1, momentum: 0.5, second: 0.75, adaptivity: 0.5, ..Server::new(rule) };
        // Adam: m = 0.5, v = 0.75 * 0.25 + 0.25 * 1 = 0.4375; then m = 0.25 + 0 , v = 0.328125.
        let first = 1.0 + 0.1 * 0.5 / (0.4375f64.sqrt() + 0.5);
        let second = first + 0.1 * 0.25 / (0.328125f64.sqrt() + 0.5);
        close(&path(constants(ServerRule::FedAdam), &[1.0, 0.0]), &[first, second]);
        // Yogi: v = 0.25 + 0.25 * 1 = 0.5 since v < 1; with an update of 0 it stays.
        let first = 1.0 + 0.1 * 0.5 / (0.5f64.sqrt() + 0.5);
        let second = first + 0.1 * 0.25 / (0.5f64.sqrt() + 0.5);
        close(&path(constants(ServerRule::FedYogi), &[1.0, 0.0]), &[first, second]);
    }

    #[test]
    fn no_update_is_a_fixed_point_of_every_rule() {
        for name in ServerRule::NAMES {
            let rule: ServerRule = name.parse().unwrap();
            assert_eq!(rule.to_string(), name);
            assert_eq!(path(Server::new(rule), &[0.0, 0.0, 0.0]), [1.0; 3], "{name}");
        }
        assert!("fedsgd".parse::<ServerRule>().unwrap_err().to_string().contains("fedyogi"));
    }
}
