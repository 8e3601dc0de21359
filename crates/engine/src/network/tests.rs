//! Rounds on the simulated clock: by hand, against the analytic makespan, and laws over random networks.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

const LOAD: Load = Load { down: 1000, up: 100 };

fn network(links: Vec<Link>, seconds_per_sample: Vec<f64>, policy: &str, cohort: usize) -> Network {
    let (policy, compression) = (policy.parse().unwrap(), Compression::default());
    Network { links, seconds_per_sample, rhythm: Rhythm::Always, policy, compression, cohort }
}

fn jobs(samples: &[u64]) -> Vec<Job> {
    (0..).zip(samples).map(|(client, &samples)| Job { client, samples }).collect()
}

/// Plays rounds one after the other.
fn play(network: &Network, seed: u64, pool: &[Job], rounds: u64) -> (Vec<Timetable>, NetworkState) {
    let mut state = NetworkState::default();
    let mut played = Vec::new();
    for round in 1..=rounds {
        let timetable = network.round(&state, round, seed, pool, LOAD).unwrap();
        (state.now, state.flights) = (timetable.ends, timetable.flights.clone());
        if network.policy.learns() {
            for span in timetable.ended.iter().filter(|span| span.fate == Fate::Arrived) {
                let observed = Observed { utility: 1.0, seconds: span.ended - span.asked, round };
                state.observed.insert(span.client, observed);
            }
        }
        played.push(timetable);
    }
    (played, state)
}

/// Client 0: a second of latency, 1000 bytes down in 2 s, 10 samples of 0.5 s, 100 bytes up in 1 s: 1 + 2 + 5 + 1 + 1 = 10 s.
/// Client 1: at once, but for 4 samples of 1 s: 4 s.
fn two(policy: &str, cohort: usize) -> Network {
    let slow = Link { down: 500.0, up: 100.0, latency: 1.0 };
    network(vec![slow, Link::INSTANT], vec![0.5, 1.0], policy, cohort)
}

fn ends(timetable: &Timetable) -> Vec<(u32, f64, Fate)> {
    timetable.ended.iter().map(|span| (span.client, span.ended, span.fate)).collect()
}

#[test]
fn two_clients_by_hand_under_every_policy() {
    use Fate::{Arrived, CutOff};
    let pool = jobs(&[10, 4]);
    let first = |policy, cohort| play(&two(policy, cohort), 1, &pool, 1).0.remove(0);
    let wait = first("wait", 2);
    assert_eq!(ends(&wait), [(1, 4.0, Arrived), (0, 10.0, Arrived)]);
    assert_eq!((wait.begins, wait.ends, wait.bytes_down, wait.bytes_up), (0.0, 10.0, 2000, 200));
    let span = wait.ended[1];
    assert_eq!((span.asked, span.received, span.computed), (0.0, 3.0, 8.0));
    assert_eq!(two("wait", 2).engaged(0, 10, LOAD), 10.0);

    // After 9 s the slow client has been sending for 1 of its 2 s: half its bytes are on the server's side.
    let deadline = first("deadline:9", 2);
    assert_eq!(ends(&deadline), [(1, 4.0, Arrived), (0, 9.0, CutOff)]);
    assert_eq!((deadline.ends, deadline.bytes_down, deadline.bytes_up), (9.0, 2000, 150));
    assert_eq!(first("deadline:10", 2).ends, 10.0, "what arrives at the deadline is in time");
    assert_eq!(first("deadline:99", 2).ends, 10.0, "nobody waits for a deadline when all are there");

    let over = first("over-selection:2", 1);
    assert_eq!(ends(&over), [(1, 4.0, Arrived), (0, 4.0, CutOff)]);
    assert_eq!((over.bytes_down, over.bytes_up), (2000, 100));

    // Late, and counted in the next round, which both begin at second 6: client 0 is busy and arrives in its fourth second,
    // when client 1 does, too.
    let (late, _) = play(&two("late-counts:6", 2), 1, &pool, 2);
    assert_eq!(ends(&late[0]), [(1, 4.0, Arrived)]);
    assert_eq!(late[0].flights.len(), 1);
    assert_eq!((late[1].begins, &late[1].absent[..], &late[1].begun[..]), (6.0, &[(0, Absence::Busy)][..], &[1][..]));
    assert_eq!(ends(&late[1]), [(0, 10.0, Arrived), (1, 10.0, Arrived)], "by time, then by client");

    // One update a step: client 1 delivers at 4 and 8, and at 10 client 0 with what it began at 0.
    let (buffered, _) = play(&two("buffered:1", 2), 1, &pool, 3);
    assert_eq!(buffered.iter().map(|round| round.ends).collect::<Vec<_>>(), [4.0, 8.0, 10.0]);
    assert_eq!(ends(&buffered[2]), [(0, 10.0, Arrived)]);
    assert_eq!(buffered[2].ended[0].made, 1);
    let bytes: u64 = buffered.iter().map(|round| round.bytes_up).sum();
    assert_eq!(bytes, 300, "each message once, however many rounds it takes");
}

