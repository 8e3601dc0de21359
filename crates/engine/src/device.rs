//! Which device computes, chosen by name when the program runs.

use crate::choice::{Choice, UnknownName, as_text};
use burn::tensor::Device;
use imfl_ranks::Ranks;
use std::fmt;

/// A device as a user names it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeviceName {
    /// The best one that this build has and that is present.
    #[default]
    Auto,
    /// Burn's `flex` CPU backend.
    Cpu,
    /// Burn's `ndarray` CPU backend: deprecated upstream, its convolutions are 25 to 100 times slower than `flex`.
    NdArray,
    /// Vulkan, Metal or DX12, by number.
    Wgpu(usize),
    /// An NVIDIA GPU, by number.
    Cuda(usize),
}

/// A device that cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    /// No such name.
    #[error(transparent)]
    Unknown(#[from] UnknownName),
    /// The backend was not compiled in.
    #[error("this build has no `{device}`: build with `--features {feature}`")]
    NotBuilt {
        /// The device asked for.
        device: DeviceName,
        /// The feature that brings it.
        feature: &'static str,
    },
    /// The backend is there, the device is not.
    #[error("there is no `{device}` on this machine: {present} of this kind found; `imfl devices` lists all")]
    Absent {
        /// The device asked for.
        device: DeviceName,
        /// Devices of the kind that are present.
        present: usize,
    },
    /// More ranks on a machine than it has GPUs.
    #[error(
        "{ranks} ranks run on this machine, which has {gpus} GPU{s}, and `auto` gives each its own: start at most {gpus} here, \
         or name a device, as in `--device {shared}` for all to share it or `--device cpu`",
        s = if *.gpus == 1 { "" } else { "s" }
    )]
    Crowded {
        /// Ranks on this machine.
        ranks: usize,
        /// Its GPUs.
        gpus: usize,
        /// The first of them.
        shared: DeviceName,
    },
}

impl fmt::Display for DeviceName {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Auto => write!(f, "auto"),
            Self::Cpu => write!(f, "cpu"),
            Self::NdArray => write!(f, "ndarray"),
            Self::Wgpu(index) => write!(f, "wgpu:{index}"),
            Self::Cuda(index) => write!(f, "cuda:{index}"),
        }
    }
}

impl Choice for DeviceName {
    const THING: &'static str = "device";

    fn forms() -> Vec<&'static str> {
        vec!["auto", "cpu", "ndarray", "wgpu", "wgpu:N", "cuda", "cuda:N"]
    }

    fn named(text: &str) -> Option<Self> {
        let (name, index) = match text.split_once(':') {
            Some((name, index)) => (name, Some(index.parse().ok()?)),
            None => (text, None),
        };
        match (name, index) {
            ("auto", None) => Some(Self::Auto),
            ("cpu" | "flex", None) => Some(Self::Cpu),
            ("ndarray", None) => Some(Self::NdArray),
            ("wgpu", index) => Some(Self::Wgpu(index.unwrap_or(0))),
            ("cuda", index) => Some(Self::Cuda(index.unwrap_or(0))),
            _ => None,
        }
    }
}

as_text!([] DeviceName);

/// Where tensors live and how many threads work on them.
#[derive(Clone, Debug)]
pub struct Compute {
    /// The device, without autodiff.
    pub device: Device,
    /// The name by which it was found.
    pub name: DeviceName,
    /// Threads that train clients side by side. On a GPU more than one only fights for the queue.
    pub workers: usize,
    /// Clients trained side by side in one launch; chosen for device, model and memory if absent
    /// ([`crate::federated::Plan`]).
    pub chunk: Option<usize>,
    /// The processes that share the work, each with a device and workers of its own.
    pub ranks: Ranks,
}

impl Compute {
    /// The CPU with one worker for each core.
    pub fn cpu() -> Self {
        let (device, workers) = (Device::flex(), crate::worker::available());
        Self { device, name: DeviceName::Cpu, workers, chunk: None, ranks: Ranks::alone() }
    }

