//! A round whose clients are elsewhere: somebody asks them to train and brings what they send; everything behind that is a round as any
//! other.

use super::availability::DropOut;
use super::chunk::Update;
use super::error::TrainingError;
use super::federation::Federation;
use super::participant::Participant;
use super::remote::{Model, Remote, Reply};
use super::report::Dropped;
use super::roll::Roll;
use super::state::ServerState;
use super::training::Part;
use crate::client::Client;
use crate::update::{Refusal, Rejection};
use std::collections::BTreeMap;

impl Federation {
    /// What a client makes of the model of `state`, for whoever asked it from elsewhere: to the bit what it would have made in the round
    /// behind `state`. Algorithms that remember clients find nothing to remember here.
    pub fn train_client(&self, state: &ServerState, client: &Client) -> Model {
        let (updates, _) = self.train_chunk(state, &[client], state.round + 1);
        // A chunk of one client has one update.
        let found = updates.into_iter().next().map(|update| (update.model, update.loss, update.samples));
        let (values, loss, samples) = found.unwrap_or_default();
        Model { values, loss, samples }
    }

    /// Lets everybody who was called train elsewhere. Who sent nothing that can be looked at leaves the roll.
    pub(super) fn ask(&self, remote: &dyn Remote, state: &ServerState, roll: &mut Roll) -> Result<Part, TrainingError> {
        let asked: Vec<&Participant> = roll.called.iter().map(|called| called.participant).collect();
        let unasked = |problem| TrainingError::Elsewhere { round: state.round + 1, problem };
        let mut replies = remote.train(state, &asked).map_err(unasked)?;
        let mut models = BTreeMap::new();
        for participant in asked {
            let client = participant.client.id;
            match replies.remove(&client).unwrap_or(Reply::Silent(DropOut::During)) {
                Reply::Model(model) if model.values.len() == state.weights.values().len() => {
                    models.insert(client, model);
                }
                Reply::Model(_) => roll.refused.push(Rejection { client, reason: Refusal::WrongShape }),
                Reply::Silent(when) => roll.dropped.push(Dropped { client, when }),
                Reply::Refused(reason) => roll.refused.push(Rejection { client, reason }),
            }
        }
        roll.called.retain(|called| models.contains_key(&called.participant.client.id));
        roll.total = roll.called.iter().map(|called| called.participant.weight).sum();
        let mut part = Part::new(self.intake(state.weights.values().len(), None));
        for &called in &roll.called {
            let Some(model) = models.remove(&called.participant.client.id) else { continue };
            let Model { values, loss, samples } = model;
            part.take(self, state, called, Update { model: values, variate: None, loss, samples }, roll.total);
        }
        Ok(part)
    }
}
