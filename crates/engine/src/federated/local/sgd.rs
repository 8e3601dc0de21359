//! Local SGD and nothing else (McMahan et al. 2017, arXiv 1602.05629).

use super::algorithm::{ClientAlgorithm, Step};
use crate::choice::Entry;
use burn::tensor::Tensor;
use std::sync::Arc;

pub const ENTRY: Entry<dyn ClientAlgorithm> =
    Entry { form: "sgd", read: |numbers| numbers.is_empty().then(|| Arc::new(Sgd) as _) };

pub struct Sgd;

impl ClientAlgorithm for Sgd {
    fn name(&self) -> String {
        "sgd".into()
    }

    fn direction(&self, step: Step) -> Tensor<2> {
        step.gradient
    }

    fn is_plain(&self) -> bool {
        true
    }
}