    /// Opens the device that a name stands for, in this process alone; `workers` defaults to one for each core on a CPU, one
    /// on a GPU.
    ///
    /// # Errors
    /// [`DeviceError`] that names the feature to build with, or how many devices of the kind there are.
    pub fn open(name: DeviceName, workers: Option<usize>) -> Result<Self, DeviceError> {
        Self::open_on(&Ranks::alone(), name, workers)
    }

    /// The same in one of several ranks: `auto` gives each rank of a machine a GPU of its own, and ranks that may run on the
    /// same cores share them.
    ///
    /// # Errors
    /// As [`Compute::open`], and if `auto` finds fewer GPUs than there are ranks on this machine.
    pub fn open_on(ranks: &Ranks, name: DeviceName, workers: Option<usize>) -> Result<Self, DeviceError> {
        let local = ranks.local();
        let (name, device) = match name {
            DeviceName::Auto => named(nth_of_best(&present(), local.rank, local.size)?),
            name => (name, find(name)?),
        };
        let default = match name {
            DeviceName::Cpu | DeviceName::NdArray => crate::worker::available() / local.sharing,
            _ => 1,
        };
        Ok(Self { device, name, workers: workers.unwrap_or(default).max(1), chunk: None, ranks: ranks.clone() })
    }

    /// The same without other ranks.
    pub fn alone(&self) -> Self {
        Self { ranks: Ranks::alone(), ..self.clone() }
    }
}

/// What `auto` is for the `rank`-th of so many ranks on this machine: its own GPU if there are any, else the CPU, which all
/// can share.
fn nth_of_best(present: &[DeviceName], rank: usize, ranks: usize) -> Result<DeviceName, DeviceError> {
    let best = present.first().copied().unwrap_or(DeviceName::Cpu);
    if !matches!(best, DeviceName::Cuda(_) | DeviceName::Wgpu(_)) {
        return Ok(best);
    }
    let kind = std::mem::discriminant(&best);
    let gpus: Vec<DeviceName> = present.iter().copied().filter(|name| std::mem::discriminant(name) == kind).collect();
    match gpus.get(rank) {
        Some(name) if ranks <= gpus.len() => Ok(*name),
        _ => Err(DeviceError::Crowded { ranks, gpus: gpus.len(), shared: best }),
    }
}

/// A device that is present, or the CPU if it went away meanwhile.
fn named(name: DeviceName) -> (DeviceName, Device) {
    find(name).map_or_else(|_| (DeviceName::Cpu, Device::flex()), |device| (name, device))
}

/// Every device of this build that is present, the best first.
pub fn present() -> Vec<DeviceName> {
    let number = |kind: fn(usize) -> DeviceName, count| (0..count).map(kind);
    let mut names: Vec<DeviceName> = number(DeviceName::Cuda, count_cuda()).collect();
    names.extend(number(DeviceName::Wgpu, count_wgpu()));
    names.push(DeviceName::Cpu);
    if cfg!(feature = "ndarray") {
        names.push(DeviceName::NdArray);
    }
    names
}

fn find(name: DeviceName) -> Result<Device, DeviceError> {
    let not_built = |feature| Err(DeviceError::NotBuilt { device: name, feature });
    match name {
        DeviceName::Auto => nth_of_best(&present(), 0, 1).and_then(find),
        DeviceName::Cpu => Ok(Device::flex()),
        #[cfg(feature = "ndarray")]
        #[allow(deprecated, reason = "offered on request, with a warning")]
        DeviceName::NdArray => Ok(Device::ndarray()),
        #[cfg(not(feature = "ndarray"))]
        DeviceName::NdArray => not_built("ndarray"),
        DeviceName::Wgpu(_) if cfg!(not(feature = "wgpu")) => not_built("wgpu"),
        DeviceName::Cuda(_) if cfg!(not(feature = "cuda")) => not_built("cuda"),
        DeviceName::Wgpu(index) => nth_wgpu(index).ok_or(DeviceError::Absent { device: name, present: count_wgpu() }),
        DeviceName::Cuda(index) => nth_cuda(index).ok_or(DeviceError::Absent { device: name, present: count_cuda() }),
    }
}

