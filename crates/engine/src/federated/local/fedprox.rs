//! FedProx (Li et al. 2020, arXiv 1812.06127, equation 2): a pull of strength `mu` back to the round's global model,
//! `mu (w - w_0)`, joins the gradient.

use super::algorithm::{ClientAlgorithm, Step};
use burn::tensor::Tensor;

pub struct FedProx {
    /// Strength of the pull, at least 0.
    pub mu: f64,
}

impl ClientAlgorithm for FedProx {
    fn direction(&self, Step { gradient, weight, start, .. }: Step) -> Tensor<2> {
        match start {
            Some(start) => gradient + (weight.clone() - start.clone()) * self.mu,
            None => gradient,
        }
    }
}
