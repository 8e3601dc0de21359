//! The network for rows of a table.

use super::config::DenoiserConfig;
use burn::tensor::Tensor;
use imfl_engine::layer::{GroupNorm, Linear, Pass, flatten};
use imfl_engine::op::{self, Norm};
use imfl_engine::parameters::Layout;

/// Two dense layers with ReLU between them over a skip; the noise level and the class set scale and shift of the normalisation before them (Perez et
/// al. 2018, arXiv 1709.07871).
#[derive(Clone, Debug)]
struct Block {
    condition: Linear,
    first: Linear,
    second: Linear,
}

/// A dense layer, residual blocks of one width, a dense layer: the residual network that Gorishniy et al. 2021 (arXiv 2106.11959, section 3.2)
/// found right for tables, told noise level and class as TabDDPM's perceptron is (Kotelnikov et al. 2023, arXiv 2209.15421).
#[derive(Clone, Debug)]
pub struct Perceptron {
    enter: Linear,
    blocks: Vec<Block>,
    norm: GroupNorm,
    leave: Linear,
}

/// All units of a layer are normalised together (Ba et al. 2016, arXiv 1607.06450).
const NORM: Norm = Norm { groups: 1, silu: false };

impl Block {
    fn new(layout: &mut Layout, name: &str, width: usize, embedding: usize) -> Self {
        Self {
            condition: Linear::new(layout, &format!("{name}.condition"), embedding, 2 * width),
            first: Linear::new(layout, &format!("{name}.first"), width, width).with_relu(),
            second: Linear::zeros(layout, &format!("{name}.second"), width, width),
        }
    }

    /// `[clients, batch, width]` to the same shape, under a condition `[clients, batch, embedding]`.
    fn forward(&self, pass: &Pass, x: Tensor<3>, condition: &Tensor<3>) -> Tensor<3> {
        let width = x.dims()[2];
        let condition = self.condition.forward(pass, condition.clone());
        let [scale, shift] = [0, width].map(|start| condition.clone().narrow(2, start, width));
        let h = op::norm(x.clone().unsqueeze_dims(&[3, 4]), scale + 1.0, shift, NORM);
        x + self.second.forward(pass, self.first.forward(pass, flatten(h)))
    }
}

impl Perceptron {
    pub fn new(layout: &mut Layout, config: &DenoiserConfig, blocks: usize) -> Self {
        let &DenoiserConfig { shape, width, embedding, .. } = config;
        Self {
            enter: Linear::new(layout, "enter", shape.size(), width),
            blocks: (0..blocks).map(|b| Block::new(layout, &format!("block.{b}"), width, embedding)).collect(),
            norm: GroupNorm::new(layout, "norm", NORM.groups, width).with_silu(),
            leave: Linear::zeros(layout, "leave", width, shape.size()),
        }
    }

    /// Scaled noisy rows `[clients, batch, values, 1, 1]` under a condition `[clients, batch, embedding]` to the output, of the rows' shape.
    pub fn forward(&self, pass: &Pass, rows: Tensor<5>, condition: &Tensor<3>) -> Tensor<5> {
        let dims = rows.dims();
        let mut x = self.enter.forward(pass, flatten(rows));
        for block in &self.blocks {
            x = block.forward(pass, x, condition);
        }
        let x = self.norm.forward(pass, x.unsqueeze_dims(&[3, 4]));
        self.leave.forward(pass, flatten(x)).reshape(dims)
    }
}
