//! Clients that drop out, are late or lie, and a server that is stopped between two rounds.

use super::*;
use std::collections::BTreeSet;

fn mlp(local: LocalSgd) -> (Federation, Vec<Participant>) {
    federation(Architecture::Mlp, local)
}

/// States and reports of some rounds.
fn rounds(federation: &Federation, cohort: &[Participant], count: usize) -> Vec<(ServerState, RoundReport)> {
    let mut state = init(federation.model.as_ref(), 9);
    let next = |_| {
        let (next, report) = federation.apply(state.clone(), cohort).unwrap();
        state = next.clone();
        (next, report)
    };
    (0..count).map(next).collect()
}

#[test]
fn every_rule_is_bit_identical_for_any_workers_and_any_chunk() {
    for rule in ["clip:0.5", "median", "trimmed-mean:1", "krum:1", "multi-krum:1", "geometric-median"] {
        let (mut federation, cohort) = mlp(local(0.05));
        federation.aggregation = rule.parse().unwrap();
        federation.hostility = Some(Hostility { attack: "gaussian:0.1".parse().unwrap(), clients: [1].into() });
        let mut after = |workers, chunk| {
            (federation.compute.workers, federation.compute.chunk) = (workers, Some(chunk));
            train(&federation, &cohort, 3)
        };
        let one = after(1, 1);
        for (workers, chunk) in [(2, 1), (2, 4), (1, 50)] {
            assert!(one == after(workers, chunk), "{rule}: {workers} workers, chunks of {chunk}");
        }
    }
}

#[test]
fn a_round_with_drop_outs_is_a_round_of_those_who_deliver() {
    let kinds: [fn(&mut Availability) -> &mut f64; 3] = [|a| &mut a.before, |a| &mut a.during, |a| &mut a.after];
    for kind in kinds {
        let (mut federation, cohort) = mlp(local(0.05));
        *kind(&mut federation.availability) = 0.4;
        let (state, report) = rounds(&federation, &cohort, 1).remove(0);
        let dropped: BTreeSet<u32> = report.dropped.iter().map(|dropped| dropped.client).collect();
        assert!(!dropped.is_empty() && dropped.len() < 5, "the seed lets some deliver: {dropped:?}");
        let there: Vec<Participant> = cohort.iter().filter(|one| !dropped.contains(&one.client.id)).cloned().collect();
        let counted: Vec<(u32, u64)> = there.iter().map(|one| (one.client.id, 1)).collect();
        assert_eq!(report.counted, counted);
        federation.availability = Availability::default();
        let (alone, _) = rounds(&federation, &there, 1).remove(0);
        assert_eq!(state, alone);
    }
}

#[test]
fn below_the_quorum_nothing_changes() {
    for rule in ["mean", "median"] {
        let scaffold = local_by("scaffold", 0.05);
        let (mut federation, cohort) = mlp(scaffold);
        federation.server = Server::new(ServerRule::FedAvgM);
        federation.aggregation = rule.parse().unwrap();
        (federation.availability.before, federation.quorum) = (0.4, 5);
        let start = init(federation.model.as_ref(), 9);
        let (state, report) = rounds(&federation, &cohort, 1).remove(0);
        assert!(report.skipped && report.counted.is_empty() && report.rejected.is_empty());
        assert_eq!(state, ServerState { round: 1, ..start.clone() });
        federation.availability.before = 1.0;
        federation.quorum = 3;
        let (state, report) = rounds(&federation, &cohort, 2).remove(1);
        assert_eq!((report.skipped, report.samples, report.dropped.len(), report.padding), (true, 0, 5, 0.0));
        assert_eq!(state, ServerState { round: 2, ..start });
    }
}

