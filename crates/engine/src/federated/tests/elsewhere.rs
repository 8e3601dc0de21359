//! Clients that are elsewhere: a round is what it would be if they were here.

use super::remote::{Remote, Reply};
use super::*;
use std::collections::BTreeMap;

/// Trains clients one by one in another federation, which has their samples.
struct Elsewhere {
    federation: Federation,
    clients: Vec<Participant>,
    /// What is done to a client's reply in a round.
    meddle: fn(u64, u32, Reply) -> Option<Reply>,
}

impl Remote for Elsewhere {
    fn train(&self, state: &ServerState, asked: &[&Participant]) -> Result<BTreeMap<u32, Reply>, String> {
        let reply = |participant: &&Participant| {
            let client = participant.client.id;
            let own = self.clients.iter().find(|own| own.client.id == client).ok_or("a client that there is not")?;
            let model = Reply::Model(self.federation.train_client(state, &own.client));
            Ok((self.meddle)(state.round + 1, client, model).map(|reply| (client, reply)))
        };
        let replies = asked.iter().map(reply).collect::<Result<Vec<_>, String>>()?;
        Ok(replies.into_iter().flatten().collect())
    }
}

/// The same federation with its clients elsewhere, and a server that has none of their samples.
fn elsewhere(
    federation: &Federation,
    cohort: &[Participant],
    meddle: fn(u64, u32, Reply) -> Option<Reply>,
) -> (Federation, Vec<Participant>) {
    let there = Elsewhere { federation: federation.clone(), clients: cohort.to_vec(), meddle };
    let server = Federation { remote: Some(Arc::new(there)), ..federation.clone() };
    let nobody = |own: &Participant| Participant {
        client: Client { id: own.client.id, samples: Vec::new() },
        weight: own.weight,
    };
    (server, cohort.iter().map(nobody).collect())
}

#[test]
fn clients_elsewhere_come_to_the_bits_of_clients_here() {
    for rule in ["mean", "trimmed-mean:1", "clip:0.5"] {
        for way in [local(0.05), LocalSgd { momentum: 0.9, ..local(0.05) }, local_by("fedprox:0.1", 0.05)] {
            let (mut federation, cohort) = federation(Architecture::SimpleCnn, way);
            federation.aggregation = rule.parse().unwrap();
            let (server, asked) = elsewhere(&federation, &cohort, |_, _, reply| Some(reply));
            assert!(train(&federation, &cohort, 2) == train(&server, &asked, 2), "{rule}");
        }
    }
}

#[test]
fn whoever_sends_nothing_usable_is_left_out_and_the_rest_is_a_round() {
    let (federation, cohort) = federation(Architecture::Mlp, local(0.05));
    let (server, asked) = elsewhere(&federation, &cohort, |_, client, reply| match (client, reply) {
        (1, _) => None,
        (2, _) => Some(Reply::Refused(Refusal::NotFinite)),
        (3, Reply::Model(mut model)) => {
            model.values[0] = f32::NAN;
            Some(Reply::Model(model))
        }
        (_, reply) => Some(reply),
    });
    let start = server.start();
    let (state, report) = server.apply(start.clone(), &asked).unwrap();
    assert_eq!(report.counted.iter().map(|(client, _)| *client).collect::<Vec<_>>(), [0, 4]);
    assert_eq!(report.dropped, [Dropped { client: 1, when: DropOut::During }]);
    assert_eq!(report.rejected.iter().map(|rejection| rejection.client).collect::<Vec<_>>(), [3, 2]);
    // The share of who was refused after it was weighed is lost to nobody: those who counted make the model.
    assert_ne!(state.weights, start.weights);
}

#[test]
fn a_round_of_nobody_is_skipped_and_one_that_cannot_be_asked_ends() {
    let (federation, cohort) = federation(Architecture::Mlp, local(0.05));
    let (server, asked) = elsewhere(&federation, &cohort, |_, _, _| None);
    let start = server.start();
    let (state, report) = server.apply(start.clone(), &asked).unwrap();
    assert!(report.skipped && report.counted.is_empty() && state.weights == start.weights && state.round == 1);
    let mut strange = asked;
    strange[0].client.id = 99;
    let error = server.apply(start, &strange).unwrap_err();
    assert!(error.to_string().contains("a client that there is not"), "{error}");
}
