//! Clients that claim labels like the target's: what the posted price loses to them, and what their gradients give away.
//!
//! A client's gradient is known to the server, which can predict it from a label histogram and the gradients of the classes on images of
//! its own. A claim that is far from the truth shows as a gap beyond what the client's number of samples explains.

use super::super::column::{Column, Groups, Unit};
use super::super::findings::Findings;
use super::super::grid;
use super::super::journal::Journal;
use super::super::world::{Place, World};
use super::cells;
use imfl_engine::client::{Client, Sample};
use imfl_engine::gradient;
use imfl_engine::random::{Purpose, keyed};
use imfl_mechanism::{Mode, posted};
use imfl_report::chart::{Axis, Chart, Style};
use imfl_report::plot::{INK, class_colour};
use imfl_run::failure::{Failure, Kind, Outcome};
use imfl_run::pipeline::allocate;
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// What is drawn of [`Purpose::Experiment`] here, by its round.
const LIARS: u64 = 4;
/// Share of honest clients that may be accused.
const FALSE_ALARMS: f64 = 0.05;

/// One seed with so many liars.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Claimed {
    /// What the server thinks that it paid for, in credits.
    believed: f64,
    /// kappa Phi of the true labels, plus payments.
    actual: f64,
    payments: f64,
}

const COLUMNS: [Column<Claimed>; 3] = [
    Column {
        key: "believed",
        name: "server cost it believes in",
        unit: Unit::Plain(4),
        of: |claimed| claimed.believed,
    },
    Column { key: "actual", name: "server cost in fact", unit: Unit::Plain(4), of: |claimed| claimed.actual },
    Column { key: "", name: "payments", unit: Unit::Plain(4), of: |claimed| claimed.payments },
];

/// Gaps of one seed's clients, in units of the noise that their number of samples explains.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Gaps {
    honest: Vec<f64>,
    lying: Vec<f64>,
}

/// Posts a price to claimed labels, and looks at gradients.
pub fn run(world: &World, journal: &mut Journal, seeds: &[u64], shares: &[f64]) -> Outcome<Findings> {
    if let Some(wrong) = shares.iter().find(|share| !(0.0..=1.0).contains(*share)) {
        return Err(Failure::new(Kind::Config, format!("`grid.liars` has {wrong}; a share lies in [0, 1]")));
    }
    let workers = world.setup.compute.workers;
    let liars = cells("liars", shares, seeds);
    let claimed = grid::run("misreported labels", journal, &liars, workers, |&(_, share, seed)| {
        claim(world, &world.place(seed, |_| ())?, share)
    })?;
    let gaps = grid::run("gradient gaps", journal, &cells("gaps", &[0.0], seeds), 1, |&(_, _, seed)| {
        gaps(world, &world.place(seed, |_| ())?)
    })?;
    let by_share = Groups::by(shares, &liars, &claimed, |cell, share| cell.1 == *share);
    let title = "Posted price where some clients claim labels like the target's, credits";
    let table = by_share.table(title, &["liars"], &COLUMNS, |share| vec![format!("{:.0} %", share * 100.0)]);
    let chart = Chart {
        name: "liars",
        title: "Server cost by share of clients that claim balanced labels".into(),
        caption: "What the server believes by the claims, and what it has in fact by the true labels; mean over seeds with 95 % intervals.".into(),
        x: Axis::percent("share of clients that lie"),
        y: Axis::logarithmic("credits"),
        series: vec![
            by_share.curve("believed", class_colour(0), Style::Dashed, &COLUMNS[0]),
            by_share.curve("in fact", INK, Style::Line(3), &COLUMNS[1]),
        ],
    };
    let caught = caught(&gaps);
    let notes = vec![format!(
        "The gap between a client's gradient at the initial model and what its claimed labels predict catches {:.1} % of those who claim balanced \
         labels, at {:.0} % false alarms.",
        caught * 100.0,
        FALSE_ALARMS * 100.0
    )];
    let values = [("histograms", by_share.points("liars", &COLUMNS)), ("caught_by_gradient_gap", json!(caught))];
    Findings::new(values, vec![table], &[chart], notes)
}

