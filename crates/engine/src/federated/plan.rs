//! How the clients of a round are spread over launches and threads.

use super::local::LocalSgd;
use super::participant::Participant;
use crate::device::{Compute, DeviceName};
use crate::layer::Trace;
use crate::parameters::Layout;
use std::borrow::Borrow;

/// Device memory that a chunk may fill on a GPU: what small GPUs have left beside the display.
const BUDGET: u64 = 4 << 30;

/// Chunks of clients and the threads that train them. The model does not depend on either.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Clients trained side by side in one launch.
    pub chunk: usize,
    /// Threads that train chunks side by side.
    pub workers: usize,
}

impl Plan {
    /// The plan for a cohort of so many clients.
    ///
    /// On a CPU a worker trains one client at a time: a larger chunk leaves the caches (two cores, batch 10, pfl's CNN:
    /// see docs/performance.md). On a GPU the chunk is the cohort, bounded by memory, so that the number of launches does
    /// not grow with it. [`Compute::chunk`] overrides either.
    pub fn new(compute: &Compute, local: &LocalSgd, layout: &Layout, trace: &Trace, cohort: usize) -> Self {
        let chunk = compute.chunk.unwrap_or(match compute.name {
            DeviceName::Cpu | DeviceName::NdArray => 1,
            _ => (BUDGET / bytes_per_client(local, layout, trace).max(1)).max(1) as usize,
        });
        let chunk = chunk.clamp(1, cohort.max(1));
        Self { chunk, workers: compute.workers.clamp(1, cohort.div_ceil(chunk).max(1)) }
    }

    /// Places of the cohort in chunks. Clients with many steps come first: they are started first, and a chunk holds
    /// clients of like length, so that few wait for the longest.
    pub fn chunks<P: Borrow<Participant>>(&self, cohort: &[P], local: &LocalSgd) -> Vec<Vec<usize>> {
        let mut places: Vec<usize> = (0..cohort.len()).collect();
        places.sort_by_key(|&place| std::cmp::Reverse(local.steps(cohort[place].borrow().client.samples.len())));
        places.chunks(self.chunk).map(<[usize]>::to_vec).collect()
    }
}

/// Parameters, their gradients and one temporary each; activations, their gradients and what is kept for the backward
/// pass, for each sample of a batch; what convolutions lay out for their matrix products, and the gradient of that.
fn bytes_per_client(local: &LocalSgd, layout: &Layout, trace: &Trace) -> u64 {
    let algorithm = &local.algorithm;
    let (start, correction) = (!algorithm.is_plain(), algorithm.memory().is_some());
    let buffers = 3 + [local.momentum > 0.0, start, correction].map(u64::from).iter().sum::<u64>();
    4 * (buffers * layout.size() as u64 + (4 * trace.activations + 2 * trace.columns) * local.batch as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Client;

    fn participant(samples: u32) -> Participant {
        Participant { client: Client::authentic(samples, &(0..samples).collect::<Vec<_>>()), weight: 1.0 }
    }

    #[test]
    fn chunks_hold_everybody_once_and_the_longest_first() {
        let cohort: Vec<Participant> = [5, 40, 12, 11, 90].map(participant).into();
        let local = LocalSgd { batch: 10, ..LocalSgd::default() };
        let plan = Plan { chunk: 2, workers: 1 };
        assert_eq!(plan.chunks(&cohort, &local), [vec![4, 1], vec![2, 3], vec![0]]);
        assert!(plan.chunks::<Participant>(&[], &local).is_empty());
    }

    #[test]
    fn one_client_a_launch_on_a_cpu_and_what_fits_on_a_gpu() {
        let (local, layout) = (LocalSgd::default(), Layout::new());
        let mut trace = Trace::new(&layout);
        trace.activations = 1 << 20;
        let of = |compute: &Compute, cohort| Plan::new(compute, &local, &layout, &trace, cohort);
        let cpu = Compute { workers: 4, ..Compute::cpu() };
        assert_eq!(of(&cpu, 100), Plan { chunk: 1, workers: 4 });
        assert_eq!(of(&cpu, 3), Plan { chunk: 1, workers: 3 });
        let gpu = Compute { name: DeviceName::Cuda(0), workers: 1, ..cpu };
        // Ten samples of a million values, four times, as f32: 160 MiB a client.
        assert_eq!(of(&gpu, 10), Plan { chunk: 10, workers: 1 });
        assert_eq!(of(&gpu, 1000), Plan { chunk: 25, workers: 1 });
        assert_eq!(of(&Compute { chunk: Some(7), ..gpu }, 1000), Plan { chunk: 7, workers: 1 });
    }
}
