use super::Pass;
use crate::op::{self, Norm};
use crate::parameters::{Initialiser, Layout, ParameterId};
use burn::tensor::Tensor;

/// Group normalisation (Wu and He 2018): each sample's channels, in groups, get mean 0 and variance 1, then a learnt
/// scale and shift; with SiLU behind it if asked for. It keeps no statistics between batches, which is why federated
/// models prefer it to batch norm.
#[derive(Clone, Debug)]
pub struct GroupNorm {
    scale: ParameterId,
    shift: ParameterId,
    options: Norm,
}

impl GroupNorm {
    /// Declares `scale [channels]` and `shift [channels]` under `name`; `groups` must divide `channels`.
    pub fn new(layout: &mut Layout, name: &str, groups: usize, channels: usize) -> Self {
        Self {
            scale: layout.declare(format!("{name}.scale"), &[channels], Initialiser::Ones),
            shift: layout.declare(format!("{name}.shift"), &[channels], Initialiser::Zeros),
            options: Norm { groups, silu: false },
        }
    }

    /// The same layer followed by SiLU, in one pass over memory.
    pub fn with_silu(self) -> Self {
        Self { options: Norm { silu: true, ..self.options }, ..self }
    }

    /// `[clients, batch, channels, height, width]` to the same shape.
    pub fn forward(&self, pass: &Pass, x: Tensor<5>) -> Tensor<5> {
        let each = |id| pass.parameter::<2>(id).unsqueeze_dim::<3>(1);
        op::norm(x, each(self.scale), each(self.shift), self.options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::testing::{distinct_clients, ramp};

    #[test]
    fn every_group_has_mean_zero_and_variance_one() {
        let mut layout = Layout::new();
        let layer = GroupNorm::new(&mut layout, "norm", 2, 4);
        let (_, stacked) = distinct_clients(layout, 2);
        let y = layer.forward(&Pass::evaluate(&stacked), ramp([2, 3, 4, 5, 5])).reshape([12, 50]);
        let mean = y.clone().mean_dim(1).abs().max().into_scalar::<f32>();
        let off = (y.square().mean_dim(1) - 1.0).abs().max().into_scalar::<f32>();
        assert!(mean < 1e-5 && off < 1e-3, "mean {mean}, variance off by {off}");
    }
}
