use super::Pass;
use crate::parameters::{Initialiser, Layout, ParameterId};
use burn::tensor::Tensor;

/// Group normalisation (Wu and He 2018): each sample's channels, in groups, get mean 0 and variance 1, then a learnt
/// scale and shift. It keeps no statistics between batches, which is why federated models prefer it to batch norm.
#[derive(Clone, Debug)]
pub struct GroupNorm {
    affine: Option<(ParameterId, ParameterId)>,
    groups: usize,
}

const EPSILON: f64 = 1e-5;

impl GroupNorm {
    /// Declares `scale [channels]` and `shift [channels]` under `name`; `groups` must divide `channels`.
    pub fn new(layout: &mut Layout, name: &str, groups: usize, channels: usize) -> Self {
        let scale = layout.declare(format!("{name}.scale"), &[channels], Initialiser::Ones);
        let shift = layout.declare(format!("{name}.shift"), &[channels], Initialiser::Zeros);
        Self { affine: Some((scale, shift)), groups }
    }

    /// Normalises only, for layers that take scale and shift from elsewhere.
    pub fn plain(groups: usize) -> Self {
        Self { affine: None, groups }
    }

    /// `[clients, batch, channels, height, width]` to the same shape.
    pub fn forward(&self, pass: &Pass, x: Tensor<5>) -> Tensor<5> {
        let dims @ [clients, batch, channels, height, width] = x.dims();
        let grouped = x.reshape([clients * batch, self.groups, channels / self.groups * height * width]);
        let centred = grouped.clone() - grouped.mean_dim(2);
        let variance = centred.clone().square().mean_dim(2);
        let normal = (centred / (variance + EPSILON).sqrt()).reshape(dims);
        let Some((scale, shift)) = self.affine else { return normal };
        let scale: Tensor<2> = pass.parameter(scale);
        let shift: Tensor<2> = pass.parameter(shift);
        let each = [clients, 1, channels, 1, 1];
        normal * scale.reshape(each) + shift.reshape(each)
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
