//! Families of laws, and the law of a family that fits pilots best.
//!
//! A law is linear in E, A, B and D, so for given alpha, o, rho and beta these follow from a small non-negative least-squares problem; the
//! others are found by a grid and, from its best points, by steps along the axes that halve. Residuals are relative to what was measured, so
//! good and bad trainings count alike.

use crate::objective::fit::least_squares::non_negative;
use crate::objective::fit::quantity::Quantity;
use crate::objective::law::{By, Deviation, Law};
use crate::objective::pilot::Pilot;

/// A family of laws.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Family {
    pub name: &'static str,
    pub by: By,
    /// Whose labels it looks at.
    pub labels: Labels,
    pub steps: bool,
    /// Whether something is left that no amount of data removes (E above 0).
    pub floor: bool,
    /// alpha, beta and o where they are not fitted.
    pub fixed: Option<(f64, f64, f64)>,
}

/// Labels that a law looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Labels {
    /// No distance from the target.
    Neither,
    /// That of all clients' together (m).
    Mix,
    /// That of each client's (s).
    Skew,
}

/// From the simplest to the richest: of equally good ones the first is taken. `bound` has the two terms of the convergence bound that counts
/// determine, one over samples and squared bias.
pub(super) const FAMILIES: [Family; 15] = [
    Family { name: "samples", by: By::Samples, labels: Labels::Neither, steps: false, floor: true, fixed: None },
    Family {
        name: "bound",
        by: By::Samples,
        labels: Labels::Mix,
        steps: false,
        floor: true,
        fixed: Some((1.0, 2.0, 1.0)),
    },
    Family { name: "samples + mix", by: By::Samples, labels: Labels::Mix, steps: false, floor: true, fixed: None },
    Family { name: "samples + skew", by: By::Samples, labels: Labels::Skew, steps: false, floor: true, fixed: None },
    Family { name: "class, no floor", by: By::Class, labels: Labels::Neither, steps: false, floor: false, fixed: None },
    Family {
        name: "class + mix, no floor",
        by: By::Class,
        labels: Labels::Mix,
        steps: false,
        floor: false,
        fixed: None,
    },
    Family {
        name: "class + skew, no floor",
        by: By::Class,
        labels: Labels::Skew,
        steps: false,
        floor: false,
        fixed: None,
    },
    Family {
        name: "class + steps, no floor",
        by: By::Class,
        labels: Labels::Neither,
        steps: true,
        floor: false,
        fixed: None,
    },
    Family {
        name: "class + mix + steps, no floor",
        by: By::Class,
        labels: Labels::Mix,
        steps: true,
        floor: false,
        fixed: None,
    },
    Family {
        name: "class + skew + steps, no floor",
        by: By::Class,
        labels: Labels::Skew,
        steps: true,
        floor: false,
        fixed: None,
    },
    Family { name: "class", by: By::Class, labels: Labels::Neither, steps: false, floor: true, fixed: None },
    Family { name: "class + mix", by: By::Class, labels: Labels::Mix, steps: false, floor: true, fixed: None },
    Family { name: "class + skew", by: By::Class, labels: Labels::Skew, steps: false, floor: true, fixed: None },
    Family { name: "class + mix + steps", by: By::Class, labels: Labels::Mix, steps: true, floor: true, fixed: None },
    Family { name: "class + skew + steps", by: By::Class, labels: Labels::Skew, steps: true, floor: true, fixed: None },
];

/// Where a search starts and ends: the range of each parameter that is not linear, ln alpha, ln o, rho and ln beta.
const RANGES: [(f64, f64); 4] = [(-3.0, 1.4), (-4.6, 9.2), (0.0, 1.0), (-1.2, 1.1)];

impl Family {
    /// Whether it has a term of labels that are off the target's.
    fn off(&self) -> bool {
        self.labels != Labels::Neither
    }

    /// Whether pilots recorded what it looks at.
    pub fn seen(&self, pilots: &[Pilot]) -> bool {
        let all = |has: fn(&Pilot) -> bool| pilots.iter().all(has);
        (self.labels != Labels::Skew || all(|pilot| pilot.update.skew.is_some()))
            && (!self.steps || all(|pilot| pilot.update.steps.is_some()))
    }

