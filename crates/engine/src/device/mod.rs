//! Which device computes, chosen by name when the program runs.

mod adapter;
pub mod failed;
mod name;

pub use adapter::{Adapter, AdapterKind, present};
pub use name::{DeviceError, DeviceName};

use crate::convolution::{self, Asked};
use adapter::{find, nth_of_best};
use burn::tensor::Device;
use imfl_ranks::Ranks;

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
    /// As [`Compute::open`], if `auto` finds fewer GPUs than there are ranks on this machine, and on a GPU if `IMFL_CONVOLUTION` names no
    /// algorithm.
    pub fn open_on(ranks: &Ranks, name: DeviceName, workers: Option<usize>) -> Result<Self, DeviceError> {
        let local = ranks.local();
        let (name, device) = match name {
            DeviceName::Auto => best(nth_of_best(&present(), local.rank, local.size)?),
            name => (name, find(name)?),
        };
        if matches!(name, DeviceName::Wgpu(_) | DeviceName::Cuda(_)) {
            // Convolutions ask for it where nobody could be told.
            Asked::from_environment()?;
        }
        let default = match name {
            DeviceName::Cpu | DeviceName::NdArray => crate::worker::available() / local.sharing,
            _ => 1,
        };
        Ok(Self { device, name, workers: workers.unwrap_or(default).max(1), chunk: None, ranks: ranks.clone() })
    }

    /// What there is to say to whoever opened it, beside what it is: on a GPU, that what was measured of its convolutions cannot be read.
    pub fn complaint(&self) -> Option<String> {
        matches!(self.name, DeviceName::Wgpu(_) | DeviceName::Cuda(_)).then(convolution::complaint)?
    }

    /// The same without other ranks.
    pub fn alone(&self) -> Self {
        Self { ranks: Ranks::alone(), ..self.clone() }
    }
}

/// A device that was found, or the CPU if it went away meanwhile.
fn best(name: DeviceName) -> (DeviceName, Device) {
    find(name).map_or_else(|_| (DeviceName::Cpu, Device::flex()), |device| (name, device))
}

/// The instruction set of the CPU's kernels. With another a result may differ in its last bits.
pub fn instructions() -> String {
    format!("{:?}", imfl_kernel::level())
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
    fn ranks_that_share_cores_share_them_out() {
        let of = |ranks: &Ranks| Compute::open_on(ranks, DeviceName::Cpu, None).unwrap().workers;
        let all = of(&Ranks::alone());
        for ranks in imfl_ranks::threads(3) {
            assert_eq!(of(&ranks), (all / 3).max(1));
            assert_eq!(Compute::open_on(&ranks, DeviceName::Cpu, Some(7)).unwrap().workers, 7);
        }
    }
}
