//! Kernels of the engine's own for GPUs, written once for every kind by CubeCL. They do what would take several launches of Burn's
//! operations, or what those have no words for; where there is no GPU, their callers do the same on the host.
#![allow(
    clippy::manual_is_multiple_of,
    clippy::manual_div_ceil,
    clippy::collapsible_if,
    clippy::too_many_arguments,
    reason = "kernels are translated, and these words have no translation; what a kernel works on are its arguments"
)]

pub mod columns;
pub mod dense;
pub mod descend;
pub mod double;
pub mod gather;
pub mod loss;
pub mod mask;
pub mod noise;
pub mod norm;
pub mod sum;
pub mod winograd;

use burn::backend::{Cube, DispatchKindConversion, DispatchTensor, tensor::FloatTensor};
use burn::tensor::{BackendPrimitive, Device, Tensor, kind::Basic};
use burn_cubecl::kernel::into_contiguous;
use cubecl::prelude::*;

/// A tensor's memory on a GPU. Floats, integers and truths are of this one type.
pub type Buffer = FloatTensor<Cube>;

/// Threads that start together.
const CUBE: u32 = 64;

/// As many cubes as it takes for so many threads; the last one may be too large.
fn grid(buffer: &Buffer, threads: usize) -> (CubeCount, CubeDim) {
    let dim = CubeDim::new_1d(CUBE);
    (cubecl::calculate_cube_count_elemwise(&buffer.client, threads, dim), dim)
}

/// The memory of a tensor on a GPU, row by row.
///
/// # Panics
/// If it is on another backend, or records gradients.
pub fn memory<const D: usize, K>(tensor: Tensor<D, K>) -> Buffer
where
    K: Basic + BackendPrimitive<Cube, Primitive = Buffer>,
    DispatchTensor: DispatchKindConversion<Cube>,
{
    // Callers ask `transfer::is_apart` first.
    into_contiguous(tensor.try_into_primitive::<Cube>().expect("the tensor is on a GPU"))
}

/// Memory for as many values.
fn like(buffer: &Buffer) -> Buffer {
    fresh(buffer, buffer.meta.shape().as_slice())
}

/// Memory for floats of a shape, beside a buffer.
fn fresh(beside: &Buffer, shape: &[usize]) -> Buffer {
    let bytes = 4 * shape.iter().product::<usize>();
    let handle = beside.client.empty(bytes);
    let (client, device) = (beside.client.clone(), beside.device.clone());
    Buffer::new_contiguous(client, device, shape.to_vec().into(), handle, burn::tensor::DType::F32)
}

/// Bytes of the largest allocation that a device on a GPU can make.
pub fn largest(device: &Device) -> u64 {
    memory(Tensor::<1>::empty([1], device)).client.properties().memory.max_page_size
}

#[cfg(test)]
pub(crate) mod testing {
    //! What the tests of several kernels need.

    use crate::device::{self, Compute, DeviceName};
    use burn::tensor::{Device, Int, Tensor, TensorData};

    /// Every GPU, or what passes for one; there is one, or the tests of a build for GPUs have nothing to test.
    pub fn gpus() -> Vec<Device> {
        let names = device::present().into_iter().map(|adapter| adapter.name);
        let gpus = names.filter(|name| matches!(name, DeviceName::Wgpu(_) | DeviceName::Cuda(_)));
        let gpus: Vec<Device> = gpus.map(|name| Compute::open(name, Some(1)).unwrap().device).collect();
        assert!(!gpus.is_empty(), "no GPU, nor a driver that passes for one");
        gpus
    }

    pub fn floats(values: &[f32], device: &Device) -> Tensor<1> {
        Tensor::from_data(TensorData::new(values.to_vec(), [values.len()]), device)
    }

    pub fn words(values: &[u32], device: &Device) -> Tensor<1, Int> {
        let values: Vec<i32> = values.iter().map(|value| *value as i32).collect();
        let count = values.len();
        Tensor::from_data(TensorData::new(values, [count]), device)
    }
}
