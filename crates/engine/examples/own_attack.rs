//! An attack of one's own: implement `Adversary` and let some clients of a federation do it.
//!
//! `cargo run --release -p imfl-engine --example own_attack`

use imfl_engine::prelude::*;
use std::error::Error;
use std::sync::Arc;

#[path = "common/mnist.rs"]
mod mnist;

/// Hostile clients send the honest mean turned around, so many times as long.
struct Reversed(f32);

impl Adversary for Reversed {
    fn strike(&self, hostile: &mut [&mut ClientUpdate], honest: &[&[f32]], _: &dyn Fn(u32) -> ChaCha8Rng) {
        for update in hostile {
            for (place, value) in update.change.iter_mut().enumerate() {
                let sum: f32 = honest.iter().map(|change| change[place]).sum();
                *value = -self.0 * sum / honest.len() as f32;
            }
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let (mut federation, cohort, test) = mnist::federation()?;
    let attack = Attack::own("reversed:4", Arc::new(Reversed(4.0)));
    federation.hostility = Some(Hostility::draw(attack, 3, cohort.len(), federation.seed));
    for rule in ["mean", "trimmed-mean:3", "geometric-median"] {
        federation.aggregation = rule.parse()?;
        let state = federation.train(federation.start(), 3, &cohort)?;
        println!("{rule}: test accuracy {:.3}", federation.evaluate(&state, &test).accuracy());
    }
    Ok(())
}
