//! A budget, and what has been spent of it.

use super::{Event, MOST_ROUNDS, Rounds, checked_delta, checked_epsilon};
use crate::pld::Composition;
use crate::rdp::Curve;
use crate::{Error, Result};
use serde::{Deserialize, Serialize};

/// What may be spent.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// The epsilon that must not be passed.
    pub epsilon: f64,
    /// At this delta.
    pub delta: f64,
}

/// What has been spent.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spending {
    /// Rounds so far.
    pub rounds: u64,
    /// Epsilon so far, at the budget's delta.
    pub epsilon: f64,
}

/// Keeps a budget over the rounds of a training.
///
/// Say what a round will release *before* it is released: [`Accountant::spend`] either counts it or refuses it. The
/// account depends on what was spent alone, so that a training that goes on from a stored accountant tells the same
/// numbers.
///
/// ```
/// use imfl_privacy::account::{Accountant, Budget, Event};
///
/// # fn main() -> imfl_privacy::Result<()> {
/// let mut accountant = Accountant::new(Budget { epsilon: 1.0, delta: 1e-5 })?;
/// let round = Event::poisson(1.0, 0.01)?;
/// assert_eq!(accountant.affordable(round)?, 254);
/// let spending = accountant.spend(round)?;
/// println!("epsilon {:.3} after {} round", spending.epsilon, spending.rounds);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub struct Accountant {
    budget: Budget,
    spent: Vec<Rounds>,
    #[serde(skip)]
    composition: Composition,
}

/// An accountant as it is stored, not yet checked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    budget: Budget,
    spent: Vec<Rounds>,
}

impl TryFrom<Stored> for Accountant {
    type Error = Error;

    fn try_from(stored: Stored) -> Result<Self> {
        let mut accountant = Self::new(stored.budget)?;
        for rounds in stored.spent {
            rounds.event.checked()?;
            if rounds.count > MOST_ROUNDS {
                return Err(Error::parameter("count", rounds.count, "at most 1000000000 rounds"));
            }
            accountant.spent.push(rounds);
        }
        Ok(accountant)
    }
}

/// Two are equal if they have the same budget and have spent the same.
impl PartialEq for Accountant {
    fn eq(&self, other: &Self) -> bool {
        self.budget == other.budget && self.spent == other.spent
    }
}

impl Accountant {
    /// An accountant that has spent nothing.
    ///
    /// # Errors
    /// A budget whose epsilon is not above 0, or whose delta is not between 0 and 1.
    pub fn new(budget: Budget) -> Result<Self> {
        checked_epsilon(budget.epsilon)?;
        checked_delta(budget.delta)?;
        Ok(Self { budget, spent: Vec::new(), composition: Composition::default() })
    }

    /// What may be spent.
    pub fn budget(&self) -> Budget {
        self.budget
    }

    /// What was spent, in the order in which kinds of rounds first came.
    pub fn spent(&self) -> &[Rounds] {
        &self.spent
    }

    /// How many rounds were counted.
    pub fn rounds(&self) -> u64 {
        self.spent.iter().map(|rounds| rounds.count).sum()
    }

    /// Counts one more round, unless it would pass the budget. Costs one account: 5 to 100 ms.
    ///
    /// # Errors
    /// [`Error::Exhausted`], an event out of range or a delta below what an account cuts off; nothing is spent then.
    pub fn spend(&mut self, event: Event) -> Result<Spending> {
        let event = event.checked()?;
        let next = self.with(event, 1);
        let epsilon = self.epsilon_of(&next)?;
        if epsilon > self.budget.epsilon {
            let Budget { epsilon: budget, delta } = self.budget;
            return Err(Error::Exhausted {
                rounds: self.rounds(),
                spent: self.epsilon()?,
                next: epsilon,
                budget,
                delta,
            });
        }
        self.spent = next;
        Ok(Spending { rounds: self.rounds(), epsilon })
    }

    /// The epsilon spent so far.
    ///
    /// # Errors
    /// A delta below what an account cuts off, about 10^-23 a round.
    pub fn epsilon(&mut self) -> Result<f64> {
        let spent = self.spent.clone();
        self.epsilon_of(&spent)
    }

    /// The same by Rényi divergences: an upper bound that is quicker and larger.
    pub fn epsilon_rdp(&self) -> f64 {
        let sum = |curve: Curve, rounds: &Rounds| curve.and(&Curve::new(&rounds.event), rounds.count);
        self.spent.iter().fold(Curve::default(), sum).epsilon(self.budget.delta).0
    }

