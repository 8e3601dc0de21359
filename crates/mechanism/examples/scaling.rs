//! Time and peak memory of the uniform price from 10^3 to 10^6 clients, and of sampling a prior:
//! `cargo run --release -p imfl-mechanism --example scaling -- [aligned|mixture|forecast]`. One thread throughout.
use std::time::Instant;

use imfl_mechanism::instance::{self, Shape};
use imfl_mechanism::posted::{self, Sampling};
use imfl_mechanism::prior::{Distribution, Parametric, Prior};
use imfl_mechanism::{Bias, Market, Population, TargetChoice};

/// Peak resident memory of this process in MB, where the system tells.
fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kilobytes =
        status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kilobytes.map_or("-".into(), |kilobytes| (kilobytes / 1024).to_string())
}

fn main() -> imfl_mechanism::Result<()> {
    let argument = std::env::args().nth(1).unwrap_or_default();
    let forecast = argument == "forecast";
    // a forecast needs label shares, as the mixture does
    let bias = if forecast { Bias::Mixture } else { argument.parse().unwrap_or_default() };
    println!(
        "{:>9} {:>10} {:>10} {:>10} {:>12} {:>8}",
        "clients", "read s", "market s", "price s", "ns / client", "peak MB"
    );
    for clients in [1_000, 10_000, 100_000, 1_000_000] {
        let shape = Shape { bias, forecast, ..Shape::of(clients) };
        // worth as much as it takes to hire a good part of so many
        let worth = if forecast { 0.02 * (clients as f64).powf(1.6) } else { clients as f64 };
        let objective = instance::objective(worth, shape)?;
        // through the reader of client files, so that nothing but the market is in memory
        let rows = (0..clients).map(|index| {
            let spec = &instance::specs(index as u64, Shape { clients: 1, ..shape })[0];
            let shares = spec.shares.iter().flatten();
            let skew: f64 = shares.clone().map(|share| (share - 0.1).abs()).sum();
            let cells: String = match bias {
                Bias::Aligned => String::new(),
                Bias::Mixture => shares.map(|share| format!(",{share:.6}")).collect(),
            };
            format!(
                "c{index},{},{skew:.6},{:.9},{:.9},{:.9},{}{cells}\n",
                spec.samples, spec.compute_cost, spec.synthesis_cost, spec.setup_cost, spec.batch
            )
        });
        let path = std::env::temp_dir().join(format!("imfl-scaling-{}.csv", std::process::id()));
        let file = |source| imfl_mechanism::Error::File { path: path.clone(), source };
        let mut out = std::io::BufWriter::new(std::fs::File::create(&path).map_err(file)?);
        let classes: String = match bias {
            Bias::Aligned => String::new(),
            Bias::Mixture => (0..10).map(|class| format!(",p{class}")).collect(),
        };
        let header = format!("client,samples,skew,compute_cost,synthesis_cost,setup_cost,batch{classes}\n");
        std::io::Write::write_all(&mut out, header.as_bytes()).map_err(file)?;
        for row in rows {
            std::io::Write::write_all(&mut out, row.as_bytes()).map_err(file)?;
        }
        drop(out);
        let started = Instant::now();
        let population =
            Population::read_csv(std::fs::File::open(&path).map_err(file)?, "clients", &TargetChoice::Uniform)?;
        let read = started.elapsed().as_secs_f64();
        std::fs::remove_file(&path).map_err(file)?;
        let started = Instant::now();
        let market = Market::with_objective(population, objective)?;
        let built = started.elapsed().as_secs_f64();
        let started = Instant::now();
        let outcome = posted::complete(&market)?;
        let priced = started.elapsed().as_secs_f64();
        println!(
            "{clients:>9} {read:>10.4} {built:>10.4} {priced:>10.4} {:>12.0} {:>8}   {} of them hired",
            priced * 1e9 / clients as f64,
            peak(),
            outcome.participants()
        );
    }
    let market = instance::crowd(7, Shape { bias, ..Shape::of(1_000) }, 1e6)?;
    let lognormal = Prior::parametric(Parametric {
        compute_cost: Some(Distribution::Lognormal { mu: -6.0, sigma: 0.5 }),
        synthesis_cost: Some(Distribution::Uniform { low: 0.0, high: 0.002 }),
        setup_cost: Some(Distribution::TruncatedNormal { mean: 0.05, sd: 0.02, low: 0.0, high: 0.2 }),
    })?;
    for (name, prior) in [("empirical", Prior::of(market.population())), ("parametric", lognormal)] {
        let started = Instant::now();
        let estimate = posted::incomplete(&market, &prior, Sampling { scenarios: 1_000, seed: 1 })?;
        println!(
            "1000 clients x 1000 scenarios, {name} prior: {:.2} s, price {}, E[J] = {:.4} +- {:.4}, peak {} MB",
            started.elapsed().as_secs_f64(),
            estimate.price,
            estimate.server_cost,
            estimate.standard_error,
            peak()
        );
    }
    Ok(())
}
