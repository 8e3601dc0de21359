//! `imfl bench ranks`.

mod model;

use super::train::setting::Setting;
use crate::cli::Format;
use crate::command::mechanism::output;
use crate::failure::{Failure, Kind, Outcome};
use crate::report::chart::{Axis, Chart, Series, Style};
use clap::Args;
use imfl_engine::data::ImageShape;
use imfl_engine::device::{Compute, DeviceName};
use imfl_engine::federated::LocalSgd;
use imfl_engine::model::Architecture;
use imfl_ranks::Ranks;
use imfl_statistics::Interval;
use model::{Cohort, Network, Prediction, Round};
use plotters::style::{Color, HSLColor, RGBColor};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::Instant;

/// Integers of the messages that are timed.
///
/// The shortest tell the latency, the longest, as long as models, the bandwidth; what lies between them fits into caches.
const MESSAGES: [usize; 6] = [10, 100, 1_000, 500_000, 1_000_000, 2_000_000];
/// Times that each is sent; the median counts.
const REPEATS: usize = 21;
/// Clients of the two rounds that tell what a client costs, and what costs nothing to do with clients.
const COHORTS: [usize; 2] = [10, 50];
/// What is predicted.
const NODES: [usize; 11] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];
const CLIENTS: [usize; 5] = [100, 1_000, 10_000, 100_000, 1_000_000];

/// Measure what ranks pay for working together, and predict a round on many nodes.
///
/// Times the exchange of a round between the ranks that mpirun started, and rounds of pfl-research's benchmark; fits a
/// network (latency and seconds a byte) and a round (seconds a client and seconds beside them) to it; and predicts rounds on
/// up to 1,024 nodes, each as fast as one of these ranks.
#[derive(Args)]
pub struct RanksBench {
    /// mlp, simple-cnn, fedavg-cnn or resnet8-gn
    #[arg(long, default_value = "simple-cnn")]
    model: Architecture,
    /// Channels, height and width of the images
    #[arg(long, default_value = "3x32x32")]
    shape: ImageShape,
    /// Samples of a client
    #[arg(long, default_value_t = 50)]
    samples: usize,
    /// Rounds of each size that are timed
    #[arg(long, default_value_t = 6)]
    rounds: u64,
    /// Predict for this latency in microseconds instead of the measured one
    #[arg(long, value_name = "MICROSECONDS", requires = "bandwidth")]
    latency: Option<f64>,
    /// Predict for this bandwidth in gigabytes a second instead of the measured one
    #[arg(long, value_name = "GIGABYTES", requires = "latency")]
    bandwidth: Option<f64>,
    /// Threads of each rank [default: the cores of the machine shared out]
    #[arg(long)]
    workers: Option<usize>,
    /// auto, cpu, ndarray, wgpu, wgpu:N, cuda or cuda:N
    #[arg(long, default_value = "auto", env = "IMFL_DEVICE")]
    device: DeviceName,
    /// Draw the predicted speed-up
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// What was found.
struct Found {
    ranks: usize,
    workers: usize,
    /// Bytes and median seconds of each message; nothing in one process.
    messages: Vec<(f64, f64)>,
    network: Network,
    round: Round,
    /// For each number of clients, for each number of nodes.
    predictions: Vec<Vec<Prediction>>,
}

impl RanksBench {
    /// Measures on all ranks together; the first prints.
    pub fn run(self, ranks: &Ranks) -> Outcome {
        let given = self.network()?;
        if !ranks.are_several() && given.is_none() {
            let problem =
                "one process has no exchange to time: start it with `mpirun -n 2`, or give --latency and --bandwidth";
            return Err(Failure::new(Kind::Usage, problem));
        }
        let messages = if ranks.are_several() { exchange(ranks) } else { Vec::new() };
        let network = given.unwrap_or_else(|| Network::fit(ranks.size(), &messages));
        let (round, workers) = self.round(ranks)?;
        if !ranks.is_first() {
            return Ok(());
        }
        let of = |&clients: &usize| {
            let cohort = Cohort::draw(clients);
            NODES.map(|nodes| Prediction::of(&round, &network, &cohort, nodes)).to_vec()
        };
        let predictions = CLIENTS.iter().map(of).collect();
        let found = Found { ranks: ranks.size(), workers, messages, network, round, predictions };
        if let Some(file) = &self.plot {
            let svg = found.chart(self.model).draw()?.svg;
            std::fs::write(file, svg)
                .map_err(|error| Failure::new(Kind::Unexpected, format!("cannot write {}: {error}", file.display())))?;
        }
        match self.format {
            Format::Text => output::text(&found.text(self.model)),
            Format::Json => output::print(&found.json(self.model)),
        }
    }

