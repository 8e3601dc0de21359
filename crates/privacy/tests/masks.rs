//! Whole rounds of masked sums, with clients that drop out at every step.

use chacha20::ChaCha20Rng;
use imfl_privacy::Error;
use imfl_privacy::masks::{Joining, Revealed, SealedShares, Server};
use proptest::prelude::*;
use rand::SeedableRng;

/// At which step a client falls silent: before dealing shares (1), before sending its vector (2), before answering
/// (3), never (4).
#[derive(Clone, Debug)]
struct Plan {
    round: u64,
    seed: u64,
    threshold: usize,
    /// Ids grow by these.
    gaps: Vec<u64>,
    silent: Vec<u8>,
    vectors: Vec<Vec<i64>>,
}

fn plan() -> impl Strategy<Value = Plan> {
    (2usize..=6, 1usize..20).prop_flat_map(|(clients, length)| {
        let vector = prop::collection::vec(any::<i64>(), length);
        let silent =
            prop::collection::vec(prop_oneof![1 => Just(1u8), 1 => Just(2u8), 1 => Just(3u8), 4 => Just(4u8)], clients);
        let threshold = (clients / 2 + 1).max(2)..=clients.max(2);
        let gaps = prop::collection::vec(1u64..1 << 40, clients);
        (any::<u64>(), any::<u64>(), threshold, gaps, silent, prop::collection::vec(vector, clients)).prop_map(
            |(round, seed, threshold, gaps, silent, vectors)| Plan { round, seed, threshold, gaps, silent, vectors },
        )
    })
}

/// What the server finds, and the plain sum of the vectors that arrived.
fn play(plan: &Plan) -> (Result<Vec<i64>, Error>, Vec<i64>, Vec<usize>) {
    let mut rng = ChaCha20Rng::seed_from_u64(plan.seed);
    let ids: Vec<u64> = plan
        .gaps
        .iter()
        .scan(0u64, |id, gap| {
            *id += gap;
            Some(*id)
        })
        .collect();
    let length = plan.vectors[0].len();
    let mut server = Server::new(plan.round, plan.threshold, length).unwrap();
    let (joining, advertisements): (Vec<_>, Vec<_>) =
        ids.iter().map(|id| Joining::new(plan.round, *id, &mut rng)).unzip();
    let roster = server.roster(advertisements.into_iter().rev().collect()).unwrap().to_vec();
    let mut sharing = Vec::new();
    let mut sealed: Vec<SealedShares> = Vec::new();
    for (k, client) in joining.into_iter().enumerate().filter(|(k, _)| plan.silent[*k] > 1) {
        let (next, shares) = client.share(&roster, plan.threshold, &mut rng).unwrap();
        sharing.push((k, next));
        sealed.extend(shares);
    }
    let mut plain = vec![0i64; length];
    let mut masked = Vec::new();
    let dealt = sharing.len();
    for (k, client) in sharing {
        let mine: Vec<SealedShares> = sealed.iter().filter(|shares| shares.to == ids[k]).cloned().collect();
        let mut vector = plan.vectors[k].clone();
        match client.mask(mine, &mut vector) {
            Ok(next) => {
                assert_ne!(vector, plan.vectors[k], "a mask of zeros");
                if plan.silent[k] > 2 {
                    server.add(ids[k], &vector).unwrap();
                    plain.iter_mut().zip(&plan.vectors[k]).for_each(|(sum, x)| *sum = sum.wrapping_add(*x));
                    masked.push((k, next));
                }
            }
            Err(error) => {
                assert!(dealt < plan.threshold && matches!(error, Error::TooFew { .. }));
                assert_eq!(vector, plan.vectors[k]);
            }
        }
    }
    let survivors = server.survivors();
    let answers: Vec<Revealed> = masked
        .into_iter()
        .filter(|(k, _)| plan.silent[*k] > 3)
        .filter_map(|(_, client)| client.reveal(&survivors).ok())
        .collect();
    let counts = vec![dealt, survivors.len(), answers.len()];
    (server.finish(answers), plain, counts)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]
    #[test]
    fn masked_sums_are_plain_sums_or_stay_hidden(plan in plan()) {
        let (found, plain, counts) = play(&plan);
        if counts.iter().all(|left| *left >= plan.threshold) {
            prop_assert_eq!(found.unwrap(), plain);
        } else {
            prop_assert!(matches!(found, Err(Error::TooFew { .. })), "{:?}", found);
        }
    }
}

fn whole(silent: [u8; 4]) -> Plan {
    let vectors = (0..4).map(|k| vec![k, -k, 1 << 60]).collect();
    Plan { round: 3, seed: 9, threshold: 3, gaps: vec![1; 4], silent: silent.to_vec(), vectors }
}

#[test]
fn one_client_too_few_hides_the_sum() {
    assert_eq!(play(&whole([4, 3, 4, 4])).0.unwrap(), [6, -6, 1 << 62]);
    let error = play(&whole([4, 3, 3, 4])).0.unwrap_err();
    assert_eq!(error, Error::TooFew { round: 3, found: 2, threshold: 3 });
    assert!(error.to_string().contains("stays hidden"));
}

