//! A client algorithm of one's own: implement `ClientAlgorithm` and give it to a federation.
//!
//! `cargo run --release -p imfl-engine --example own_algorithm`
//!
//! One that remembers clients between rounds implements `Memory` as well: `src/federated/local/scaffold.rs` does.

use imfl_engine::prelude::*;
use std::error::Error;
use std::sync::Arc;

#[path = "common/mnist.rs"]
mod mnist;

/// Gradients whose norm, parameter by parameter, is at most this (Pascanu et al. 2013, arXiv 1211.5063).
struct Bounded(f64);

impl ClientAlgorithm for Bounded {
    fn direction(&self, step: Step) -> Tensor<2> {
        // `[clients, size]`: each client has a norm of its own.
        let norms = step.gradient.clone().square().sum_dim(1).sqrt();
        step.gradient / (norms / self.0).clamp_min(1.0)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let (mut federation, cohort, test) = mnist::federation()?;
    federation.local.rate = 2.0;
    for algorithm in [LocalAlgorithm::default(), LocalAlgorithm::own("bounded:0.05", Arc::new(Bounded(0.05)))] {
        federation.local.algorithm = algorithm;
        let name = &federation.local.algorithm;
        match federation.train(federation.start(), 3, &cohort) {
            Ok(state) => println!("{name}: test accuracy {:.3}", federation.evaluate(&state, &test).accuracy()),
            Err(error) => println!("{name}: {error}"),
        }
    }
    Ok(())
}