    fn network(&self) -> Outcome<Option<Network>> {
        let (Some(latency), Some(bandwidth)) = (self.latency, self.bandwidth) else { return Ok(None) };
        let positive = |value: f64| value > 0.0 && value.is_finite();
        if !positive(latency) || !positive(bandwidth) || self.rounds == 0 || self.samples == 0 {
            let problem = "--latency, --bandwidth, --rounds and --samples must be above 0";
            return Err(Failure::new(Kind::Usage, problem));
        }
        Ok(Some(Network { latency: latency * 1e-6, per_byte: 1e-9 / bandwidth }))
    }

    /// What a client costs a rank, and what a round costs beside.
    fn round(&self, ranks: &Ranks) -> Outcome<(Round, usize)> {
        let compute = Compute::open_on(ranks, self.device, self.workers)?;
        let parameters = self.model.build(self.shape, super::train::setting::CLASSES)?.layout().size();
        let mut measured = Vec::new();
        for clients in COHORTS {
            // As many clients for every rank, so that none waits.
            let cohort = clients * ranks.size();
            let setting = Setting {
                model: self.model,
                shape: self.shape,
                clients: cohort,
                cohort,
                samples: self.samples,
                local: LocalSgd::default(),
                rounds: self.rounds.max(1),
                seed: 0,
                compute: compute.clone(),
            };
            let found = setting.measure()?;
            measured.push((clients as f64, found.median() - found.waiting - found.communication));
        }
        let [(few, short), (many, long)] = [measured[0], measured[1]];
        let client = ((long - short) / (many - few)).max(f64::MIN_POSITIVE);
        let fixed = (short - client * few).max(0.0);
        Ok((Round { client, fixed, parameters }, compute.workers))
    }
}

/// Median seconds of a sum over all ranks, by the bytes of each rank.
fn exchange(ranks: &Ranks) -> Vec<(f64, f64)> {
    let time = |count: usize| {
        let mut values = vec![1; count];
        let mut once = || {
            values.fill(1);
            ranks.barrier();
            let started = Instant::now();
            ranks.sum(&mut values);
            started.elapsed().as_secs_f64()
        };
        let mut times: Vec<f64> = (0..REPEATS).map(|_| once()).collect();
        times.sort_by(f64::total_cmp);
        (8.0 * count as f64, times[REPEATS / 2])
    };
    MESSAGES.map(time).to_vec()
}

impl Found {
    fn speedup(&self, clients: usize, nodes: usize) -> f64 {
        self.predictions[clients][0].seconds() / self.predictions[clients][nodes].seconds()
    }

