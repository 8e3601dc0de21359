//! Training a cohort: clients in chunks, chunks spread over threads, shares of the cohort over ranks.

use super::aggregate::ExactMean;
use super::gather::{Roll, Trained};
use super::{Federation, Participant, Plan, ServerState, chunk, exchange};
use crate::client::Client;

/// What came out of training a cohort.
pub(super) struct Trainings {
    /// In the order of the cohort.
    pub trained: Vec<Trained>,
    /// Of the updates that could be added up as they came.
    pub mean: ExactMean,
    /// Rows of samples that were computed, padding included.
    pub rows: u64,
    /// How this rank's share was spread.
    pub plan: Plan,
    /// Seconds of waiting for other ranks.
    pub waiting: f64,
    /// Seconds of exchange with them.
    pub communication: f64,
}

impl Federation {
    /// Trains everybody who was called, each on one of the ranks; what they send comes back in the order of the cohort, on
    /// every rank. `total` is the weight of all updates that arrive.
    pub(super) fn train(&self, state: &ServerState, roll: &Roll, total: f64) -> Trainings {
        let ranks = &self.compute.ranks;
        let owners = exchange::owners(ranks, &roll.called);
        let own: Vec<usize> = (0..owners.len()).filter(|&place| owners[place] == ranks.rank()).collect();
        let called: Vec<&Participant> = own.iter().map(|&place| roll.called[place].participant).collect();
        let plan = Plan::new(&self.compute, &self.local, state.weights.layout(), &self.trace, called.len());
        let chunks = plan.chunks(&called, &self.local);
        // What is kept is not added up.
        let summed = if self.keeps_updates() { 0 } else { state.weights.values().len() };
        let (means, trained) = crate::worker::run(
            plan.workers,
            chunks.len(),
            || ExactMean::new(summed),
            |mean, index| {
                let clients: Vec<&Client> = chunks[index].iter().map(|&nth| &called[nth].client).collect();
                let (updates, rows) = self.train_chunk(state, &clients, state.round + 1);
                let take = |(update, &nth): (chunk::Update, &usize)| {
                    Trained::take(self, state, mean, roll.called[own[nth]], update, total)
                };
                (updates.into_iter().zip(&chunks[index]).map(take).collect::<Vec<_>>(), rows)
            },
        );
        let rows = trained.iter().map(|(_, rows)| rows).sum();
        let trained = in_order(&chunks, trained.into_iter().map(|(trained, _)| trained));
        let mean = means.into_iter().fold(ExactMean::new(summed), ExactMean::merge);
        let trainings = Trainings { trained, mean, rows, plan, waiting: 0.0, communication: 0.0 };
        if ranks.are_several() { exchange::join(self, state, roll, &owners, trainings) } else { trainings }
    }
}

/// Puts what chunks returned back into the order of the clients.
fn in_order(chunks: &[Vec<usize>], trained: impl Iterator<Item = Vec<Trained>>) -> Vec<Trained> {
    let mut placed: Vec<(usize, Trained)> = chunks.iter().flatten().copied().zip(trained.flatten()).collect();
    placed.sort_by_key(|(place, _)| *place);
    placed.into_iter().map(|(_, trained)| trained).collect()
}
