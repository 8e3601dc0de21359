//! What rules compute from one value of the model at a time.

use crate::worker;

/// Values that a worker takes at a time.
const BLOCK: usize = 4096;

/// Computes every value of the result from the values of all updates in its place, on several workers.
pub fn by_value(changes: &[&[f32]], workers: usize, value: impl Fn(&mut [f32]) -> f64 + Sync) -> Vec<f64> {
    let size = changes.first().map_or(0, |change| change.len());
    let blocks = worker::map(workers, size.div_ceil(BLOCK), |block| {
        let mut column = vec![0.0; changes.len()];
        let places = block * BLOCK..size.min((block + 1) * BLOCK);
        let one = |place: usize| {
            column.iter_mut().zip(changes).for_each(|(entry, change)| *entry = change[place]);
            value(&mut column)
        };
        places.map(one).collect::<Vec<f64>>()
    });
    blocks.concat()
}

/// The weighted mean.
pub fn weighted_mean(changes: &[&[f32]], weights: &[f64], workers: usize) -> Vec<f64> {
    let total: f64 = weights.iter().sum();
    by_value(changes, workers, |column| {
        column.iter().zip(weights).map(|(value, weight)| f64::from(*value) * weight).sum::<f64>() / total
    })
}
