//! Rules that look at one value of the model at a time.

use crate::worker;

/// Values that a worker takes at a time.
const BLOCK: usize = 4096;

/// Computes every value of the result from the values of all updates in its place, on several workers.
pub(super) fn by_value(changes: &[&[f32]], workers: usize, value: impl Fn(&mut [f32]) -> f64 + Sync) -> Vec<f64> {
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
pub(super) fn mean(changes: &[&[f32]], weights: &[f64], workers: usize) -> Vec<f64> {
    let total: f64 = weights.iter().sum();
    by_value(changes, workers, |column| {
        column.iter().zip(weights).map(|(value, weight)| f64::from(*value) * weight).sum::<f64>() / total
    })
}

/// The median: with an even number, the mean of the two in the middle.
pub(super) fn median(changes: &[&[f32]], workers: usize) -> Vec<f64> {
    by_value(changes, workers, |column| {
        column.sort_unstable_by(f32::total_cmp);
        let middle = column.len() / 2;
        let upper = f64::from(column[middle]);
        if column.len() % 2 == 1 { upper } else { (f64::from(column[middle - 1]) + upper) / 2.0 }
    })
}

/// The mean of what is left without the `trim` lowest and the `trim` highest.
pub(super) fn trimmed_mean(changes: &[&[f32]], trim: usize, workers: usize) -> Vec<f64> {
    by_value(changes, workers, |column| {
        column.sort_unstable_by(f32::total_cmp);
        let kept = &column[trim..column.len() - trim];
        kept.iter().map(|value| f64::from(*value)).sum::<f64>() / kept.len() as f64
    })
}
