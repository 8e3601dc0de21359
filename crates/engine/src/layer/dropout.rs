use super::pass::Pass;
use crate::transfer;
use burn::tensor::{Tensor, TensorData};
use rand::Rng;

/// Zeroes activations at random while training and scales the others up, so that their mean stays (Srivastava et al. 2014).
///
/// The rate is kept to a multiple of 1/65,536: one 16-bit draw decides an activation.
#[derive(Clone, Copy, Debug)]
pub struct Dropout {
    threshold: u32,
}

impl Dropout {
    /// Zeroes with probability `rate` in [0, 1).
    pub fn new(rate: f64) -> Self {
        debug_assert!((0.0..1.0).contains(&rate));
        Self { threshold: (rate * 65_536.0).round() as u32 }
    }

    /// Any activation `[clients, batch, ...]`; the identity outside training.
    pub fn forward<const D: usize>(&self, pass: &mut Pass, x: Tensor<D>) -> Tensor<D> {
        let Some(generators) = pass.dropout.as_deref_mut() else { return x };
        let dims = x.dims();
        let each: usize = dims[1..].iter().product();
        let keep = 65_536.0 / (65_536 - self.threshold) as f32;
        let mut mask = Vec::with_capacity(dims[0] * each);
        let mut bytes = vec![0u8; 2 * each];
        for generator in generators {
            generator.fill_bytes(&mut bytes);
            mask.extend(bytes.chunks_exact(2).map(|pair| {
                let draw = u32::from(u16::from_le_bytes([pair[0], pair[1]]));
                if draw < self.threshold { 0.0 } else { keep }
            }));
        }
        let mask = transfer::upload::<D, _>(TensorData::new(mask, dims), &x.device());
        x * mask
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::testing::distinct_clients;
    use crate::parameters::Layout;
    use crate::random::{Purpose, keyed};
    use crate::transfer;
    use burn::tensor::Device;

    #[test]
    fn drops_the_rate_keeps_the_mean_and_is_off_in_evaluation() {
        let (_, stacked) = distinct_clients(Layout::new(), 1);
        let ones = Tensor::<3>::ones([1, 100, 400], &Device::flex());
        let layer = Dropout::new(0.25);
        let mut generators = [keyed(1, Purpose::Dropout, 0, 0, 0)];
        let dropped = layer.forward(&mut Pass::train(&stacked, &mut generators), ones.clone());
        let zeros = dropped.clone().equal_scalar(0.0).float().mean().into_scalar::<f32>();
        assert!((zeros - 0.25).abs() < 0.01, "{zeros}");
        assert!((dropped.mean().into_scalar::<f32>() - 1.0).abs() < 0.02);
        let same = layer.forward(&mut Pass::evaluate(&stacked), ones);
        assert_eq!(same.mean().into_scalar::<f32>(), 1.0);
    }
}
