use super::{Candidate, Closing, Crowd, Observed, PolicyRule};
use crate::random::{ChaCha8Rng, Purpose, keyed};
use rand::RngExt;
use rand::seq::SliceRandom;

/// Selection by utility and speed after Oort (Lai et al. 2021, arXiv 2010.06081).
///
/// The utility of a client is its samples times their loss when its last update came, with a bonus for having waited,
/// `sqrt(0.1 ln(round) / last round)` of the largest utility; a client slower than preferred counts less, by
/// `(preferred / seconds)^exponent`. A share of each round, 0.9 and 0.98 times less with each round down to 0.2, goes to clients that were
/// never seen. Beyond the paper's: clients with at least 95 % of the utility at the edge are drawn by utility.
///
/// Where this differs from the paper: utility goes by the mean loss of a client's samples and not by the root of the mean of their squares,
/// which clients do not send; the preferred duration is the median of what was seen and has no pacer; clients that were never seen are
/// drawn equally, their speed being unknown. As in the paper 1.3 times as many are asked as are wanted, and the first of them count.
pub struct Oort {
    /// At least 0; the paper takes 2.
    pub exponent: f64,
}

/// Share of clients that were never seen: at first, its decline, and at the end.
const EXPLORE: (f64, f64, f64) = (0.9, 0.98, 0.2);
/// Utility that still has a chance, of the utility at the edge.
const EDGE: f64 = 0.95;
const OVER: f64 = 1.3;

impl PolicyRule for Oort {
    fn asks(&self, wanted: usize) -> usize {
        (wanted as f64 * OVER).ceil() as usize
    }

    fn chooses(&self) -> bool {
        true
    }

    fn learns(&self) -> bool {
        true
    }

    fn closing(&self, wanted: usize) -> Closing {
        Closing { arrivals: Some(wanted), ..Closing::default() }
    }

    fn order(&self, crowd: &Crowd) -> Vec<usize> {
        let mut random = keyed(crowd.seed, Purpose::Dispatch, crowd.round, 0, 0);
        let (mut seen, mut unseen) = (Vec::new(), Vec::new());
        for (place, Candidate { observed, .. }) in crowd.candidates.iter().enumerate() {
            match observed {
                Some(observed) => seen.push((place, *observed)),
                None => unseen.push(place),
            }
        }
        unseen.shuffle(&mut random);
        let (first, decline, least) = EXPLORE;
        let share = (first * decline.powf(crowd.round as f64 - 1.0)).max(least);
        let known = self.ranked(seen, crowd, &mut random);
        // Rounded down, so that somebody known is always among them.
        let explored = ((crowd.wanted as f64 * share) as usize).max(crowd.wanted.saturating_sub(known.len()));
        let explored = explored.min(unseen.len());
        let exploited = crowd.wanted.saturating_sub(explored).min(known.len());
        // Those of this round first; the others follow for those that are away.
        let rest = known[exploited..].iter().chain(&unseen[explored..]);
        known[..exploited].iter().chain(&unseen[..explored]).chain(rest).copied().collect()
    }
}

impl Oort {
    /// Places of clients that were seen: first some that are drawn by utility among the best, then the others by utility.
    fn ranked(&self, seen: Vec<(usize, Observed)>, crowd: &Crowd, random: &mut ChaCha8Rng) -> Vec<usize> {
        let mut seconds: Vec<f64> = seen.iter().map(|(_, observed)| observed.seconds).collect();
        seconds.sort_by(f64::total_cmp);
        let preferred = seconds.get(seconds.len() / 2).copied().unwrap_or(0.0);
        let largest = seen.iter().map(|(_, observed)| observed.utility).fold(0.0, f64::max);
        let utility = |observed: &Observed| {
            let waited = (0.1 * (crowd.round as f64).ln() / observed.round.max(1) as f64).sqrt();
            let slow =
                if observed.seconds > preferred { (preferred / observed.seconds).powf(self.exponent) } else { 1.0 };
            (observed.utility + largest * waited) * slow
        };
        let mut ranked: Vec<(f64, usize)> = seen.iter().map(|(place, observed)| (utility(observed), *place)).collect();
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let Some(&(edge, _)) = ranked.get(crowd.wanted.saturating_sub(1)).or(ranked.last()) else { return Vec::new() };
        let chance = ranked.partition_point(|(utility, _)| *utility >= EDGE * edge);
        // Without replacement in proportion to utility: the largest u^(1/w) first (Efraimidis and Spirakis 2006).
        let mut keyed: Vec<(f64, usize)> = ranked[..chance]
            .iter()
            .map(|(utility, place)| ((1.0 - random.random::<f64>()).ln() / utility.max(f64::MIN_POSITIVE), *place))
            .collect();
        keyed.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        keyed.into_iter().chain(ranked[chance..].iter().copied()).map(|(_, place)| place).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crowd(round: u64, observed: impl Fn(u32) -> Option<Observed>) -> Crowd {
        let candidates = (0..100).map(|client| Candidate { client, observed: observed(client) }).collect();
        Crowd { candidates, wanted: 10, round, seed: 1 }
    }

    #[test]
    fn every_client_is_named_once_and_the_unseen_come_first_in_the_beginning() {
        let crowd = crowd(1, |client| {
            (client < 50).then_some(Observed { utility: 1.0 + f64::from(client), seconds: 1.0, round: 1 })
        });
        let order = Oort { exponent: 2.0 }.order(&crowd);
        let mut sorted = order.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..100).collect::<Vec<_>>());
        assert_eq!(order[..10].iter().filter(|place| **place >= 50).count(), 9, "0.9 of ten");
        assert_eq!(order, Oort { exponent: 2.0 }.order(&crowd));
    }

    #[test]
    fn later_useful_and_fast_clients_are_preferred() {
        let all = |client: u32| {
            let (utility, seconds) = (f64::from(client), if client >= 90 { 1000.0 } else { 1.0 });
            Some(Observed { utility, seconds, round: 300 })
        };
        let order = Oort { exponent: 2.0 }.order(&crowd(301, all));
        assert!(
            order[..10].iter().all(|place| (70..90).contains(place)),
            "useful, and none of the slow ones: {order:?}"
        );
        let blind = Oort { exponent: 0.0 }.order(&crowd(301, all));
        assert!(blind[..10].iter().any(|place| *place >= 90), "without the exponent speed does not matter");
    }
}
