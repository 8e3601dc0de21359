//! FedProx (Li et al. 2020, arXiv 1812.06127, equation 2): a pull of strength `mu` back to the round's global model,
//! `mu (w - w_0)`, joins the gradient.

use super::algorithm::{ClientAlgorithm, Step};
use crate::choice::Entry;
use burn::tensor::Tensor;
use std::sync::Arc;

pub const ENTRY: Entry<dyn ClientAlgorithm> = Entry {
    form: "fedprox:MU",
    read: |numbers| match numbers {
        [mu] => {
            let mu = mu.parse().ok().filter(|mu: &f64| *mu >= 0.0 && mu.is_finite())?;
            Some(Arc::new(FedProx { mu }))
        }
        _ => None,
    },
};

struct FedProx {
    /// Strength of the pull, at least 0.
    mu: f64,
}

impl ClientAlgorithm for FedProx {
    fn name(&self) -> String {
        format!("fedprox:{}", self.mu)
    }

    fn direction(&self, Step { gradient, weight, start, .. }: Step) -> Tensor<2> {
        match start {
            Some(start) => gradient + (weight.clone() - start.clone()) * self.mu,
            None => gradient,
        }
    }
}
