//! How many kernels a piece of work launches on a GPU.

/// Runs `work` and counts the kernels that this process launches meanwhile; `None` in a build without a GPU backend.
///
/// Launches of other threads count too, and counts must not be nested.
#[cfg(any(feature = "wgpu", feature = "cuda"))]
pub fn count<T>(work: impl FnOnce() -> T) -> (T, Option<u64>) {
    use cubecl_runtime::logging::{LaunchObservation, LaunchObserver};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    struct Counter(AtomicU64);
    impl LaunchObserver for Counter {
        fn launched(&self, _: &'static str) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let counter = Arc::new(Counter(AtomicU64::new(0)));
    let observation = LaunchObservation::new(counter.clone());
    let result = work();
    drop(observation);
    (result, Some(counter.0.load(Ordering::Relaxed)))
}

/// Runs `work`; a build without a GPU backend launches nothing that could be counted.
#[cfg(not(any(feature = "wgpu", feature = "cuda")))]
pub fn count<T>(work: impl FnOnce() -> T) -> (T, Option<u64>) {
    (work(), None)
}