    /// How many more such rounds the budget reaches for; [`MOST_ROUNDS`] if more. Costs some tens of accounts.
    ///
    /// # Errors
    /// An event out of range, or a delta below what an account cuts off.
    pub fn affordable(&mut self, event: Event) -> Result<u64> {
        let event = event.checked()?;
        let reaches = |accountant: &mut Self, count| -> Result<bool> {
            let next = accountant.with(event, count);
            Ok(accountant.epsilon_of(&next)? <= accountant.budget.epsilon)
        };
        // `low` rounds are within the budget, `high` are not.
        let (mut low, mut high) = (0, 1);
        while reaches(self, high)? {
            low = high;
            if low == MOST_ROUNDS {
                return Ok(low);
            }
            high = (2 * high).min(MOST_ROUNDS);
        }
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if reaches(self, middle)? { low = middle } else { high = middle }
        }
        Ok(low)
    }

    fn with(&self, event: Event, count: u64) -> Vec<Rounds> {
        let mut next = self.spent.clone();
        match next.iter_mut().find(|rounds| rounds.event == event) {
            Some(rounds) => rounds.count += count,
            None => next.push(Rounds { event, count }),
        }
        next
    }

    fn epsilon_of(&mut self, rounds: &[Rounds]) -> Result<f64> {
        self.composition.epsilon(rounds, self.budget.delta)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::{Question, Report};

    const BUDGET: Budget = Budget { epsilon: 1.5, delta: 1e-5 };

    #[test]
    fn stops_where_it_said_and_resumes_with_what_was_spent() {
        let event = Event::poisson(0.8, 0.02).unwrap();
        let mut accountant = Accountant::new(BUDGET).unwrap();
        let affordable = accountant.affordable(event).unwrap();
        assert!((5..200).contains(&affordable), "{affordable}");
        let mut last = 0.0;
        for round in 1..=affordable {
            if round == affordable / 2 {
                accountant = serde_json::from_str(&serde_json::to_string(&accountant).unwrap()).unwrap();
            }
            let spending = accountant.spend(event).unwrap();
            assert!(spending.rounds == round && spending.epsilon > last);
            last = spending.epsilon;
        }
        let before = accountant.clone();
        let error = accountant.spend(event).unwrap_err();
        let Error::Exhausted { rounds, spent, next, .. } = error else { panic!("{error}") };
        assert!(rounds == affordable && spent == last && next > 1.5);
        assert_eq!((accountant.clone(), accountant.epsilon()), (before, Ok(last)));
        assert_eq!(accountant.affordable(event).unwrap(), 0);
        let question = Question { noise: Some(0.8), rate: 0.02, rounds: affordable, delta: 1e-5, epsilon: None };
        let report = Report::new(&question).unwrap();
        assert_eq!((last, accountant.epsilon_rdp()), (report.epsilon, report.epsilon_rdp));
    }

    #[test]
    fn different_rounds_add_up() {
        let mut accountant = Accountant::new(BUDGET).unwrap();
        let (small, large) = (Event::poisson(2.0, 0.01).unwrap(), Event::gaussian(10.0).unwrap());
        let first = accountant.spend(small).unwrap().epsilon;
        let second = accountant.spend(large).unwrap().epsilon;
        let third = accountant.spend(small).unwrap().epsilon;
        assert!(first < second && second < third);
        assert_eq!((accountant.spent().len(), accountant.rounds()), (2, 3));
        assert!(third < accountant.epsilon_rdp());
    }

    #[test]
    fn what_is_stored_is_checked() {
        for stored in [
            r#"{"budget":{"epsilon":0,"delta":1e-5},"spent":[]}"#,
            r#"{"budget":{"epsilon":1,"delta":2},"spent":[]}"#,
            r#"{"budget":{"epsilon":1,"delta":1e-5},"spent":[{"event":{"gaussian":{"noise":0}},"count":1}]}"#,
            r#"{"budget":{"epsilon":1,"delta":1e-5},"spent":[{"event":{"gaussian":{"noise":1}},"count":10000000000}]}"#,
            r#"{"budget":{"epsilon":1,"delta":1e-5},"spent":[],"more":1}"#,
        ] {
            assert!(serde_json::from_str::<Accountant>(stored).is_err(), "{stored}");
        }
    }

    #[test]
    fn a_budget_without_end_is_found_out() {
        let mut accountant = Accountant::new(Budget { epsilon: 1000.0, delta: 0.5 }).unwrap();
        assert_eq!(accountant.affordable(Event::gaussian(1e6).unwrap()).unwrap(), MOST_ROUNDS);
    }
}
