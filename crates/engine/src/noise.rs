//! Normal noise, drawn where it is used: the same bits on every device.

use crate::transfer;
use burn::tensor::{Device, Tensor, TensorData};
use imfl_kernel::normal;

/// Independent values of mean 0 and deviation 1, `[keys, size]`: each row those of [`imfl_kernel::normal`] by its key
/// ([`crate::random::key`]). A GPU is brought keys alone.
pub fn normals(keys: &[[u32; 2]], size: usize, device: &Device) -> Tensor<2> {
    #[cfg(any(feature = "wgpu", feature = "cuda"))]
    if transfer::is_apart(device) && !keys.is_empty() && size > 0 {
        let there = device.clone().without_autodiff();
        let noise = crate::gpu::noise::normals(words(keys, &there), words(normal::quantiles(), &there), size);
        return if device.is_autodiff() { noise.autodiff() } else { noise };
    }
    let mut values = vec![0.0; keys.len() * size];
    for (row, key) in values.chunks_mut(size.max(1)).zip(keys) {
        normal::normals(row, 0, *key);
    }
    transfer::upload(TensorData::new(values, [keys.len(), size]), device)
}

/// Pairs of words where a GPU reads them.
#[cfg(any(feature = "wgpu", feature = "cuda"))]
fn words(pairs: &[[u32; 2]], device: &Device) -> Tensor<1, burn::tensor::Int> {
    let words: Vec<i32> = pairs.as_flattened().iter().map(|word| *word as i32).collect();
    let count = words.len();
    transfer::upload(TensorData::new(words, [count]), device)
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;

    #[test]
    fn each_row_depends_on_its_key_alone() {
        let device = Device::flex();
        let keys = [[1, 2], [3, 4], [1, 2]];
        let rows = |keys: &[[u32; 2]]| transfer::floats(normals(keys, 5, &device));
        let all = rows(&keys);
        assert_eq!(all[..5], all[10..]);
        assert_ne!(all[..5], all[5..10]);
        assert_eq!(all[5..10], rows(&keys[1..2]));
        assert_eq!(normals(&[], 5, &device).dims(), [0, 5]);
    }

    #[test]
    #[cfg(any(feature = "wgpu", feature = "cuda"))]
    fn a_gpu_draws_what_the_host_draws_to_the_bit() {
        let keys: Vec<[u32; 2]> = (0..50).map(|row| [row * 2_654_435_761, !row]).collect();
        for size in [1, 4, 7, 2_000] {
            let expected = transfer::floats(normals(&keys, size, &Device::flex()));
            for device in crate::gpu::testing::gpus() {
                assert_eq!(transfer::floats(normals(&keys, size, &device)), expected, "{size} on {device:?}");
            }
        }
    }
}
