//! Samples that stay on a device: uploaded once, as bytes where their kind stores bytes, and gathered there.

/// Where the samples of some images are kept on a device.
#[derive(Clone, Debug, Default)]
pub(crate) struct Residence {
    #[cfg(any(feature = "wgpu", feature = "cuda"))]
    kept: std::sync::Arc<std::sync::Mutex<Option<gpu::Kept>>>,
}

#[cfg(any(feature = "wgpu", feature = "cuda"))]
mod gpu {
    use super::Residence;
    use crate::data::{Samples, Scale};
    use crate::gpu::gather::Stored;
    use crate::gpu::largest;
    use crate::transfer::{self, is_apart};
    use burn::tensor::{Device, TensorData};
    use std::sync::PoisonError;

    /// What is kept, and where. Samples that do not fit stay on the host, which is remembered too.
    #[derive(Clone, Debug)]
    pub(crate) struct Kept {
        device: Device,
        stored: Option<Stored>,
    }

    impl Residence {
        /// The samples on a device, brought there with the first call; `None` on a CPU, and where they do not fit into one allocation.
        pub(crate) fn on(&self, device: &Device, parts: &[&dyn Samples], scale: &Scale) -> Option<Stored> {
            let device = device.clone().without_autodiff();
            if !is_apart(&device) {
                return None;
            }
            // What is kept is whole or not there, whoever panicked.
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            if kept.as_ref().is_none_or(|kept| kept.device != device) {
                *kept = Some(Kept { stored: store(&device, parts, scale), device });
            }
            kept.as_ref().and_then(|kept| kept.stored.clone())
        }
    }

    fn store(device: &Device, parts: &[&dyn Samples], scale: &Scale) -> Option<Stored> {
        let [channels, height, width] = parts.first()?.shape();
        let sample = channels * height * width;
        let values = sample * parts.iter().map(|part| part.len()).sum::<usize>();
        let bytes: Option<Vec<&[u8]>> = parts.iter().map(|part| part.bytes()).collect();
        let words = if bytes.is_some() { values.div_ceil(4) } else { values };
        // Kernels count values in 32 bits.
        if values == 0 || values > i32::MAX as usize || 4 * words as u64 > largest(device) {
            return None;
        }
        let words: Vec<i32> = match &bytes {
            Some(bytes) => {
                let all = bytes.concat();
                let (whole, rest) = all.as_chunks::<4>();
                let mut last = [0; 4];
                last[..rest.len()].copy_from_slice(rest);
                let last = (!rest.is_empty()).then_some(last);
                whole.iter().copied().chain(last).map(i32::from_le_bytes).collect()
            }
            None => {
                let mut floats = Vec::with_capacity(values);
                let mut extend = |part: &dyn Samples| (0..part.len()).for_each(|i| part.extend(&mut floats, i, scale));
                parts.iter().for_each(|part| extend(*part));
                floats.into_iter().map(|value| value.to_bits() as i32).collect()
            }
        };
        let table = bytes.is_some().then(|| {
            let table = scale.bytes.as_flattened().to_vec();
            let count = table.len();
            transfer::upload(TensorData::new(table, [count]), device)
        });
        let count = words.len();
        let values = transfer::upload(TensorData::new(words, [count]), device);
        Some(Stored { values, table, sample, plane: height * width })
    }
}
