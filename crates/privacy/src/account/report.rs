//! What a training will have told once it is over.

use super::{Event, Rounds, checked_delta, checked_rounds, noise_for};
use crate::pld::{Composition, INTERVAL};
use crate::rdp::Curve;
use crate::{Error, Result};
use serde::{Deserialize, Serialize};

/// The name of this form of [`Report`].
pub const SCHEMA: &str = "imfl.privacy/1";

/// What is asked about a training with Poisson-sampled cohorts: its epsilon if the noise is given, its noise if the
/// epsilon is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// Standard deviation over sensitivity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noise: Option<f64>,
    /// The epsilon that may be spent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epsilon: Option<f64>,
    /// The probability that a client takes part in a round, in (0, 1].
    pub rate: f64,
    /// How many rounds.
    pub rounds: u64,
    /// The probability that the promise may fail.
    pub delta: f64,
}

/// The answer to a [`Question`]; what `imfl privacy account --format json` prints.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: String,
    /// The epsilon spent, by privacy loss distributions.
    pub epsilon: f64,
    /// The same by Rényi divergences, where the order grid allows one: an upper bound that is quicker and larger.
    pub epsilon_rdp: f64,
    /// The Rényi order that gave it.
    pub order_rdp: f64,
    /// The probability that the promise may fail.
    pub delta: f64,
    /// Standard deviation over sensitivity.
    pub noise: f64,
    /// The probability that a client takes part in a round.
    pub rate: f64,
    /// How many rounds.
    pub rounds: u64,
    /// `poisson-subsampled-gaussian`, or `gaussian` for a rate of 1.
    pub mechanism: String,
    /// `add-or-remove-one-client`.
    pub neighbours: String,
    /// The epsilon that was asked for, if the noise was found for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<f64>,
    /// The width of the grid of privacy losses, in nats, unless they spread too far for it.
    pub interval: f64,
}

impl Report {
    /// Answers a question.
    ///
    /// ```
    /// use imfl_privacy::account::{Question, Report};
    ///
    /// # fn main() -> imfl_privacy::Result<()> {
    /// let question = Question { noise: Some(1.0), rate: 0.01, rounds: 1000, delta: 1e-5, ..Question::default() };
    /// let report = Report::new(&question)?;
    /// assert!((report.epsilon - 1.83).abs() < 0.01);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Both or neither of noise and epsilon; a parameter out of range; a delta too small, a target that cannot be
    /// reached.
    pub fn new(question: &Question) -> Result<Self> {
        let Question { rate, delta, rounds, .. } = *question;
        let (delta, rounds) = (checked_delta(delta)?, checked_rounds(rounds)?);
        let noise = match (question.noise, question.epsilon) {
            (Some(noise), None) => noise,
            (None, Some(epsilon)) => noise_for(epsilon, delta, rate, rounds)?,
            (Some(_), Some(_)) => {
                return Err(Error::parameter(
                    "noise",
                    "given with epsilon",
                    "given alone: one of the two is found from the other",
                ));
            }
            (None, None) => return Err(Error::parameter("noise", "missing", "given, or epsilon in its place")),
        };
        let event = Event::poisson(noise, rate)?;
        let (epsilon_rdp, order_rdp) = Curve::default().and(&Curve::new(&event), rounds).epsilon(delta);
        let epsilon = Composition::default().epsilon(&[Rounds { event, count: rounds }], delta)?;
        Ok(Self {
            schema: SCHEMA.to_owned(),
            epsilon,
            epsilon_rdp,
            order_rdp,
            delta,
            noise,
            rate,
            rounds,
            mechanism: if rate == 1.0 { "gaussian" } else { "poisson-subsampled-gaussian" }.to_owned(),
            neighbours: "add-or-remove-one-client".to_owned(),
            target: question.epsilon,
            interval: INTERVAL,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASKED: Question = Question { noise: Some(1.1), epsilon: None, rate: 0.02, rounds: 300, delta: 1e-6 };

    #[test]
    fn json_has_the_promised_fields_and_comes_back() {
        let report = Report::new(&ASKED).unwrap();
        let json = serde_json::to_string(&report).unwrap();
        assert!(
            json.starts_with(r#"{"schema":"imfl.privacy/1","epsilon":"#) && json.contains(r#","epsilon_rdp":"#),
            "{json}"
        );
        assert_eq!(serde_json::from_str::<Report>(&json).unwrap(), report);
        assert!(report.epsilon < report.epsilon_rdp);
    }

    #[test]
    fn noise_found_for_an_epsilon_gives_it_back() {
        let report = Report::new(&ASKED).unwrap();
        let found = Report::new(&Question { noise: None, epsilon: Some(report.epsilon), ..ASKED }).unwrap();
        assert!((found.noise / 1.1 - 1.0).abs() < 2e-5 && found.epsilon <= report.epsilon);
        assert_eq!(found.target, Some(report.epsilon));
    }

    #[test]
    fn questions_that_have_no_answer_are_refused() {
        for (question, said) in [
            (Question { epsilon: Some(1.0), ..ASKED }, "given with epsilon"),
            (Question { noise: None, ..ASKED }, "missing"),
            (Question { rate: 1.5, ..ASKED }, "rate is 1.5"),
            (Question { rounds: 0, ..ASKED }, "without an end"),
            (Question { delta: 1.0, ..ASKED }, "delta is 1"),
            (Question { delta: 1e-30, ..ASKED }, "no finite epsilon"),
            (Question { noise: Some(-1.0), ..ASKED }, "noise is -1"),
        ] {
            let error = Report::new(&question).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }
}
