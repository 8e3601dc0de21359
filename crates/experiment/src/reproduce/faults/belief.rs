//! A server whose prior is wrong: it believes that all costs are a factor of what they are.

use super::super::column::{Column, Groups, Unit};
use super::super::findings::Findings;
use super::super::grid;
use super::super::journal::Journal;
use super::super::rules::{self, Decided};
use super::super::world::World;
use super::cells;
use imfl_mechanism::prior::Distribution;
use imfl_mechanism::{Mode, RuleChoice};
use imfl_report::chart::{Axis, Chart, Style};
use imfl_report::plot::{INK, mode_colour};
use imfl_run::failure::{Failure, Kind, Outcome};

const COLUMNS: [Column<Decided>; 3] = [
    Column { key: "server_cost", name: "server cost", unit: Unit::Plain(4), of: |decided| decided.server_cost },
    Column { key: "payments", name: "payments", unit: Unit::Plain(4), of: |decided| decided.payments },
    Column { key: "", name: "participants", unit: Unit::Plain(4), of: |d| (d.local() + d.augmented()) as f64 },
];

/// Posts the price that is best for scaled costs to clients whose costs are not.
pub fn run(world: &World, journal: &mut Journal, seeds: &[u64], factors: &[f64]) -> Outcome<Findings> {
    if let Some(wrong) = factors.iter().find(|factor| !(**factor > 0.0 && factor.is_finite())) {
        return Err(Failure::new(Kind::Config, format!("`grid.belief` has {wrong}; a factor is above 0")));
    }
    let workers = world.setup.compute.workers;
    let cells = cells("belief", factors, seeds);
    let decided = grid::run("wrong priors", journal, &cells, workers, |&(_, factor, seed)| {
        let place = world.place(seed, |config| {
            config.mechanism.prior = Some(scaled(config.costs.device_factor, factor));
        })?;
        rules::decide(RuleChoice::PostedPrice, &place, place.knowledge.options.effort)
    })?;
    let by_factor = Groups::by(factors, &cells, &decided, |cell, factor| cell.1 == *factor);
    let title = "Posted price if the server believes that costs are this many times what they are";
    let table = by_factor.table(title, &["believed, times the truth"], &COLUMNS, |factor| vec![factor.to_string()]);
    let chart = Chart {
        name: "belief",
        title: "Server cost by what the server believes".into(),
        caption: "The price is best for the believed costs; clients answer by their true ones. Mean over seeds with 95 % intervals.".into(),
        x: Axis::linear("believed costs, times the truth"),
        y: Axis::logarithmic("credits"),
        series: vec![
            by_factor.curve("payments", mode_colour(Mode::Augmented), Style::Line(2), &COLUMNS[1]),
            by_factor.curve("server cost", INK, Style::Line(2), &COLUMNS[0]),
        ],
    };
    Findings::new([("belief", by_factor.points("factor", &COLUMNS))], vec![table], &[chart], Vec::new())
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
