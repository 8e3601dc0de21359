//! Models that clients outside the engine made, joined as a round joins those of its own.

use super::{Aggregation, TooFew};
use crate::federated::intake::kept::Kept;
use crate::federated::intake::{Closing, Intake};
use crate::update::{Receipt, Refusal, Rejection};
use std::collections::BTreeSet;

/// What a client made of the global model.
#[derive(Clone, Debug, PartialEq)]
pub struct ClientModel {
    /// Who sends it.
    pub client: u32,
    /// How much it counts relative to others, where a rule weighs updates; finite and above 0.
    pub weight: f64,
    /// Its values, in layout order.
    pub values: Vec<f32>,
}

impl Aggregation {
    /// One change of `base` from models in any order, and who is left out and why; to the bit the change of a round in which these
    /// clients sent these models. Of two models of one client the first counts.
    ///
    /// # Errors
    /// [`TooFew`].
    pub fn join(
        &self,
        base: &[f32],
        mut models: Vec<ClientModel>,
        workers: usize,
    ) -> Result<(Vec<f64>, Vec<Rejection>), TooFew> {
        models.sort_by_key(|model| model.client);
        let (mut seen, mut refused) = (BTreeSet::new(), Vec::new());
        models.retain(|ClientModel { client, values, .. }| {
            let reason = match (seen.insert(*client), values.len() == base.len()) {
                (false, _) => Some(Refusal::Duplicate),
                (true, false) => Some(Refusal::WrongShape),
                (true, true) => None,
            };
            refused.extend(reason.map(|reason| Rejection { client: *client, reason }));
            reason.is_none()
        });
        let total = models.iter().map(|model| model.weight).sum();
        let mut intake: Box<dyn Intake> = self.streaming(base.len()).unwrap_or_else(|| Box::new(Kept::new(base.len())));
        let take = |ClientModel { client, weight, values }: ClientModel| {
            let receipt = Receipt { client, made: 1, weight, loss: 0.0, samples: 0 };
            (receipt, intake.take(client, base, &values, weight / total))
        };
        let in_time = models.into_iter().map(take).collect();
        let closing = Closing { in_time, arriving: Vec::new(), total, hostility: None, seed: 0, round: 1 };
        let mut closed = intake.close(closing);
        self.check(closed.accepted.len())?;
        closed.rejected.extend(refused);
        Ok((intake.combine(&**self, workers), closed.rejected))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(client: u32, weight: f64, values: &[f32]) -> ClientModel {
        ClientModel { client, weight, values: values.into() }
    }

    #[test]
    fn what_cannot_count_is_named_and_leaves_no_trace() {
        let base = [1.0, -1.0];
        for rule in ["mean", "clip:100"] {
            let rule: Aggregation = rule.parse().unwrap();
            let models = vec![
                model(3, 1.0, &[2.0, -1.0]),
                model(7, 1.0, &[f32::NAN, 0.0]),
                model(1, 1.0, &[4.0, 1.0]),
                model(2, 1.0, &[4.0]),
                model(3, 1.0, &[900.0, 900.0]),
            ];
            let (change, rejected) = rule.join(&base, models.clone(), 1).unwrap();
            assert_eq!(change, [2.0, 1.0], "{rule}");
            let reasons: Vec<_> = rejected.iter().map(|one| (one.client, one.reason)).collect();
            let expected = [(7, Refusal::NotFinite), (2, Refusal::WrongShape), (3, Refusal::Duplicate)];
            assert_eq!(reasons, expected, "{rule}");
            assert!(rule.join(&base, models[1..2].to_vec(), 1).is_err(), "{rule}: nobody is left");
        }
    }

    #[test]
    fn differences_are_not_rounded_before_they_are_averaged() {
        // 1e-8 is lost in a float32 difference of 1 + 1e-8; here it is within one float64 of what is added up.
        let base = [1e-8f32];
        let (change, _) = Aggregation::default().join(&base, vec![model(0, 1.0, &[1.0])], 1).unwrap();
        assert!((change[0] - (1.0 - f64::from(base[0]))).abs() < 1e-12, "{}", change[0]);
    }
}
