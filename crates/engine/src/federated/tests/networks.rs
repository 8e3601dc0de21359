//! Rounds on networks, with training: what is the same as without, what arrives when, what is remembered.

use super::*;
use crate::network::{LinkSource, Load, Network, Presence};

fn on(federation: &mut Federation, source: LinkSource, policy: &str, compression: &str, cohort: usize) {
    federation.network = Some(Arc::new(Network {
        links: source.links(5, 3).unwrap(),
        seconds_per_sample: vec![1e-3, 2e-3, 1e-2, 1e-3, 5e-3],
        rhythm: Presence::Always.open().unwrap(),
        policy: policy.parse().unwrap(),
        compression: compression.parse().unwrap(),
        cohort,
    }));
}

fn rounds(federation: &Federation, cohort: &[Participant], last: u64) -> (ServerState, Vec<RoundReport>) {
    let mut reports = Vec::new();
    let see = |_: &ServerState, report: RoundReport| {
        reports.push(report);
        Ok::<_, TrainingError>(())
    };
    let state = federation.train_with(federation.start(), last, |_| Ok(cohort), see).unwrap();
    (state, reports)
}

#[test]
fn a_network_that_waits_for_all_changes_no_bit_of_the_model() {
    for way in ways() {
        let (mut federation, cohort) = federation(Architecture::Mlp, way);
        let (without, _) = rounds(&federation, &cohort, 3);
        on(&mut federation, LinkSource::Mobile, "wait", "f32", 5);
        let (with, reports) = rounds(&federation, &cohort, 3);
        assert_eq!((with.weights, with.variates), (without.weights, without.variates));
        let traffic: Vec<&Traffic> = reports.iter().map(|report| report.network.as_ref().unwrap()).collect();
        let size = federation.model.layout().size();
        let load = Load::of(size, &Default::default(), federation.local.algorithm.memory().is_some());
        assert!(traffic.iter().all(|round| (round.bytes_down, round.bytes_up) == (5 * load.down, 5 * load.up)));
        assert!(traffic.windows(2).all(|pair| pair[0].ends == pair[1].begins && pair[1].begins < pair[1].ends));
        assert_eq!(traffic[0].clients.len(), 5);
        assert_eq!(with.network.now, traffic[2].ends);
    }
}

/// With error feedback nothing is lost for ever: what the server has got and what the client still holds back are together what
/// the client has trained.
#[test]
fn what_compression_leaves_out_is_remembered() {
    let (mut federation, cohort) = federation(Architecture::Mlp, local(0.05));
    on(&mut federation, LinkSource::Lan, "wait", "top-k:0.05", 5);
    let alone = &cohort[..1];
    let start = federation.start();
    let (state, _) = federation.apply(start.clone(), alone).unwrap();
    let plain = {
        let mut plain = federation.clone();
        plain.network = None;
        plain.apply(start.clone(), alone).unwrap().0
    };
    let residue = &state.network.residues[&alone[0].client.id];
    let size = residue.len();
    let moved = |after: &ServerState| -> Vec<f32> {
        after.weights.values().iter().zip(start.weights.values()).map(|(a, b)| a - b).collect()
    };
    let (sent, whole) = (moved(&state), moved(&plain));
    assert!(sent.iter().filter(|value| **value != 0.0).count() <= (0.05 * size as f64).ceil() as usize);
    let together: Vec<f32> = sent.iter().zip(residue.iter()).map(|(sent, left)| sent + left).collect();
    assert!(farthest(&together, &whole) < 1e-6 && farthest(&sent, &whole) > 1e-4);
}

#[test]
fn late_updates_are_on_their_way_in_what_is_saved() {
    let (mut federation, cohort) = federation(Architecture::Mlp, local_by("scaffold", 0.05));
    on(&mut federation, LinkSource::Mobile, "buffered:2", "top-k:0.1", 4);
    let (whole, reports) = rounds(&federation, &cohort, 6);
    assert!(reports.iter().all(|report| report.counted.len() == 2 && !report.skipped));
    assert!(reports.iter().any(|report| report.counted.iter().any(|(_, made)| *made < report.round)), "some are stale");
    for cut in 1..6 {
        let (state, _) = rounds(&federation, &cohort, cut);
        assert!(!state.late.is_empty() && state.late.len() == state.network.flights.len());
        let parts = state.to_parts().unwrap();
        let read = ServerState::from_parts(state.weights.layout(), cut, &parts).unwrap();
        assert_eq!(read, state);
        let again = federation.train(read, 6, &cohort).unwrap();
        assert!(again == whole, "cut after round {cut}");
    }
}

/// An update that is one round old moves the model by the change times 2^-1/2, which is all that there is in a round of one.
#[test]
fn a_stale_update_counts_less() {
    let (mut federation, cohort) = federation(Architecture::Mlp, local(0.05));
    on(&mut federation, LinkSource::Lan, "buffered:1", "f32", 2);
    let pair = &cohort[..2];
    let (first, reports) = rounds(&federation, pair, 1);
    let [late] = &first.late[..] else { panic!("one is on its way: {reports:?}") };
    let expected: Vec<f32> =
        first.weights.values().iter().zip(&late.change).map(|(x, d)| x + d * 0.5f32.sqrt()).collect();
    let mut state = first.clone();
    // Only the late one: the other is asked no more.
    let other: Vec<Participant> = pair.iter().filter(|one| one.client.id == late.client).cloned().collect();
    (state, _) = federation.apply(state, &other).unwrap();
    assert!(farthest(state.weights.values(), &expected) < 1e-6);
}

#[test]
fn clients_that_are_cut_off_are_said_and_train_nothing() {
    let (mut federation, cohort) = federation(Architecture::Mlp, local(0.05));
    on(&mut federation, LinkSource::Lan, "over-selection:2", "f32", 2);
    let (_, reports) = rounds(&federation, &cohort[..4], 1);
    let report = &reports[0];
    assert_eq!((report.counted.len(), report.dropped.len(), report.cohort.len()), (2, 2, 4));
    assert!(report.dropped.iter().all(|dropped| dropped.when == DropOut::CutOff));
    let counted: u64 = cohort
        .iter()
        .filter(|one| report.counted.iter().any(|(client, _)| *client == one.client.id))
        .map(|one| 2 * one.client.samples.len() as u64)
        .sum();
    assert_eq!(report.samples, counted);
    assert_eq!(report.network.as_ref().unwrap().lost, 2);
}
