//! What the denoiser is made of.

use super::config::GROUPS;
use burn::tensor::{Tensor, activation::softmax};
use imfl_engine::layer::{Conv2d, GroupNorm, Linear, Pass};
use imfl_engine::op::{self, Norm};
use imfl_engine::parameters::{Initialiser, Layout, ParameterId};

/// A convolution of one pixel: a matrix product over the channels.
#[derive(Clone, Debug)]
pub struct Pointwise {
    weight: ParameterId,
    bias: ParameterId,
}

impl Pointwise {
    /// Declares `weight [outputs, inputs]` and `bias [outputs]` under `name`.
    pub fn new(layout: &mut Layout, name: &str, inputs: usize, outputs: usize) -> Self {
        Self::started(layout, name, inputs, outputs, Initialiser::fan_in(inputs))
    }

    /// A layer that starts as the zero function.
    pub fn zeros(layout: &mut Layout, name: &str, inputs: usize, outputs: usize) -> Self {
        Self::started(layout, name, inputs, outputs, Initialiser::Zeros)
    }

    fn started(layout: &mut Layout, name: &str, inputs: usize, outputs: usize, start: Initialiser) -> Self {
        Self {
            weight: layout.declare(format!("{name}.weight"), &[outputs, inputs], start),
            bias: layout.declare(format!("{name}.bias"), &[outputs], start),
        }
    }

    /// `[clients, batch, inputs, height, width]` to `[clients, batch, outputs, height, width]`.
    pub fn forward(&self, pass: &Pass, x: Tensor<5>) -> Tensor<5> {
        let [clients, batch, inputs, height, width] = x.dims();
        let weight: Tensor<3> = pass.parameter(self.weight);
        let bias: Tensor<2> = pass.parameter(self.bias);
        let outputs = bias.dims()[1];
        let x = x.reshape([clients, batch, inputs, height * width]);
        let y = weight.unsqueeze_dim::<4>(1).matmul(x) + bias.reshape([clients, 1, outputs, 1]);
        y.reshape([clients, batch, outputs, height, width])
    }
}

/// Two convolutions over a skip; the noise level and the class set scale and shift of the second normalisation.
#[derive(Clone, Debug)]
pub struct Residual {
    norm1: GroupNorm,
    conv1: Conv2d,
    condition: Linear,
    conv2: Conv2d,
}

impl Residual {
    pub fn new(layout: &mut Layout, name: &str, channels: usize, embedding: usize) -> Self {
        Self {
            norm1: GroupNorm::new(layout, &format!("{name}.norm1"), GROUPS, channels).with_silu(),
            conv1: Conv2d::new(layout, &format!("{name}.conv1"), channels, channels, 3).with_padding(1),
            condition: Linear::new(layout, &format!("{name}.condition"), embedding, 2 * channels),
            conv2: Conv2d::zeros(layout, &format!("{name}.conv2"), channels, channels, 3).with_padding(1),
        }
    }

    /// `[clients, batch, channels, height, width]` to the same shape, under a condition `[clients, batch, embedding]`.
    pub fn forward(&self, pass: &Pass, x: Tensor<5>, condition: &Tensor<3>) -> Tensor<5> {
        let channels = x.dims()[2];
        let h = self.conv1.forward(pass, self.norm1.forward(pass, x.clone()));
        let condition = self.condition.forward(pass, condition.clone());
        let [scale, shift] = [0, channels].map(|start| condition.clone().narrow(2, start, channels));
        let h = op::norm(h, scale + 1.0, shift, Norm { groups: GROUPS, silu: true });
        x + self.conv2.forward(pass, h)
    }
}

/// Self-attention over the pixels, one head, over a skip.
#[derive(Clone, Debug)]
pub struct Attention {
    norm: GroupNorm,
    project: Pointwise,
    out: Pointwise,
}

impl Attention {
    pub fn new(layout: &mut Layout, name: &str, channels: usize) -> Self {
        Self {
            norm: GroupNorm::new(layout, &format!("{name}.norm"), GROUPS, channels),
            project: Pointwise::new(layout, &format!("{name}.project"), channels, 3 * channels),
            out: Pointwise::zeros(layout, &format!("{name}.out"), channels, channels),
        }
    }

    /// `[clients, batch, channels, height, width]` to the same shape.
    pub fn forward(&self, pass: &Pass, x: Tensor<5>) -> Tensor<5> {
        let dims @ [clients, batch, channels, height, width] = x.dims();
        let qkv = self.project.forward(pass, self.norm.forward(pass, x.clone()));
        let qkv = qkv.reshape([clients * batch, 3 * channels, height * width]);
        let [q, k, v] = [0, 1, 2].map(|part| qkv.clone().narrow(1, part * channels, channels));
        // [images, pixels, pixels]: how much each pixel takes from each other.
        let scores = q.swap_dims(1, 2).matmul(k) * (channels as f64).powf(-0.5);
        let taken = v.matmul(softmax(scores, 2).swap_dims(1, 2));
        x + self.out.forward(pass, taken.reshape(dims))
    }
}

/// Each 2x2 square of pixels becomes one pixel of four times the channels.
pub fn space_to_depth(x: Tensor<5>) -> Tensor<5> {
    let [clients, batch, channels, height, width] = x.dims();
    x.reshape([clients * batch, channels, height / 2, 2, width / 2, 2]).permute([0, 1, 3, 5, 2, 4]).reshape([
        clients,
        batch,
        4 * channels,
        height / 2,
        width / 2,
    ])
}

/// The inverse of [`space_to_depth`].
pub fn depth_to_space(x: Tensor<5>) -> Tensor<5> {
    let [clients, batch, channels, height, width] = x.dims();
    x.reshape([clients * batch, channels / 4, 2, 2, height, width]).permute([0, 1, 4, 2, 5, 3]).reshape([
        clients,
        batch,
        channels / 4,
        2 * height,
        2 * width,
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, Int};

    #[test]
    fn depth_to_space_undoes_space_to_depth() {
        let x = Tensor::<1, Int>::arange(0..96, &Device::flex()).float().reshape([1, 2, 3, 4, 4]);
        let deep = space_to_depth(x.clone());
        assert_eq!(deep.dims(), [1, 2, 12, 2, 2]);
        let first = deep.clone().into_data();
        // The four channels of the first image's first channel: top left pixels, top right, bottom left, bottom right.
        assert_eq!(first.as_slice::<f32>().unwrap()[..8], [0., 2., 8., 10., 1., 3., 9., 11.]);
        assert_eq!(depth_to_space(deep).into_data(), x.into_data());
    }
}
