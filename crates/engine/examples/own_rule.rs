//! An aggregation rule of one's own: implement `AggregationRule` and give it to a federation.
//!
//! `cargo run --release -p imfl-engine --example own_rule`
//!
//! One that is to go by a name, in configurations and on the command line, is a file in `src/federated/aggregation/` and a
//! line in the registry beside it.

use imfl_engine::prelude::*;
use std::error::Error;
use std::sync::Arc;

#[path = "common/mnist.rs"]
mod mnist;

/// The mean of the shortest half: of each value, those half of the updates that lie nearest to each other.
struct ShortestHalf;

impl AggregationRule for ShortestHalf {
    fn needs(&self) -> usize {
        3
    }

    fn combine(&self, changes: &[&[f32]], _weights: &[f64], workers: usize) -> Vec<f64> {
        by_value(changes, workers, |column| {
            column.sort_unstable_by(f32::total_cmp);
            let halves = column.windows(column.len() / 2 + 1);
            let length = |half: &&[f32]| half[half.len() - 1] - half[0];
            let nearest = halves.min_by(|a, b| length(a).total_cmp(&length(b))).unwrap_or_default();
            nearest.iter().map(|value| f64::from(*value)).sum::<f64>() / nearest.len() as f64
        })
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let (mut federation, cohort, test) = mnist::federation()?;
    federation.hostility = Some(Hostility::draw("sign-flip".parse()?, 2, cohort.len(), federation.seed));
    for rule in [Aggregation::default(), Aggregation::own("shortest-half", Arc::new(ShortestHalf))] {
        federation.aggregation = rule;
        let state = federation.train(federation.start(), 3, &cohort)?;
        let accuracy = federation.evaluate(&state, &test).accuracy();
        println!("{}: test accuracy {accuracy:.3} with 2 of {} clients hostile", federation.aggregation, cohort.len());
    }
    Ok(())
}
