//! A server whose prior is wrong: it believes that all costs are a factor of what they are.

use super::super::findings::Findings;
use super::super::grid;
use super::super::journal::Journal;
use super::super::rules::{self, Decided};
use super::super::world::World;
use super::{at, cells};
use imfl_mechanism::prior::Distribution;
use imfl_mechanism::{Mode, RuleChoice};
use imfl_report::Table;
use imfl_report::chart::{Axis, Chart, Series, Style};
use imfl_report::plot::{INK, mode_colour};
use imfl_run::failure::{Failure, Kind, Outcome};
use imfl_statistics::{Interval, Quantity};
use serde_json::json;

/// Posts the price that is best for scaled costs to clients whose costs are not.
pub fn run(world: &World, journal: &mut Journal, seeds: &[u64], factors: &[f64]) -> Outcome<Findings> {
    if let Some(wrong) = factors.iter().find(|factor| !(**factor > 0.0 && factor.is_finite())) {
        return Err(Failure::new(Kind::Config, format!("`grid.belief` has {wrong}; a factor is above 0")));
    }
    let workers = world.setup.compute.workers;
    let decided =
        grid::run("wrong priors", journal, &cells("belief", factors, seeds), workers, |&(_, factor, seed)| {
            let place = world.place(seed, |config| {
                config.mechanism.prior = Some(scaled(config.costs.device_factor, factor));
            })?;
            rules::decide(RuleChoice::PostedPrice, &place, place.knowledge.options.effort)
        })?;
    let over = |index: usize, part: fn(&Decided) -> f64| -> Interval {
        at(&decided, factors, index).into_iter().map(part).collect()
    };
    let parts: [Quantity<Decided>; 3] = [
        ("server cost", |decided| decided.server_cost),
        ("payments", |decided| decided.payments),
        ("participants", |decided| (decided.local() + decided.augmented()) as f64),
    ];
    let row = |(index, factor): (usize, &f64)| {
        let cell = |(_, part): Quantity<Decided>| over(index, part).to_string();
        [vec![factor.to_string()], parts.map(cell).into()].concat()
    };
    let table = Table {
        title: "Posted price if the server believes that costs are this many times what they are".into(),
        header: ["believed, times the truth", "server cost", "payments", "participants"].map(String::from).into(),
        rows: factors.iter().enumerate().map(row).collect(),
    };
    let line = |name: &str, colour, part: fn(&Decided) -> f64| Series {
        name: name.into(),
        colour,
        style: Style::Line(2),
        points: factors.iter().enumerate().map(|(index, &factor)| (factor, over(index, part))).collect(),
    };
    let chart = Chart {
        name: "belief",
        title: "Server cost by what the server believes".into(),
        caption: "The price is best for the believed costs; clients answer by their true ones. Mean over seeds with 95 % intervals.".into(),
        x: Axis::linear("believed costs, times the truth"),
        y: Axis::logarithmic("credits"),
        series: vec![line("payments", mode_colour(Mode::Augmented), parts[1].1), line("server cost", INK, parts[0].1)],
    };
    let points: Vec<_> = factors
        .iter()
        .enumerate()
        .map(|(index, factor)| {
            json!({ "factor": factor, "server_cost": over(index, parts[0].1), "payments": over(index, parts[1].1) })
        })
        .collect();
    let mut values = serde_json::Map::new();
    values.insert("belief".into(), json!(points));
    Ok(Findings { values, tables: vec![table], figures: vec![chart.draw()?], notes: Vec::new() })
}

fn scaled(distribution: Distribution, factor: f64) -> Distribution {
    match distribution {
        Distribution::Constant { value } => Distribution::Constant { value: value * factor },
        Distribution::Uniform { low, high } => Distribution::Uniform { low: low * factor, high: high * factor },
        Distribution::TruncatedNormal { mean, sd, low, high } => Distribution::TruncatedNormal {
            mean: mean * factor,
            sd: sd * factor,
            low: low * factor,
            high: high * factor,
        },
        Distribution::Lognormal { mu, sigma } => Distribution::Lognormal { mu: mu + factor.ln(), sigma },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_quantile_scales() {
        for distribution in [
            Distribution::Constant { value: 2.0 },
            Distribution::Uniform { low: 1.0, high: 4.0 },
            Distribution::TruncatedNormal { mean: 2.0, sd: 1.0, low: 1.0, high: 4.0 },
            Distribution::Lognormal { mu: 0.5, sigma: 0.3 },
        ] {
            for u in [0.1, 0.5, 0.9] {
                let (once, half) = (distribution.quantile(u), scaled(distribution, 0.5).quantile(u));
                assert!((half - once / 2.0).abs() < 1e-9, "{distribution:?}");
            }
        }
    }
}