#[test]
fn a_client_that_leaves_is_lost_and_one_that_is_away_is_not_asked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    // Client 0 leaves while it computes; client 1 comes at second 2.
    std::fs::write(&path, "client,from,to\n0,0,5\n1,2,100\n").unwrap();
    let rhythm = Presence::Trace(path).open().unwrap();
    let network = Network { rhythm, ..two("wait", 2) };
    let (rounds, _) = play(&network, 1, &jobs(&[10, 4]), 2);
    assert_eq!(rounds[0].absent, [(1, Absence::Away)]);
    assert_eq!(ends(&rounds[0]), [(0, 5.0, Fate::Gone)]);
    assert_eq!((rounds[0].bytes_down, rounds[0].bytes_up), (1000, 0));
    assert_eq!(rounds[1].absent, [(0, Absence::Away)]);
    assert_eq!((rounds[1].begins, rounds[1].ends), (5.0, 9.0));
    // Nobody is there between: the server waits for the trace to begin anew.
    let (alone, _) = play(&network, 1, &jobs(&[10]), 2);
    assert_eq!((alone[1].begins, alone[1].ends), (100.0, 105.0));
}

#[test]
fn what_cannot_be_played_is_said() {
    let short = two("wait", 2).round(&NetworkState::default(), 1, 1, &jobs(&[1, 1, 1]), LOAD);
    assert_eq!(short.unwrap_err(), NetworkError::Unknown { client: 2, links: 2 });
}

#[test]
fn a_million_clients_are_a_matter_of_their_links() {
    // Not timed: that memory and work stay small is what lets this finish at all in a debug build.
    let clients = 100_000;
    let links = LinkSource::Mobile.links(clients, 1).unwrap();
    let pool: Vec<Job> = (0..clients as u32).map(|client| Job { client, samples: 100 }).collect();
    for policy in ["buffered:10", "oort"] {
        let network = network(links.clone(), vec![1e-3; clients], policy, 100);
        let (rounds, state) = play(&network, 1, &pool, 3);
        assert!(rounds.iter().all(|round| round.begun.len() >= 10 && round.begun.len() <= 130));
        assert!(state.flights.len() <= 100);
    }
}

