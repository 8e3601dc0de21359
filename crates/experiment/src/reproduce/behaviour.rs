//! What clients do: regions of out, local and augmented over device speed and skew at the chosen price, and participation, payments
//! and server cost against the price. Nothing is trained.

use super::column::{Column, Groups, Unit};
use super::findings::Findings;
use super::grid;
use super::journal::Journal;
use super::world::{Place, World};
use imfl_mechanism::{Bias, ClientSpec, LossModel, Market, Mode, Population, Price, TargetChoice, posted};
use imfl_report::chart::{Axis, Chart, Series, Style};
use imfl_report::plot::{INK, mode_colour};
use imfl_run::failure::{Failure, Kind, Outcome};
use imfl_statistics::Interval;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// The experiment's own settings.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Grid {
    /// Points of the map of modes along each of its sides.
    pub resolution: usize,
    /// Prices that are tried, as multiples of the chosen one.
    pub prices: Vec<f64>,
}

/// What clients answer to one price.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Answer {
    local: f64,
    augmented: f64,
    payments: f64,
    server_cost: f64,
    /// Share of the clients' effective samples, augmented where that is more, that take part.
    effective: f64,
}

/// One client as a point of the map.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Dot {
    factor: f64,
    skew: f64,
    mode: Mode,
}

/// One seed's market.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Seen {
    price: f64,
    clients: Vec<Dot>,
    /// One for each multiple of the price.
    answers: Vec<Answer>,
    /// A client of mean size: mode by device factor (outer) and skew (inner).
    map: Vec<Dot>,
}

/// Runs the grid.
pub fn run(world: &World, journal: &mut Journal, seeds: &[u64], grid: &Grid) -> Outcome<Findings> {
    if grid.resolution < 2 {
        return Err(Failure::new(Kind::Config, "`grid.resolution` must be at least 2"));
    }
    let workers = world.setup.compute.workers;
    let seen = grid::run("behaviour", journal, seeds, workers, |&seed| {
        let place = world.place(seed, |_| ())?;
        let knowledge = &place.knowledge;
        let price = posted::incomplete(&place.market, &knowledge.prior, knowledge.sampling)?.price;
        let answers = grid.prices.iter().map(|multiple| answer(&place.market, scaled(price, *multiple)));
        Ok(Seen {
            price: price.to_f64(),
            clients: clients(&place, price)?,
            answers: answers.collect::<Outcome<_>>()?,
            map: map(&place, price, grid.resolution)?,
        })
    })?;
    findings(&seen, grid)
}

fn scaled(price: Price, multiple: f64) -> Price {
    Price::from_picos((price.picos() as f64 * multiple).round() as u64)
}

fn answer(market: &Market, price: Price) -> Outcome<Answer> {
    let outcome = posted::respond(market, price)?;
    let count = |mode| outcome.awards.iter().filter(|award| award.mode == mode).count() as f64 / market.len() as f64;
    let most =
        |index| market.effective_samples(index, Mode::Local).max(market.effective_samples(index, Mode::Augmented));
    let all: f64 = (0..market.len()).map(most).sum();
    let in_play: f64 =
        outcome.modes().iter().enumerate().map(|(index, &mode)| market.effective_samples(index, mode)).sum();
    Ok(Answer {
        local: count(Mode::Local),
        augmented: count(Mode::Augmented),
        payments: outcome.payments.to_f64(),
        server_cost: outcome.server_cost.to_f64(),
        effective: in_play / all.max(f64::MIN_POSITIVE),
    })
}

fn clients(place: &Place, price: Price) -> Outcome<Vec<Dot>> {
    let modes = posted::respond(&place.market, price)?.modes();
    let profiles = place.profile.clients.iter().zip(place.market.clients()).zip(modes);
    Ok(profiles.map(|((own, client), mode)| Dot { factor: own.device_factor, skew: client.skew(), mode }).collect())
}

/// How a client of mean size would answer, over all device factors that occur and all skews.
fn map(place: &Place, price: Price, resolution: usize) -> Outcome<Vec<Dot>> {
    let (Some(profile), Some(client)) = (place.profile.clients.first(), place.market.clients().first()) else {
        return Ok(Vec::new());
    };
    let samples = place.market.clients().iter().map(|client| client.samples()).sum::<u64>() / place.market.len() as u64;
    let factors = &place.setup.config.costs.device_factor;
    let (low, high) = (factors.quantile(0.001), factors.quantile(0.999));
    let at = |step: usize| step as f64 / (resolution - 1) as f64;
    let points: Vec<(f64, f64)> =
        (0..resolution).flat_map(|x| (0..resolution).map(move |y| (low + (high - low) * at(x), 2.0 * at(y)))).collect();
    // Costs hang together by the speed of the device: those of any client give those of a device as fast as this one.
    let unit = |cost: f64, factor: f64| cost / profile.device_factor * factor;
    let specs = points.iter().enumerate().map(|(id, &(factor, skew))| ClientSpec {
        id: id.to_string(),
        samples: samples.max(1),
        skew: Some(skew),
        shares: None,
        compute_cost: unit(client.compute_cost().to_f64(), factor),
        synthesis_cost: unit(client.synthesis_cost().to_f64(), factor),
        setup_cost: unit(client.setup_cost().to_f64(), factor),
        batch: client.batch(),
    });
    let model = place.market.bound().ok_or_else(|| Failure::new(Kind::Config, "needs the bound as objective"))?;
    // An answer to a price does not depend on the bound on the bias; the mixture would ask for label shares.
    let model = LossModel::new(*model.constants(), model.theta(), model.kappa(), Bias::Aligned, model.weights())?;
    let market = Market::new(Population::new(specs, &TargetChoice::Uniform)?, model)?;
    let modes = posted::respond(&market, price)?.modes();
    Ok(points.into_iter().zip(modes).map(|((factor, skew), mode)| Dot { factor, skew, mode }).collect())
}