#[cfg(feature = "wgpu")]
mod wgpu {
    use burn::tensor::{Device, DeviceType};

    fn all() -> Vec<Device> {
        // Enumeration of a driver that is absent or broken panics inside wgpu; that means no device here.
        std::panic::catch_unwind(|| Device::enumerate(DeviceType::Wgpu).into_vec()).unwrap_or_default()
    }

    pub fn count() -> usize {
        all().len()
    }

    pub fn nth(index: usize) -> Option<Device> {
        all().into_iter().nth(index)
    }
}

#[cfg(feature = "cuda")]
mod cuda {
    use burn::tensor::{Device, DeviceType};

    fn all() -> Vec<Device> {
        // A machine without the driver panics inside the loader; that means no device here.
        std::panic::catch_unwind(|| Device::enumerate(DeviceType::Cuda).into_vec()).unwrap_or_default()
    }

    pub fn count() -> usize {
        all().len()
    }

    pub fn nth(index: usize) -> Option<Device> {
        all().into_iter().nth(index)
    }
}

#[cfg(feature = "wgpu")]
use self::wgpu::{count as count_wgpu, nth as nth_wgpu};

#[cfg(feature = "cuda")]
use self::cuda::{count as count_cuda, nth as nth_cuda};

#[cfg(not(feature = "wgpu"))]
fn count_wgpu() -> usize {
    0
}

#[cfg(not(feature = "wgpu"))]
fn nth_wgpu(_: usize) -> Option<Device> {
    None
}

#[cfg(not(feature = "cuda"))]
fn count_cuda() -> usize {
    0
}

#[cfg(not(feature = "cuda"))]
fn nth_cuda(_: usize) -> Option<Device> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_written_alike() {
        for name in ["auto", "cpu", "ndarray", "wgpu:0", "cuda:3"] {
            assert_eq!(name.parse::<DeviceName>().unwrap().to_string(), name);
        }
        assert_eq!("cuda".parse(), Ok(DeviceName::Cuda(0)));
        for wrong in ["gpu", "cpu:1", "cuda:", "cuda:-1", ""] {
            assert!(wrong.parse::<DeviceName>().is_err(), "{wrong}");
        }
    }

    #[cfg(not(feature = "cuda"))]
    #[test]
    fn a_missing_backend_names_its_feature() {
        let error = Compute::open(DeviceName::Cuda(0), None).unwrap_err().to_string();
        assert!(error.contains("--features cuda"), "{error}");
    }

    #[test]
    fn each_rank_of_a_machine_gets_a_gpu_of_its_own() {
        use DeviceName::{Cpu, Cuda, Wgpu};
        // Both kinds find the same cards; the first kind is the better one.
        let present = [Cuda(0), Cuda(1), Wgpu(0), Wgpu(1), Cpu];
        assert_eq!(nth_of_best(&present, 0, 1), Ok(Cuda(0)));
        assert_eq!((0..2).map(|rank| nth_of_best(&present, rank, 2)).collect::<Vec<_>>(), [Ok(Cuda(0)), Ok(Cuda(1))]);
        // All ranks refuse, also those for which there would be one.
        for rank in 0..3 {
            let error = nth_of_best(&present, rank, 3).unwrap_err().to_string();
            assert!(
                error.contains("3 ranks") && error.contains("2 GPUs") && error.contains("--device cuda:0"),
                "{error}"
            );
        }
        assert_eq!(nth_of_best(&[Cpu], 5, 6), Ok(Cpu), "a CPU is shared");
    }

    #[test]
    fn ranks_that_share_cores_share_them_out() {
        let of = |ranks: &Ranks| Compute::open_on(ranks, DeviceName::Cpu, None).unwrap().workers;
        let all = of(&Ranks::alone());
        for ranks in imfl_ranks::threads(3) {
            assert_eq!(of(&ranks), (all / 3).max(1));
            assert_eq!(Compute::open_on(&ranks, DeviceName::Cpu, Some(7)).unwrap().workers, 7);
        }
    }
}
