//! Expected server cost of the optimal auction and of the best posted price, under 100 priors, over all profiles of types:
//! `cargo run --release -p imfl-mechanism --example auction_against_price`
use imfl_mechanism::instance::{self, Shape};
use imfl_mechanism::{Bias, verify};

fn main() -> imfl_mechanism::Result<()> {
    println!(
        "{:>5} {:>8} {:>8} {:>7} {:>12} {:>12} {:>8}",
        "prior", "clients", "bias", "ironed", "auction", "price", "saved %"
    );
    let mut saved = Vec::new();
    for seed in 0..100 {
        let bias = if seed % 2 == 0 { Bias::Aligned } else { Bias::Mixture };
        let clients = 2 + seed as usize % 3;
        let market = instance::market(seed, Shape { bias, classes: 3, ..Shape::of(clients) })?;
        let expected = verify::expected_costs(&market, &instance::types(seed, 6))?;
        let percent = 100.0 * (1.0 - expected.optimal / expected.posted);
        println!(
            "{seed:>5} {clients:>8} {bias:>8} {:>7} {:>12.6} {:>12.6} {percent:>8.3}",
            expected.ironed, expected.optimal, expected.posted
        );
        saved.push(percent);
    }
    saved.sort_by(f64::total_cmp);
    let mean = saved.iter().sum::<f64>() / saved.len() as f64;
    println!(
        "saved by the auction: least {:.3} %, median {:.3} %, mean {mean:.3} %, most {:.3} %",
        saved[0], saved[50], saved[99]
    );
    Ok(())
}