const COLUMNS: [Column<Answer>; 5] = [
    Column { key: "local", name: "local", unit: Unit::Share(1), of: |answer| answer.local },
    Column { key: "augmented", name: "augmented", unit: Unit::Share(1), of: |answer| answer.augmented },
    Column { key: "effective", name: "effective samples", unit: Unit::Share(1), of: |answer| answer.effective },
    Column { key: "payments", name: "payments", unit: Unit::Plain(4), of: |answer| answer.payments },
    Column { key: "server_cost", name: "server cost", unit: Unit::Plain(4), of: |answer| answer.server_cost },
];

fn findings(seen: &[Seen], grid: &Grid) -> Outcome<Findings> {
    let answers =
        |(index, &multiple): (usize, &f64)| (multiple, seen.iter().map(|seed| &seed.answers[index]).collect());
    let by_price = Groups(grid.prices.iter().enumerate().map(answers).collect());
    let title = "What clients answer to multiples of the chosen price, mean over seeds";
    let table = by_price.table(title, &["times the price"], &COLUMNS, |multiple| vec![multiple.to_string()]);
    let price: Interval = seen.iter().map(|seed| seed.price).collect();
    let modes = |mode| -> Interval {
        let share = |seed: &Seen| {
            seed.clients.iter().filter(|dot| dot.mode == mode).count() as f64 / seed.clients.len().max(1) as f64
        };
        seen.iter().map(share).collect()
    };
    let by_mode: serde_json::Map<_, _> = Mode::ALL.iter().map(|&mode| (mode.to_string(), json!(modes(mode)))).collect();
    let values =
        [("price", json!(price)), ("modes", by_mode.into()), ("against_price", by_price.points("multiple", &COLUMNS))];
    let curve = |name: &str, colour, column: usize| by_price.curve(name, colour, Style::Line(2), &COLUMNS[column]);
    let participation = Chart {
        name: "participation",
        title: "Participation by price".into(),
        caption: "Share of clients in each mode, and of the effective samples that all clients together could bring."
            .into(),
        x: Axis::linear("price, times the chosen one"),
        y: Axis::percent("share"),
        series: vec![
            curve("effective samples", INK, 2),
            curve("local", mode_colour(Mode::Local), 0),
            curve("augmented", mode_colour(Mode::Augmented), 1),
        ],
    };
    let money = Chart {
        name: "payments",
        title: "Payments and server cost by price".into(),
        caption: "The price is chosen for costs that are known in distribution; each curve is a mean over seeds with its 95 % interval.".into(),
        x: Axis::linear("price, times the chosen one"),
        y: Axis::linear("credits"),
        series: vec![
            curve("payments", mode_colour(Mode::Augmented), 3),
            curve("server cost", INK, 4),
        ],
    };
    let notes = vec![format!(
        "At the chosen price ({:.3e} credits per effective sample on average) {:.0} % of the clients stay out, {:.0} % train on \
         what they have, {:.0} % generate.",
        price.mean,
        modes(Mode::Out).mean * 100.0,
        modes(Mode::Local).mean * 100.0,
        modes(Mode::Augmented).mean * 100.0
    )];
    Findings::new(values, vec![table], &[regions(seen), participation, money], notes)
}

/// The first seed's map, with every seed's clients on it.
fn regions(seen: &[Seen]) -> Chart {
    let at = |dot: &Dot| (dot.factor, Interval::exactly(dot.skew));
    let (map, clients) = seen.first().map_or((&[][..], &[][..]), |seed| (seed.map.as_slice(), seed.clients.as_slice()));
    let series = |mode: Mode| Series {
        name: mode.to_string(),
        colour: mode_colour(mode),
        style: Style::Dots,
        points: map.iter().filter(|dot| dot.mode == mode).map(at).collect(),
    };
    let mut all: Vec<Series> = Mode::ALL.map(series).into();
    all.push(Series {
        name: "clients of this seed".into(),
        colour: INK,
        style: Style::Dots,
        points: clients.iter().map(at).collect(),
    });
    Chart {
        name: "regions",
        title: "Who does what at the chosen price".into(),
        caption: "A client of mean size, by how slow its device is (its costs are proportional to that) and how skewed its labels are; black: the \
                  clients of the first seed, whose sizes differ."
            .into(),
        x: Axis::linear("device factor: times slower than this machine"),
        y: Axis::linear("skew"),
        series: all,
    }
}
