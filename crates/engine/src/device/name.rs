//! A device as a user names it, and what is said where it cannot be had.

use crate::choice::{Choice, UnknownName, as_text};
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