#[test]
fn a_late_update_counts_once_and_in_the_next_round() {
    for rule in ["mean", "clip:1e9", "median"] {
        let (mut federation, cohort) = mlp(local(0.05));
        federation.aggregation = rule.parse().unwrap();
        federation.quorum = federation.aggregation.needs();
        federation.availability = Availability { late: 0.4, before: 0.1, ..Availability::default() };
        let mut counted = BTreeSet::new();
        let mut expected: BTreeSet<u32> = BTreeSet::new();
        let mut late_ones = 0;
        for (_, report) in rounds(&federation, &cohort, 20) {
            for one in &report.counted {
                assert!(counted.insert(*one), "{rule}: {one:?} counted twice");
            }
            let arrived: BTreeSet<u32> =
                report.counted.iter().filter(|one| one.1 + 1 == report.round).map(|one| one.0).collect();
            assert!(report.skipped || arrived == expected, "{rule}, round {}", report.round);
            for client in &expected {
                let busy = Dropped { client: *client, when: DropOut::Busy };
                assert!(report.dropped.contains(&busy), "{rule}: nobody does two things at once");
            }
            late_ones += arrived.len();
            expected = report.late.iter().copied().collect();
        }
        assert!(late_ones > 5, "{rule}: a test without late updates says nothing");
    }
}

/// One client that is always late: what it learnt in the first round is what moves the model in the second.
#[test]
fn a_late_update_moves_the_model_as_if_it_had_come() {
    let (mut federation, cohort) = mlp(local(0.05));
    let in_time = rounds(&federation, &cohort[..1], 1).remove(0).0;
    federation.availability.late = 1.0;
    let late = rounds(&federation, &cohort[..1], 2);
    assert_eq!((late[0].1.skipped, late[1].1.skipped), (true, false));
    assert_eq!(late[1].1.counted, [(cohort[0].client.id, 1)]);
    let off = farthest(late[1].0.weights.values(), in_time.weights.values());
    assert!(off < 1e-6, "off by {off}");
}

#[test]
fn lies_that_are_no_numbers_are_named_and_left_out() {
    let (mut federation, cohort) = mlp(local(0.05));
    let honest: Vec<Participant> = cohort.iter().filter(|one| one.client.id != 2).cloned().collect();
    let expected = rounds(&federation, &honest, 1).remove(0).0;
    federation.hostility = Some(Hostility { attack: "nan".parse().unwrap(), clients: [2].into() });
    let (state, report) = rounds(&federation, &cohort, 1).remove(0);
    assert_eq!(report.rejected, [Rejection { client: 2, reason: Refusal::NotFinite }]);
    assert_eq!(report.counted.len(), 4);
    let off = farthest(state.weights.values(), expected.weights.values());
    assert!(off < 1e-6, "off by {off}");
    // Four are left, and Krum needs five.
    federation.aggregation = "krum:1".parse().unwrap();
    let error = federation.apply(init(federation.model.as_ref(), 9), &cohort).unwrap_err();
    assert!(matches!(error, TrainingError::TooFew { round: 1, source: TooFew { needs: 5, found: 4, .. } }), "{error}");
}

#[test]
fn a_client_that_is_named_twice_counts_once() {
    for rule in ["mean", "median"] {
        let (mut federation, cohort) = mlp(local(0.05));
        federation.aggregation = rule.parse().unwrap();
        let doubled = [&cohort[..], &cohort[1..2]].concat();
        let (state, report) = rounds(&federation, &doubled, 1).remove(0);
        assert_eq!(report.rejected, [Rejection { client: 1, reason: Refusal::Duplicate }]);
        assert_eq!(state, rounds(&federation, &cohort, 1).remove(0).0);
    }
}

#[test]
fn a_server_that_is_stopped_and_read_back_goes_on_the_same() {
    let scaffold = local_by("scaffold", 0.05);
    for local in [local(0.05), scaffold] {
        let (mut federation, cohort) = mlp(local);
        federation.server = Server::new(ServerRule::FedYogi);
        federation.availability = Availability { late: 0.3, during: 0.1, ..Availability::default() };
        let whole = rounds(&federation, &cohort, 6);
        let mut state = init(federation.model.as_ref(), 9);
        for (expected, _) in whole {
            let parts = state.to_parts().unwrap();
            let read = ServerState::from_parts(federation.model.layout(), state.round, &parts).unwrap();
            assert_eq!(read, state);
            state = federation.apply(read, &cohort).unwrap().0;
            assert_eq!(state, expected);
        }
    }
}
