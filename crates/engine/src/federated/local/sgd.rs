//! Local SGD and nothing else (McMahan et al. 2017, arXiv 1602.05629).

use super::algorithm::{ClientAlgorithm, Step};
use burn::tensor::Tensor;

pub struct Sgd;

impl ClientAlgorithm for Sgd {
    fn direction(&self, step: Step) -> Tensor<2> {
        step.gradient
    }

    fn is_plain(&self) -> bool {
        true
    }
}
