//! Where a round's orders go out to clients elsewhere, and what comes back is handed to the engine.

use super::Setup;
use super::hiring::Met;
use super::profile::Profile;
use crate::allocation::{Allocation, Roles};
use crate::failure::Outcome;
use crate::participants::{Order, Participants};
use imfl_aigc::{Augmentation, Numbering};
use imfl_engine::client::Client;
use imfl_engine::federated::remote::{Remote, Reply};
use imfl_engine::federated::{Aggregation, Evaluation, LocalSgd, Participant, ServerState};
use imfl_engine::parameters::Weights;
use imfl_mechanism::Mode;
use imfl_mechanism::ledger::Transaction;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Clients elsewhere, once it is known who does what.
pub struct Desk {
    participants: Arc<dyn Participants>,
    /// What each would train on in its mode: samples by class, and how many of them are generated.
    works: Vec<Work>,
    awards: Vec<i64>,
}

/// What a client trains on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Work {
    /// Samples of each class.
    pub histogram: Vec<usize>,
    /// Generated ones among them; empty where there are none.
    pub generated: Vec<usize>,
}

impl Work {
    /// Of a client that holds so many samples of each class.
    ///
    /// # Errors
    /// A target that is none.
    pub fn of(held: &[usize], mode: Mode, target: &[f64], seed: u64, client: u64) -> Outcome<Self> {
        match mode {
            Mode::Out => Ok(Self::default()),
            Mode::Local => Ok(Self { histogram: held.to_vec(), generated: Vec::new() }),
            Mode::Augmented => {
                let labels: Vec<u16> = (0u16..).zip(held).flat_map(|(class, &count)| vec![class; count]).collect();
                let plan = Augmentation::plan(&labels, target, seed, client)?;
                let mut histogram: Vec<usize> =
                    held.iter().zip(&plan.generated).map(|(own, more)| own + more).collect();
                plan.removed.iter().for_each(|&place| histogram[usize::from(labels[place as usize])] -= 1);
                Ok(Self { histogram, generated: plan.generated })
            }
        }
    }
}

impl Desk {
    /// For clients that were hired with these awards.
    ///
    /// # Errors
    /// A target that is none.
    pub fn open(setup: &Setup, met: &Met, believed: &Profile, allocation: &Allocation, roles: &Roles) -> Outcome<Self> {
        let work = |(id, (client, &mode)): (u64, (&super::profile::ClientProfile, &Mode))| {
            Work::of(&client.histogram, mode, &roles.target, setup.seed, id)
        };
        let works = (0..).zip(believed.clients.iter().zip(&roles.modes)).map(work).collect::<Outcome<_>>()?;
        let awards = allocation.outcome.awards.iter().map(|award| award.payment.micros()).collect();
        Ok(Self { participants: met.participants.clone(), works, awards })
    }

    /// Label counts of what each client trains on; an empty entry for a client that stays out.
    pub fn histograms(&self) -> Vec<Vec<usize>> {
        self.works.iter().map(|work| work.histogram.clone()).collect()
    }

    /// Says who is hired, and hands out whoever asks them for the engine. Images are numbered in the order of clients, as if one
    /// process drew all of them.
    ///
    /// # Errors
    /// What the participants return.
    pub fn hire(&self, roles: &Roles, local: &LocalSgd) -> Outcome<Arc<dyn Remote>> {
        let mut numbering = Numbering::new(roles.target.len());
        let mut orders = Vec::with_capacity(self.works.len());
        for (client, (work, &mode)) in (0u32..).zip(self.works.iter().zip(&roles.modes)) {
            let order = Order {
                client,
                mode,
                award: self.awards[client as usize],
                samples: work.histogram.iter().sum::<usize>() as u64,
                batch: local.batch,
                target: roles.target.clone(),
                first_images: numbering.next(&work.generated),
            };
            orders.push(mode.plays().then_some(order));
        }
        self.participants.hire(&orders)?;
        Ok(Arc::new(Asking { participants: self.participants.clone(), epochs: local.epochs as u64 }))
    }

    /// The rule that the participants bring, if they do.
    pub fn aggregation(&self) -> Option<Aggregation> {
        self.participants.aggregation()
    }

    /// Tells what the books hold.
    ///
    /// # Errors
    /// What the participants return.
    pub fn paid(&self, transactions: &[Transaction]) -> Outcome {
        self.participants.paid(transactions)
    }

    /// How the model does on what each client holds, by what they say; no samples of who says nothing.
    ///
    /// # Errors
    /// What the participants return.
    pub fn evaluate(&self, weights: &Weights) -> Outcome<Vec<Evaluation>> {
        let said = self.participants.evaluate(weights)?;
        let nothing = Evaluation { loss: f64::NAN, correct: 0, samples: 0 };
        Ok((0..self.works.len() as u32).map(|client| said.get(&client).copied().unwrap_or(nothing)).collect())
    }
}

/// The engine's way to them.
struct Asking {
    participants: Arc<dyn Participants>,
    epochs: u64,
}

impl Remote for Asking {
    fn train(&self, state: &ServerState, asked: &[&Participant]) -> Result<BTreeMap<u32, Reply>, String> {
        let clients: Vec<u32> = asked.iter().map(|participant| participant.client.id).collect();
        let replies = self.participants.train(state.round + 1, &state.weights, &clients);
        let mut replies = replies.map_err(|failure| failure.to_string())?;
        for Participant { client: Client { id, samples }, .. } in asked.iter().copied() {
            if let Some(Reply::Model(model)) = replies.get_mut(id) {
                // As the order says, whatever the reply does; a loss is for a curve.
                model.samples = self.epochs * samples.len() as u64;
                model.loss = if model.loss.is_finite() { model.loss } else { 0.0 };
            }
        }
        Ok(replies)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_by_hand() {
        let target = [0.5, 0.5];
        let of = |mode| Work::of(&[6, 2], mode, &target, 1, 0).unwrap();
        assert_eq!(of(Mode::Out), Work::default());
        assert_eq!(of(Mode::Local), Work { histogram: vec![6, 2], generated: vec![] });
        assert_eq!(of(Mode::Augmented), Work { histogram: vec![4, 4], generated: vec![0, 2] });
    }
}
