//! Which labels each client holds, given how many samples.

use super::sizes;
use crate::data::Dataset;
use crate::random::{ChaCha8Rng, Purpose, keyed};
use rand::RngExt;
use rand::seq::SliceRandom;

/// A random deal.
pub(super) fn iid(samples: usize, sizes: &[usize], random: &mut ChaCha8Rng) -> Vec<Vec<u32>> {
    let mut order: Vec<u32> = (0..samples as u32).collect();
    order.shuffle(random);
    let mut rest = order.into_iter();
    sizes.iter().map(|&size| rest.by_ref().take(size).collect()).collect()
}

/// Each client draws label shares, then one sample at a time from the classes that still have some.
pub(super) fn dirichlet(data: &Dataset, sizes: &[usize], alpha: f64, seed: u64) -> Vec<Vec<u32>> {
    let mut pools = data.by_class();
    for (class, pool) in pools.iter_mut().enumerate() {
        pool.shuffle(&mut keyed(seed, Purpose::Partition, 2, 0, class as u64));
    }
    let deal = |(client, &size): (usize, &usize)| {
        let mut random = keyed(seed, Purpose::Partition, 3, client as u64, 0);
        let shares = sizes::draw_shares(pools.len(), alpha, &mut random);
        (0..size).filter_map(|_| draw(&mut pools, &shares, &mut random)).collect()
    };
    sizes.iter().enumerate().map(deal).collect()
}

/// Takes a sample of a class drawn by `shares` among the classes that have one left.
fn draw(pools: &mut [Vec<u32>], shares: &[f64], random: &mut ChaCha8Rng) -> Option<u32> {
    let left = |weight: &dyn Fn(usize) -> f64, pools: &[Vec<u32>]| -> f64 {
        pools.iter().enumerate().filter(|(_, pool)| !pool.is_empty()).map(|(class, _)| weight(class)).sum()
    };
    // Once a client's classes are used up it takes what others left, by how much is left.
    let by_share = left(&|class| shares[class], pools);
    let remaining: Vec<f64> = pools.iter().map(|pool| pool.len() as f64).collect();
    let weight = |class: usize| if by_share > 0.0 { shares[class] } else { remaining[class] };
    let mut point = random.random::<f64>() * left(&weight, pools);
    let mut chosen = None;
    for class in (0..pools.len()).filter(|&class| !pools[class].is_empty() && weight(class) > 0.0) {
        chosen = Some(class);
        point -= weight(class);
        if point < 0.0 {
            break;
        }
    }
    chosen.and_then(|class| pools[class].pop())
}

/// Samples in the order of their labels, cut into `clients * per_client` pieces, dealt at random.
pub(super) fn shards(data: &Dataset, clients: usize, per_client: usize, random: &mut ChaCha8Rng) -> Vec<Vec<u32>> {
    let mut classes = data.by_class();
    classes.iter_mut().for_each(|class| class.shuffle(random));
    let mut sorted = classes.concat().into_iter();
    let pieces: Vec<Vec<u32>> =
        sizes::equal(data.len(), clients * per_client).into_iter().map(|n| sorted.by_ref().take(n).collect()).collect();
    let mut order: Vec<usize> = (0..pieces.len()).collect();
    order.shuffle(random);
    order.chunks(per_client).map(|own| own.iter().flat_map(|&piece| pieces[piece].iter().copied()).collect()).collect()
}
