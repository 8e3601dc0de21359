//! Who does what, when things differ in size.

use std::cmp::Reverse;

/// The rank of each thing, so that ranks have about equally much: the largest first, each to the rank with the least so far
/// (Graham 1969: at most 4/3 of the best possible). Ties go to the lower place and the lower rank, so that every rank finds
/// the same answer by itself.
pub fn balanced(loads: &[u64], ranks: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..loads.len()).collect();
    order.sort_by_key(|&place| Reverse(loads[place]));
    let mut least: std::collections::BinaryHeap<Reverse<(u64, usize)>> =
        (0..ranks).map(|rank| Reverse((0, rank))).collect();
    let mut owners = vec![0; loads.len()];
    for place in order {
        // There is a rank for every call: `ranks` is at least 1.
        let Some(Reverse((load, rank))) = least.pop() else { return owners };
        owners[place] = rank;
        // Things without size are shared out as well.
        least.push(Reverse((load + loads[place].max(1), rank)));
    }
    owners
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn by_hand() {
        assert_eq!(balanced(&[5, 5, 5, 5], 2), [0, 1, 0, 1]);
        assert_eq!(balanced(&[1, 9, 4, 4, 2], 2), [0, 0, 1, 1, 1]);
        assert_eq!(balanced(&[0, 0, 0], 3), [0, 1, 2]);
        assert!(balanced(&[], 3).is_empty());
    }

    proptest! {
        /// Graham's bound, against the lower bound of every schedule: the mean load and the largest thing.
        #[test]
        fn nobody_has_much_more_than_it_must(loads in prop::collection::vec(1u64..1000, 0..60), ranks in 1usize..9) {
            let owners = balanced(&loads, ranks);
            let of = |rank: usize| -> u64 { loads.iter().zip(&owners).filter(|(_, owner)| **owner == rank).map(|(load, _)| load).sum() };
            let most = (0..ranks).map(of).max().unwrap_or(0);
            let (sum, largest) = (loads.iter().sum::<u64>(), loads.iter().copied().max().unwrap_or(0));
            prop_assert!(owners.iter().all(|owner| *owner < ranks));
            prop_assert!(most <= sum.div_ceil(ranks as u64) + largest, "{} of {}", most, sum);
        }
    }
}