/// The posted price for claimed labels. A liar that is asked to augment has nothing to generate by its claim, and trains as it is.
fn claim(world: &World, place: &Place, share: f64) -> Outcome<Claimed> {
    let mut order: Vec<usize> = (0..place.clients.len()).collect();
    order.shuffle(&mut keyed(place.setup.seed, Purpose::Experiment, LIARS, 0, 0));
    let liars = &order[..(share * order.len() as f64).round() as usize];
    let mut profile = place.profile.clone();
    for &liar in liars {
        let histogram = &mut profile.clients[liar].histogram;
        let (samples, classes) = (histogram.iter().sum::<usize>(), histogram.len());
        *histogram = (0..classes).map(|class| samples / classes + usize::from(class < samples % classes)).collect();
    }
    let market = allocate::market(&place.setup, &profile, &world.measured.assessment)?;
    let knowledge = &place.knowledge;
    let price = posted::incomplete(&market, &knowledge.prior, knowledge.sampling)?.price;
    let outcome = posted::respond(&market, price)?;
    let mut modes = outcome.modes();
    for &liar in liars {
        if modes[liar] == Mode::Augmented {
            modes[liar] = Mode::Local;
        }
    }
    let payments = outcome.payments.to_f64();
    Ok(Claimed {
        believed: outcome.server_cost.to_f64(),
        actual: place.market.loss(&modes)?.to_f64() + payments,
        payments,
    })
}

/// How far each client's gradient is from what its true and a balanced histogram predict.
fn gaps(world: &World, place: &Place) -> Outcome<Gaps> {
    let federation = place.setup.undisturbed(None)?;
    let weights = federation.start().weights;
    let (model, compute) = (federation.model.as_ref(), &federation.compute);
    // The server's own images: those of the test.
    let test = place.setup.test_images();
    let own: Vec<Vec<Sample>> = place
        .setup
        .test
        .by_class()
        .into_iter()
        .map(|class| class.into_iter().map(Sample::Authentic).collect())
        .collect();
    let classes = gradient::of_sets(model, &weights, &test, &own, compute);
    let held: Vec<Vec<Sample>> = place.clients.iter().map(|client| client.samples.clone()).collect();
    let gradients = gradient::of_sets(model, &weights, &federation.images, &held, compute);
    let predicted = |shares: &[f64]| {
        let mut sum = vec![0.0f32; classes.first().map_or(0, Vec::len)];
        for (share, class) in shares.iter().zip(&classes) {
            sum.iter_mut().zip(class).for_each(|(sum, value)| *sum += *share as f32 * value);
        }
        sum
    };
    let count = classes.len() as f64;
    let balanced = predicted(&vec![1.0 / count; classes.len()]);
    let sigma = world.measured.assessment.sigma.max(f64::MIN_POSITIVE);
    let noise = |client: &Client| sigma / (client.samples.len() as f64).sqrt();
    let honest = place.clients.iter().zip(&gradients).map(|(client, gradient)| {
        let samples = client.samples.len() as f64;
        let shares: Vec<f64> =
            client.histogram(&federation.images).iter().map(|&count| count as f64 / samples).collect();
        gradient::distance(gradient, &predicted(&shares)) / noise(client)
    });
    let lying =
        place.clients.iter().zip(&gradients).map(|(client, own)| gradient::distance(own, &balanced) / noise(client));
    Ok(Gaps { honest: honest.collect(), lying: lying.collect() })
}

/// Share of the lies whose gap is above that of all but a few honest claims.
fn caught(gaps: &[Gaps]) -> f64 {
    let mut honest: Vec<f64> = gaps.iter().flat_map(|gaps| gaps.honest.iter().copied()).collect();
    honest.sort_by(f64::total_cmp);
    let place = ((honest.len() as f64 * (1.0 - FALSE_ALARMS)).ceil() as usize).clamp(1, honest.len().max(1));
    let Some(&threshold) = honest.get(place - 1) else { return f64::NAN };
    let lies = || gaps.iter().flat_map(|gaps| gaps.lying.iter());
    lies().filter(|gap| **gap > threshold).count() as f64 / lies().count().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lie_is_caught_above_the_gaps_of_the_honest() {
        let honest: Vec<f64> = (1..=100).map(f64::from).collect();
        // The threshold is 95: 96 and 200 are above, 95 and 3 are not.
        assert_eq!(caught(&[Gaps { honest, lying: vec![3.0, 95.0, 96.0, 200.0] }]), 0.5);
        assert!(caught(&[]).is_nan());
    }
}
