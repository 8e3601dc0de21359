//! The one door between host and device: tensors are made of the host's values and read back here, and what passes is counted.
//!
//! Counted are values. What a launch brings along itself, shapes and scalars of some hundred bytes, belongs to the launch.

use crate::device::failed::fail;
use burn::tensor::{Device, Tensor, TensorData, kind::Basic};
use std::ops::Sub;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Bytes that crossed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bytes {
    /// From the host to a device.
    pub to_device: u64,
    /// From a device to the host.
    pub from_device: u64,
}

impl Sub for Bytes {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        let (to_device, from_device) = (self.to_device - earlier.to_device, self.from_device - earlier.from_device);
        Self { to_device, from_device }
    }
}

static TO_DEVICE: AtomicU64 = AtomicU64::new(0);
static FROM_DEVICE: AtomicU64 = AtomicU64::new(0);

/// What this process moved since it began.
pub(crate) fn bytes() -> Bytes {
    Bytes { to_device: TO_DEVICE.load(Ordering::Relaxed), from_device: FROM_DEVICE.load(Ordering::Relaxed) }
}

/// A tensor of the host's values.
pub fn upload<const D: usize, K: Basic>(data: TensorData, device: &Device) -> Tensor<D, K> {
    if is_apart(device) {
        TO_DEVICE.fetch_add(data.as_bytes().len() as u64, Ordering::Relaxed);
    }
    Tensor::from_data(data, device)
}

/// The values of a tensor, which waits until they are computed.
///
/// # Panics
/// If the device failed meanwhile ([`crate::device::failed`]).
pub fn download<const D: usize, K: Basic>(tensor: Tensor<D, K>) -> TensorData {
    let apart = is_apart(&tensor.device());
    let data = tensor.try_into_data().unwrap_or_else(|error| fail(error));
    if apart {
        FROM_DEVICE.fetch_add(data.as_bytes().len() as u64, Ordering::Relaxed);
        lock().since = Some(Instant::now());
    }
    data
}

/// The values of a tensor of floats, as [`download`] brings them.
///
/// # Panics
/// As [`download`].
pub fn floats<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    // Whatever floats a device computes in, each is a number of 32 bits or becomes the nearest.
    download(tensor).try_into_vec_as().expect("floats become f32")
}

/// Gives back what a device keeps of memory that nobody uses, so that there is room for something else.
pub(crate) fn free(device: &Device) {
    #[cfg(any(feature = "wgpu", feature = "cuda"))]
    if is_apart(device) {
        // Where there is nothing to free there is no more room either, and the next failure says so.
        let _ = crate::gpu::memory(Tensor::<1>::empty([1], device)).client.memory_cleanup();
    }
    #[cfg(not(any(feature = "wgpu", feature = "cuda")))]
    let _ = device;
}

/// Whether a device has a memory of its own, or a driver that behaves as if.
pub(crate) fn is_apart(device: &Device) -> bool {
    #[cfg(any(feature = "wgpu", feature = "cuda"))]
    {
        use burn::backend::DispatchDevice;
        matches!(device.clone().without_autodiff().as_dispatch(), DispatchDevice::Cube(_))
    }
    #[cfg(not(any(feature = "wgpu", feature = "cuda")))]
    {
        let _ = device;
        false
    }
}

/// How long the device had nothing to do.
struct Waiting {
    /// Since when it has nothing to do, if it has.
    since: Option<Instant>,
    #[cfg_attr(not(any(feature = "wgpu", feature = "cuda")), allow(dead_code, reason = "nothing is elsewhere"))]
    total: Duration,
}

fn lock() -> MutexGuard<'static, Waiting> {
    static WAITING: Mutex<Waiting> = Mutex::new(Waiting { since: None, total: Duration::ZERO });
    // Two plain values: whoever panicked left them whole.
    WAITING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts to count anew, with a device that has nothing to do.
#[cfg(any(feature = "wgpu", feature = "cuda"))]
pub(crate) fn begin_waiting() {
    *lock() = Waiting { since: Some(Instant::now()), total: Duration::ZERO };
}

/// The device has something to do.
#[cfg(any(feature = "wgpu", feature = "cuda"))]
pub(crate) fn busy() {
    let mut waiting = lock();
    if let Some(since) = waiting.since.take() {
        waiting.total += since.elapsed();
    }
}

/// How long it had nothing to do since [`begin_waiting`].
#[cfg(any(feature = "wgpu", feature = "cuda"))]
pub(crate) fn waited() -> Duration {
    busy();
    lock().total
}