#[test]
fn messages_that_do_not_fit_are_refused() {
    let mut rng = ChaCha20Rng::seed_from_u64(4);
    let round = 1;
    let make =
        |rng: &mut ChaCha20Rng| -> (Vec<Joining>, Vec<_>) { (0..3).map(|id| Joining::new(round, id, rng)).unzip() };
    let said = |error: Error, text: &str| assert!(error.to_string().contains(text), "{error}");

    let (mut joining, advertisements) = make(&mut rng);
    let mut twice = advertisements.clone();
    twice.push(advertisements[0].clone());
    said(Server::new(round, 2, 1).unwrap().roster(twice.clone()).unwrap_err(), "advertised twice");
    said(Server::new(round, 4, 1).unwrap().roster(advertisements.clone()).unwrap_err(), "threshold");
    said(Server::new(round, 1, 1).err().unwrap(), "threshold");
    said(joining.pop().unwrap().share(&advertisements[..2], 2, &mut rng).err().unwrap(), "own keys");
    said(joining.pop().unwrap().share(&advertisements, 1, &mut rng).err().unwrap(), "threshold");
    // A public key of small order makes the secret the same for everybody.
    let mut weak = advertisements.clone();
    weak[1].sealing = [0; 32];
    said(joining.pop().unwrap().share(&weak, 2, &mut rng).err().unwrap(), "key of client 1");

    let dealt = |rng: &mut ChaCha20Rng| {
        let (joining, advertisements) = make(rng);
        let (sharing, sealed): (Vec<_>, Vec<_>) =
            joining.into_iter().map(|client| client.share(&advertisements, 2, rng).unwrap()).unzip();
        let boxes: Vec<Vec<SealedShares>> =
            (0..3).map(|to| sealed.iter().flatten().filter(|shares| shares.to == to).cloned().collect()).collect();
        (sharing, boxes, advertisements)
    };
    let (mut sharing, boxes, _) = dealt(&mut rng);
    let mut changed = boxes[2].clone();
    changed[0].sealed[5] ^= 1;
    said(sharing.pop().unwrap().mask(changed, &mut [0]).err().unwrap(), "cannot be opened");
    said(sharing.pop().unwrap().mask(boxes[0].clone(), &mut [0]).err().unwrap(), "cannot be opened");
    let twice = [boxes[0].clone(), boxes[0][..1].to_vec()].concat();
    said(sharing.pop().unwrap().mask(twice, &mut [0]).err().unwrap(), "came twice");
    let (mut sharing, boxes, _) = dealt(&mut rng);
    said(sharing.pop().unwrap().mask(boxes[2][..2].to_vec(), &mut [0]).err().unwrap(), "did not come back");
    said(sharing.pop().unwrap().mask(boxes[1][1..2].to_vec(), &mut [0]).err().unwrap(), "are needed");
    let mut stranger = boxes[0].clone();
    stranger[1].from = 8;
    said(sharing.pop().unwrap().mask(stranger, &mut [0]).err().unwrap(), "not on the roster");

    let (sharing, boxes, advertisements) = dealt(&mut rng);
    let mut masked: Vec<_> =
        sharing.into_iter().zip(boxes).map(|(client, sealed)| client.mask(sealed, &mut [0]).unwrap()).collect();
    let mut server = Server::new(round, 2, 1).unwrap();
    server.roster(advertisements).unwrap();
    said(server.add(9, &[1]).unwrap_err(), "not on the roster");
    said(server.add(0, &[1, 2]).unwrap_err(), "2 values");
    server.add(0, &[1]).unwrap();
    said(server.add(0, &[1]).unwrap_err(), "two vectors");
    server.add(1, &[1]).unwrap();
    said(masked.pop().unwrap().reveal(&[0]).err().unwrap(), "are needed");
    let answers: Vec<Revealed> = masked.into_iter().map(|client| client.reveal(&server.survivors()).unwrap()).collect();
    // A wrong share of the client that dropped out does not give back its key.
    let mut wrong = answers.clone();
    wrong[0].shares[2].share = [0; 32];
    said(server.finish(wrong).unwrap_err(), "do not give back its key");
}

#[test]
fn a_client_answers_for_known_survivors_only() {
    let mut rng = ChaCha20Rng::seed_from_u64(5);
    let (joining, advertisements): (Vec<_>, Vec<_>) = (0..2).map(|id| Joining::new(0, id, &mut rng)).unzip();
    let (sharing, sealed): (Vec<_>, Vec<_>) =
        joining.into_iter().map(|client| client.share(&advertisements, 2, &mut rng).unwrap()).unzip();
    let mine = sealed.into_iter().flatten().filter(|shares| shares.to == 0).collect();
    let masked = sharing.into_iter().next().unwrap().mask(mine, &mut [5]).unwrap();
    assert!(masked.reveal(&[0, 1, 7]).err().unwrap().to_string().contains("client 7"));
}
