//! The network for pictures.

use super::blocks::{Attention, Pointwise, Residual, depth_to_space, space_to_depth};
use super::config::{DenoiserConfig, GROUPS};
use burn::tensor::Tensor;
use imfl_engine::layer::{Conv2d, GroupNorm, Pass};
use imfl_engine::parameters::Layout;

/// Space-to-depth, a residual block at half resolution, three blocks and one attention at a quarter of it, a residual
/// block at half resolution over a skip, depth-to-space.
#[derive(Clone, Debug)]
pub struct UNet {
    enter: Conv2d,
    fine_in: Residual,
    down: Pointwise,
    coarse: [Residual; 3],
    attention: Attention,
    up: Pointwise,
    fine_out: Residual,
    norm: GroupNorm,
    leave: Conv2d,
}

impl UNet {
    pub fn new(l: &mut Layout, config: &DenoiserConfig) -> Self {
        let &DenoiserConfig { shape, width, embedding, .. } = config;
        let pixels = 4 * shape.channels;
        Self {
            enter: Conv2d::new(l, "enter", pixels, width, 3).with_padding(1),
            fine_in: Residual::new(l, "fine_in", width, embedding),
            down: Pointwise::new(l, "down", 4 * width, 2 * width),
            coarse: [0, 1, 2].map(|index| Residual::new(l, &format!("coarse.{index}"), 2 * width, embedding)),
            attention: Attention::new(l, "attention", 2 * width),
            up: Pointwise::new(l, "up", 2 * width, 4 * width),
            fine_out: Residual::new(l, "fine_out", width, embedding),
            norm: GroupNorm::new(l, "norm", GROUPS, width).with_silu(),
            leave: Conv2d::zeros(l, "leave", width, pixels, 3).with_padding(1),
        }
    }

    /// Scaled noisy images `[clients, batch, channels, height, width]` under a condition `[clients, batch, embedding]` to the output, of the
    /// images' shape.
    pub fn forward(&self, pass: &Pass, images: Tensor<5>, condition: &Tensor<3>) -> Tensor<5> {
        let fine = self.enter.forward(pass, space_to_depth(images));
        let fine = self.fine_in.forward(pass, fine, condition);
        let mut coarse = self.down.forward(pass, space_to_depth(fine.clone()));
        coarse = self.coarse[0].forward(pass, coarse, condition);
        coarse = self.coarse[1].forward(pass, coarse, condition);
        coarse = self.attention.forward(pass, coarse);
        coarse = self.coarse[2].forward(pass, coarse, condition);
        let fine = fine + depth_to_space(self.up.forward(pass, coarse));
        let fine = self.fine_out.forward(pass, fine, condition);
        depth_to_space(self.leave.forward(pass, self.norm.forward(pass, fine)))
    }
}
