//! What a piece of work costs beside its arithmetic: kernels launched, bytes between host and device, and the time in which the
//! device waits for the host.

use crate::transfer::{self, Bytes};

/// What was counted of a piece of work.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Counted {
    /// Bytes that crossed between host and device; none where both are the processor.
    pub transfers: Bytes,
    /// Kernels that were launched; `None` in a build without a GPU backend.
    pub launches: Option<u64>,
    /// Seconds in which the host computed and the device had nothing to do: from the beginning or from values that came home until the next
    /// launch, and from the last values that came home until the end. A device that is faster than the host launches waits also between
    /// launches, which is not in here. `None` in a build without a GPU backend, where nothing waits.
    pub host_seconds: Option<f64>,
}

/// Runs `work` and counts what this process launches and moves meanwhile.
///
/// What other threads do counts too, and counts must not be nested.
#[cfg(any(feature = "wgpu", feature = "cuda"))]
pub fn count<T>(work: impl FnOnce() -> T) -> (T, Counted) {
    use cubecl_runtime::logging::{LaunchObservation, LaunchObserver};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    struct Counter(AtomicU64);
    impl LaunchObserver for Counter {
        fn launched(&self, _: &'static str) {
            self.0.fetch_add(1, Ordering::Relaxed);
            transfer::busy();
        }
    }
    let counter = Arc::new(Counter(AtomicU64::new(0)));
    let observation = LaunchObservation::new(counter.clone());
    let before = transfer::bytes();
    transfer::begin_waiting();
    let result = work();
    let host_seconds = Some(transfer::waited().as_secs_f64());
    drop(observation);
    let launches = Some(counter.0.load(Ordering::Relaxed));
    (result, Counted { transfers: transfer::bytes() - before, launches, host_seconds })
}

/// Runs `work`; a build without a GPU backend launches nothing that could be counted, and moves nothing.
#[cfg(not(any(feature = "wgpu", feature = "cuda")))]
pub fn count<T>(work: impl FnOnce() -> T) -> (T, Counted) {
    let before = transfer::bytes();
    let result = work();
    (result, Counted { transfers: transfer::bytes() - before, ..Counted::default() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, Tensor, TensorData};

    #[test]
    fn nothing_crosses_where_host_and_device_are_one() {
        let (sum, counted) = count(|| {
            let tensor: Tensor<1> = transfer::upload(TensorData::from([1.0f32, 2.0]), &Device::flex());
            transfer::download(tensor.sum()).try_to_vec::<f32>().unwrap()
        });
        assert_eq!(sum, [3.0]);
        assert_eq!(counted.transfers, Bytes::default());
    }
}
