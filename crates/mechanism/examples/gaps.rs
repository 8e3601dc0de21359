//! How close personal offers come to their certified bound, and how long that takes.
//!
//! `cargo run --release -p imfl-mechanism --example gaps -- [CLIENTS...]`
use std::time::Instant;

use imfl_mechanism::instance::{self, Shape};
use imfl_mechanism::{Bias, personal};

fn main() -> imfl_mechanism::Result<()> {
    let sizes: Vec<usize> = std::env::args().skip(1).filter_map(|size| size.parse().ok()).collect();
    println!(
        "{:>8} {:>8} {:>7} {:>6} {:>14} {:>14} {:>8} {:>6} {:>8}",
        "clients", "value", "kappa", "hired", "cost", "bound", "gap %", "exact", "seconds"
    );
    for clients in if sizes.is_empty() { vec![10, 20, 50, 100, 1000] } else { sizes } {
        let bound = |bias| (Shape { bias, ..Shape::of(clients) }, bias.to_string());
        let forecast = (Shape { forecast: true, ..Shape::of(clients) }, "forecast".to_owned());
        for (shape, name) in [bound(Bias::Aligned), bound(Bias::Mixture), forecast] {
            for (seed, kappa) in [(0, 1.0), (1, 1e2), (2, 1e4), (3, 1e6), (4, 1e8)] {
                let market = instance::crowd(seed, shape, kappa)?;
                let started = Instant::now();
                let outcome = personal::offers(&market, personal::Options::default())?;
                println!(
                    "{clients:>8} {name:>8} {kappa:>7.0e} {:>6} {:>14} {:>14} {:>8.4} {:>6} {:>8.2}",
                    outcome.participants(),
                    outcome.server_cost,
                    outcome.lower_bound,
                    100.0 * outcome.gap(),
                    outcome.exact,
                    started.elapsed().as_secs_f64()
                );
            }
        }
    }
    Ok(())
}
