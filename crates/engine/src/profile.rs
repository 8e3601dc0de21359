//! What a training sample costs on this device, measured.

use crate::client::{Client, Sample};
use crate::device::Compute;
use crate::federated::{Federation, Participant, ServerState, TrainingError};
use std::time::{Duration, Instant};

/// Samples of one timed piece of training.
pub const PIECE: usize = 64;

/// Seconds that one thread of this device needs for one training sample: the median over repeated short trainings from
/// `state`, after a first one that is not counted. Measures for at least `time`.
///
/// # Errors
/// [`TrainingError`] if the model diverges even here.
pub fn seconds_per_sample(federation: &Federation, state: &ServerState, time: Duration) -> Result<f64, TrainingError> {
    let mut single = federation.clone();
    single.compute = Compute { workers: 1, ..federation.compute.alone() };
    let held = single.images.authentic().len();
    let samples = (0..PIECE).map(|index| Sample::Authentic((index % held) as u32)).collect();
    let cohort = [Participant { client: Client { id: 0, samples }, weight: 1.0 }];
    let piece = || single.apply(state.clone(), &cohort).map(|(_, report)| report.seconds / report.samples as f64);
    piece()?;
    let started = Instant::now();
    let mut times = Vec::new();
    while times.len() < 5 || started.elapsed() < time {
        times.push(piece()?);
    }
    times.sort_by(f64::total_cmp);
    Ok(times[times.len() / 2])
}
