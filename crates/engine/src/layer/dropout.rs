use super::pass::Pass;
use crate::op::{self, Mask};
use burn::tensor::Tensor;

/// Zeroes activations at random while training and scales the others up, so that their mean stays (Srivastava et al. 2014).
///
/// Which are zeroed is drawn by [`crate::philox`] where the activations are, the same bits on every device. The rate is kept to a
/// multiple of 1/65,536: one 16-bit draw decides an activation.
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
    pub fn forward<const D: usize>(&self, pass: &Pass, x: Tensor<D>) -> Tensor<D> {
        match self.mask(pass) {
            Some(mask) => op::dropout(x, mask),
            None => x,
        }
    }

    /// Its mask in a training pass, for an operation that drops out of its output itself.
    pub(super) fn mask(&self, pass: &Pass) -> Option<Mask> {
        pass.mask(self.threshold)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::{Keys, testing::distinct_clients};
    use crate::parameters::Layout;
    use burn::tensor::Device;

    #[test]
    fn drops_the_rate_keeps_the_mean_and_is_off_in_evaluation() {
        let (_, stacked) = distinct_clients(Layout::new(), 1);
        let ones = Tensor::<3>::ones([1, 100, 400], &Device::flex());
        let layer = Dropout::new(0.25);
        let keys = Keys::new(1, 0, &[0], 0..1, &Device::flex());
        let dropped = layer.forward(&Pass::train(&stacked, keys.step(0)), ones.clone());
        let zeros = dropped.clone().equal_scalar(0.0).float().mean().into_scalar::<f32>();
        assert!((zeros - 0.25).abs() < 0.01, "{zeros}");
        assert!((dropped.mean().into_scalar::<f32>() - 1.0).abs() < 0.02);
        let same = layer.forward(&Pass::evaluate(&stacked), ones);
        assert_eq!(same.mean().into_scalar::<f32>(), 1.0);
    }
}