    fn text(&self, model: Architecture) -> String {
        let mut text = format!(
            "{} on {} ranks of {} workers: {:.3} ms a client, {:.3} ms a round beside them\n",
            model.name(),
            self.ranks,
            self.workers,
            self.round.client * 1e3,
            self.round.fixed * 1e3
        );
        text += &format!(
            "exchange: {:.2} microseconds a message, {:.2} gigabytes a second\n\n",
            self.network.latency * 1e6,
            1e-9 / self.network.per_byte
        );
        if !self.messages.is_empty() {
            let row = |&(bytes, seconds): &(f64, f64)| {
                let fitted = self.network.all_reduce(self.ranks, bytes);
                vec![format!("{bytes:.0}"), format!("{:.1}", seconds * 1e6), format!("{:.1}", fitted * 1e6)]
            };
            let rows: Vec<Vec<String>> = self.messages.iter().map(row).collect();
            text += &format!("{}\n\n", output::table(&["bytes", "microseconds", "fitted"], 0, rows));
        }
        text += "speed-up over one node, and the share of a round that is exchange and imbalance\n";
        let cell = |clients: usize, nodes: usize| {
            let prediction = self.predictions[clients][nodes];
            let lost = (prediction.communication + prediction.imbalance) / prediction.seconds();
            format!("{:.1} ({:.0} %)", self.speedup(clients, nodes), 100.0 * lost)
        };
        let row = |(place, nodes): (usize, &usize)| -> Vec<String> {
            let cells = (0..CLIENTS.len()).map(|clients| cell(clients, place));
            std::iter::once(nodes.to_string()).chain(cells).collect()
        };
        let rows: Vec<Vec<String>> = NODES.iter().enumerate().skip(1).map(row).collect();
        let names = CLIENTS.map(|clients| format!("{clients} clients"));
        let header: Vec<&str> = std::iter::once("nodes").chain(names.iter().map(String::as_str)).collect();
        text += &output::table(&header, 0, rows).to_string();
        text + "\n"
    }

    fn json(&self, model: Architecture) -> Value {
        let message = |&(bytes, seconds): &(f64, f64)| json!({"bytes": bytes, "seconds": seconds, "fitted": self.network.all_reduce(self.ranks, bytes)});
        let mut predictions = Vec::new();
        for (clients, of) in CLIENTS.iter().enumerate() {
            for (nodes, prediction) in self.predictions[clients].iter().enumerate() {
                predictions.push(json!({
                    "clients": of, "nodes": NODES[nodes], "seconds": prediction.seconds(), "speedup": self.speedup(clients, nodes),
                    "training": prediction.training, "imbalance": prediction.imbalance, "fixed": prediction.fixed,
                    "communication": prediction.communication,
                }));
            }
        }
        json!({
            "schema": "imfl.bench-ranks/1",
            "model": model.name(),
            "ranks": self.ranks,
            "workers": self.workers,
            "messages": self.messages.iter().map(message).collect::<Vec<Value>>(),
            "latency_seconds": self.network.latency,
            "seconds_per_byte": self.network.per_byte,
            "seconds_per_client": self.round.client,
            "seconds_beside_clients": self.round.fixed,
            "parameters": self.round.parameters,
            "predictions": predictions,
        })
    }

    fn chart(&self, model: Architecture) -> Chart {
        let ideal = NODES.map(|nodes| (nodes as f64, Interval::exactly(nodes as f64))).to_vec();
        let ideal = Series {
            name: "as many times as nodes".into(),
            colour: RGBColor(150, 150, 150),
            style: Style::Dashed,
            points: ideal,
        };
        let of = |(place, clients): (usize, &usize)| {
            let (r, g, b) = HSLColor(0.6 - 0.15 * place as f64, 0.6, 0.4).to_backend_color().rgb;
            Series {
                name: format!("{clients} clients"),
                colour: RGBColor(r, g, b),
                style: Style::Line(2),
                points: NODES
                    .iter()
                    .enumerate()
                    .map(|(nodes, of)| (*of as f64, Interval::exactly(self.speedup(place, nodes))))
                    .collect(),
            }
        };
        Chart {
            name: "scaling",
            title: format!("{}: predicted speed-up of a round", model.name()),
            caption: "How many times faster a round is than on one node, by the number of nodes.".into(),
            x: Axis::logarithmic("nodes"),
            y: Axis::logarithmic("speed-up over one node"),
            series: std::iter::once(ideal).chain(CLIENTS.iter().enumerate().map(of)).collect(),
        }
    }
}