fn links() -> impl Strategy<Value = Vec<(Link, f64, u64)>> {
    let link = (10.0..1e4f64, 10.0..1e4f64, 0.0..2.0f64);
    let client = (link.prop_map(|(down, up, latency)| Link { down, up, latency }), 1e-3..1.0f64, 1u64..50);
    prop::collection::vec(client, 1..20)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// Every client that begins is, once, at exactly one of: arrived, gone, cut off, still at work. Nobody works twice at a time,
    /// time goes forward, and every byte goes over the line once.
    #[test]
    fn what_begins_ends_once(
        clients in links(),
        policy in prop::sample::select(vec!["wait", "deadline:3", "late-counts:2", "over-selection:1.5", "buffered:3", "buffered:1:1", "oort"]),
        presence in prop::sample::select(vec!["always", "markov:20:5", "markov:2:2", "daily:12"]),
        cohort in 1usize..8,
        seed in 0u64..1000,
    ) {
        let rounds = 8;
        let pool: Vec<Job> = (0u32..).zip(&clients).map(|(client, (.., samples))| Job { client, samples: *samples }).collect();
        let mut network = network(clients.iter().map(|c| c.0).collect(), clients.iter().map(|c| c.1).collect(), policy, cohort);
        network.rhythm = presence.parse::<Presence>().unwrap().open().unwrap();
        let (played, state) = play(&network, seed, &pool, rounds);
        prop_assert_eq!(&play(&network, seed, &pool, rounds).0, &played, "the same again");

        let mut begun: BTreeMap<(u64, u32), usize> = BTreeMap::new();
        let mut spans: BTreeMap<u32, Vec<Span>> = BTreeMap::new();
        let mut now = 0.0;
        for timetable in &played {
            prop_assert!(now <= timetable.begins && timetable.begins <= timetable.ends);
            prop_assert!(timetable.ended.iter().all(|span| now <= span.ended && span.ended <= timetable.ends));
            now = timetable.ends;
            timetable.begun.iter().for_each(|&place| *begun.entry((timetable.round, pool[place].client)).or_default() += 1);
            timetable.ended.iter().for_each(|span| spans.entry(span.client).or_default().push(*span));
            if !network.policy.chooses() {
                prop_assert_eq!(timetable.begun.len() + timetable.absent.len(), pool.len());
            }
        }
        prop_assert!(begun.values().all(|times| *times == 1));
        let ended: Vec<(u64, u32)> = spans.values().flatten().map(|span| (span.made, span.client)).collect();
        let working: Vec<(u64, u32)> = state.flights.iter().map(|flight| (flight.made, flight.client)).collect();
        let mut all = [ended.clone(), working].concat();
        all.sort_unstable();
        prop_assert_eq!(all, begun.into_keys().collect::<Vec<_>>(), "everybody who began, once");
        for spans in spans.values() {
            prop_assert!(spans.windows(2).all(|pair| pair[0].ended <= pair[1].asked), "one thing at a time");
        }
        let kept = network.policy.keeps();
        prop_assert!(kept || state.flights.is_empty());

        // Bytes: everything of those that arrived, a part of the others.
        let (down, up) = played.iter().fold((0, 0), |(down, up), round| (down + round.bytes_down, up + round.bytes_up));
        let whole = spans.values().flatten().filter(|span| span.fate == Fate::Arrived).count() as u64;
        let rest = (ended.len() + state.flights.len()) as u64 - whole;
        prop_assert!(LOAD.down * whole <= down && down <= LOAD.down * (whole + rest));
        prop_assert!(LOAD.up * whole <= up && up <= LOAD.up * (whole + rest));
    }

    /// Waiting for all with no latency and lines without limits takes what the slowest computer takes, exactly.
    #[test]
    fn without_a_network_the_clock_is_the_makespan(clients in links(), rounds in 1u64..6) {
        let pool: Vec<Job> = (0u32..).zip(&clients).map(|(client, (.., samples))| Job { client, samples: *samples }).collect();
        let network = network(vec![Link::INSTANT; clients.len()], clients.iter().map(|c| c.1).collect(), "wait", clients.len());
        let (played, state) = play(&network, 1, &pool, rounds);
        let makespan = clients.iter().map(|(_, seconds, samples)| seconds * *samples as f64).fold(0.0, f64::max);
        let mut expected = 0.0;
        for timetable in played {
            expected += makespan;
            prop_assert_eq!(timetable.ends, expected);
        }
        prop_assert_eq!(state.now, expected);
    }
}
