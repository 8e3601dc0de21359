//! The devices of this build that are present, what each is, and which of them `auto` takes.

use super::name::{DeviceError, DeviceName};
use burn::tensor::Device;
use std::fmt;

/// What a device is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdapterKind {
    /// The processor, by kernels made for it.
    Cpu,
    /// A graphics card or another accelerator.
    Gpu,
    /// A driver that computes a graphics card's work on the processor, as Mesa's lavapipe: a hundred times slower than the kernels made
    /// for it. `auto` never takes one; it can be named, which serves to test GPU code where there is no GPU.
    Software,
}

impl fmt::Display for AdapterKind {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::Cpu => "processor",
            Self::Gpu => "GPU",
            Self::Software => "software driver on the processor",
        })
    }
}

/// A device that is present.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Adapter {
    /// The name by which it is opened.
    pub name: DeviceName,
    /// What it is.
    pub kind: AdapterKind,
}

/// Every device of this build that is present, the best first: GPUs, the CPU, and what serves tests alone.
pub fn present() -> Vec<Adapter> {
    let number = |name: fn(usize) -> DeviceName, kinds: Vec<AdapterKind>| {
        let adapters = kinds.into_iter().enumerate();
        adapters.map(move |(index, kind)| Adapter { name: name(index), kind }).collect::<Vec<_>>()
    };
    let mut adapters = number(DeviceName::Cuda, cuda::kinds());
    adapters.extend(number(DeviceName::Wgpu, wgpu::kinds()));
    adapters.push(Adapter { name: DeviceName::Cpu, kind: AdapterKind::Cpu });
    if cfg!(feature = "ndarray") {
        adapters.push(Adapter { name: DeviceName::NdArray, kind: AdapterKind::Cpu });
    }
    // A stable sort: the order within a kind of hardware stays.
    adapters.sort_by_key(|adapter| adapter.kind == AdapterKind::Software);
    adapters
}

/// What `auto` is for the `rank`-th of so many ranks on this machine: its own GPU if there are any, else the CPU, which all
/// can share.
pub(super) fn nth_of_best(present: &[Adapter], rank: usize, ranks: usize) -> Result<DeviceName, DeviceError> {
    let hardware = || present.iter().filter(|adapter| adapter.kind == AdapterKind::Gpu).map(|adapter| adapter.name);
    let Some(best) = hardware().next() else { return Ok(DeviceName::Cpu) };
    // CUDA and wgpu find the same cards.
    let kind = std::mem::discriminant(&best);
    let gpus: Vec<DeviceName> = hardware().filter(|name| std::mem::discriminant(name) == kind).collect();
    match gpus.get(rank) {
        Some(name) if ranks <= gpus.len() => Ok(*name),
        _ => Err(DeviceError::Crowded { ranks, gpus: gpus.len(), shared: best }),
    }
}

/// Opens a device.
///
/// # Errors
/// [`DeviceError`] that names the feature to build with, or how many devices of the kind there are.
pub(super) fn find(name: DeviceName) -> Result<Device, DeviceError> {
    let not_built = |feature| Err(DeviceError::NotBuilt { device: name, feature });
    let absent = |present: usize| DeviceError::Absent { device: name, present };
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
        DeviceName::Wgpu(index) => wgpu::nth(index).ok_or_else(|| absent(wgpu::kinds().len())),
        DeviceName::Cuda(index) => cuda::nth(index).ok_or_else(|| absent(cuda::kinds().len())),
    }
}

#[cfg(feature = "wgpu")]
mod wgpu {
    use super::AdapterKind;
    use burn::backend::{CubeDevice, DispatchDevice, WgpuDeviceKind};
    use burn::tensor::{Device, DeviceType};

    fn all() -> Vec<Device> {
        // Enumeration of a driver that is absent or broken panics inside wgpu; that means no device here.
        std::panic::catch_unwind(|| Device::enumerate(DeviceType::Wgpu).into_vec()).unwrap_or_default()
    }

    pub fn kinds() -> Vec<AdapterKind> {
        let software = |device: &Device| match device.as_dispatch() {
            DispatchDevice::Cube(CubeDevice::Wgpu(device)) => device.kind == WgpuDeviceKind::Cpu,
            _ => false,
        };
        all().iter().map(|device| if software(device) { AdapterKind::Software } else { AdapterKind::Gpu }).collect()
    }

    pub fn nth(index: usize) -> Option<Device> {
        all().into_iter().nth(index)
    }
}

#[cfg(feature = "cuda")]
mod cuda {
    use super::AdapterKind;
    use burn::tensor::{Device, DeviceType};

    fn all() -> Vec<Device> {
        // A machine without the driver panics inside the loader; that means no device here.
        std::panic::catch_unwind(|| Device::enumerate(DeviceType::Cuda).into_vec()).unwrap_or_default()
    }

    pub fn kinds() -> Vec<AdapterKind> {
        all().iter().map(|_| AdapterKind::Gpu).collect()
    }

    pub fn nth(index: usize) -> Option<Device> {
        all().into_iter().nth(index)
    }
}

/// A build without them finds none.
macro_rules! absent {
    ($($feature:literal $module:ident),*) => { $(
        #[cfg(not(feature = $feature))]
        mod $module {
            pub fn kinds() -> Vec<super::AdapterKind> {
                Vec::new()
            }

            pub fn nth(_: usize) -> Option<burn::tensor::Device> {
                None
            }
        }
    )* };
}

absent!("wgpu" wgpu, "cuda" cuda);

#[cfg(test)]
mod tests {
    use super::*;

    fn gpu(name: DeviceName) -> Adapter {
        Adapter { name, kind: AdapterKind::Gpu }
    }

    #[test]
    fn each_rank_of_a_machine_gets_a_gpu_of_its_own() {
        use DeviceName::{Cpu, Cuda, Wgpu};
        let cpu = Adapter { name: Cpu, kind: AdapterKind::Cpu };
        // Both kinds find the same cards; the first kind is the better one.
        let present = [gpu(Cuda(0)), gpu(Cuda(1)), gpu(Wgpu(0)), gpu(Wgpu(1)), cpu];
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
        assert_eq!(nth_of_best(&[cpu], 5, 6), Ok(Cpu), "a CPU is shared");
    }

    #[test]
    fn auto_takes_no_software_driver() {
        let cpu = Adapter { name: DeviceName::Cpu, kind: AdapterKind::Cpu };
        let software = Adapter { name: DeviceName::Wgpu(0), kind: AdapterKind::Software };
        assert_eq!(nth_of_best(&[software, cpu], 0, 1), Ok(DeviceName::Cpu));
        // Its number stays its own where a card stands beside it.
        assert_eq!(nth_of_best(&[software, gpu(DeviceName::Wgpu(1)), cpu], 0, 1), Ok(DeviceName::Wgpu(1)));
    }

    #[test]
    fn the_cpu_is_always_there_and_software_drivers_come_last() {
        let kinds: Vec<AdapterKind> = present().iter().map(|adapter| adapter.kind).collect();
        assert!(kinds.contains(&AdapterKind::Cpu));
        assert!(kinds.is_sorted_by_key(|kind| *kind == AdapterKind::Software), "{kinds:?}");
    }
}