    /// Which of ln alpha, ln o, rho and ln beta are fitted.
    fn free(&self, generated: bool) -> [bool; 4] {
        let shape = self.fixed.is_none();
        [shape, shape, generated, shape && self.off()]
    }

    /// How many numbers a fit to these pilots determines.
    pub fn parameters(&self, pilots: &[Pilot]) -> usize {
        let free = self.free(made(pilots)).into_iter().filter(|free| *free).count();
        free + 1 + [self.floor, self.off(), self.steps].into_iter().filter(|has| *has).count()
    }

    /// The law of this family that fits best; `None` if none does at all.
    pub fn fit(&self, pilots: &[&Pilot], target: &[f64], quantity: &Quantity) -> Option<Law> {
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

    /// The best E, A, B and D at given ln alpha, ln o, rho and ln beta, and the mean square of relative residuals.
    fn linear(&self, at: &[f64; 4], pilots: &[&Pilot], target: &[f64], quantity: &Quantity) -> Option<(f64, Law)> {
        let [alpha, offset, generated, beta] = *at;
        let unit = Law {
            by: self.by,
            floor: 0.0,
            scale: 1.0,
            offset: offset.exp(),
            exponent: alpha.exp(),
            generated,
            mix: (self.labels == Labels::Mix).then_some(Deviation { scale: 1.0, exponent: beta.exp() }),
            skew: (self.labels == Labels::Skew).then_some(Deviation { scale: 1.0, exponent: beta.exp() }),
            steps: self.steps.then_some(1.0),
        };
        let rows: Vec<[f64; 5]> = pilots
            .iter()
            .map(|pilot| {
                let off = off(&unit, pilot, target);
                let unlearnt = pilot.update.steps.map_or(0.0, |steps| unit.unlearnt(steps));
                let measured = (quantity.of)(&pilot.measured);
                let weight = 1.0 / (measured + quantity.least);
                let one = if self.floor { 1.0 } else { 0.0 };
                [one, value(&unit, pilot, target) - off - unlearnt, off, unlearnt, measured].map(|cell| cell * weight)
            })
            .collect();
        let (mut score, [mut floor, mut scale, mut off, mut steps]) = non_negative(&rows);
        let nothing = unit.decay(0.0);
        if !self.floor && scale * nothing > quantity.most {
            return None;
        }
        if floor + scale * nothing > quantity.most {
            // at the most without data: E (1 - s/s0) + most s/s0
            let rows: Vec<[f64; 5]> = rows
                .iter()
                .map(|[one, decay, off, unlearnt, measured]| {
                    let share = decay / nothing;
                    [one - share, 0.0, *off, *unlearnt, measured - quantity.most * share]
                })
                .collect();
            (score, [floor, _, off, steps]) = non_negative(&rows);
            floor = floor.min(quantity.most);
            scale = (quantity.most - floor) / nothing;
        }
        let law = Law {
            floor,
            scale,
            mix: unit.mix.map(|of| Deviation { scale: off, ..of }),
            skew: unit.skew.map(|of| Deviation { scale: off, ..of }),
            steps: unit.steps.map(|_| steps),
            ..unit
        };
        (law.check("fit").is_ok() && score.is_finite()).then_some((score / pilots.len() as f64, law))
    }
}

/// Whether any pilot has generated samples.
fn made<'a>(pilots: impl IntoIterator<Item = &'a Pilot>) -> bool {
    pilots.into_iter().any(|pilot| pilot.generated.iter().any(|count| *count > 0))
}

/// What a law says of a pilot.
pub(super) fn value(law: &Law, pilot: &Pilot, target: &[f64]) -> f64 {
    let counted =
        pilot.authentic.iter().zip(&pilot.generated).map(|(own, made)| *own as f64 + law.generated * *made as f64);
    law.at(target, counted) + off(law, pilot, target) + pilot.update.steps.map_or(0.0, |steps| law.unlearnt(steps))
}

/// What a law adds for a pilot's labels.
fn off(law: &Law, pilot: &Pilot, target: &[f64]) -> f64 {
    law.mixed(pilot.distance(target)) + pilot.update.skew.map_or(0.0, |skew| law.skewed(skew))
}
