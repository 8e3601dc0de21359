//! `imfl bench ranks`.

use crate::options;
use crate::output::{self, Format};
use clap::Args;
use imfl_engine::data::ImageShape;
use imfl_engine::device::DeviceName;
use imfl_engine::model::Architecture;
use imfl_experiment::bench::network::Network;
use imfl_experiment::bench::ranks::{self, Found, Setting};
use imfl_run::{Failure, Host, Kind, Outcome, limits};
use serde_json::{Value, json};
use std::path::PathBuf;

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

impl RanksBench {
    /// Measures on all ranks together; the first prints.
    pub fn run(self, host: &Host) -> Outcome {
        let network = self.network()?;
        limits::workers(self.workers)?;
        let side = self.shape.channels.max(self.shape.height).max(self.shape.width);
        options::check(&[
            ("--shape", side <= limits::SIDE, "of sides of at most 4096 pixels and of at most 4096 channels"),
            ("--samples", self.samples <= 10_000_000, "at most 10000000"),
            ("--rounds", self.rounds <= 1_000_000, "at most 1000000"),
        ])?;
        let Self { model, shape, samples, rounds, workers, device, .. } = self;
        let setting = Setting { model, shape, samples, rounds, network, workers, device };
        host.progress
            .note(format!("measuring messages and {rounds} rounds of each size on {} ranks", host.ranks.size()));
        let Some(found) = setting.measure(&host.ranks, host.memory)? else { return Ok(()) };
        if let Some(file) = &self.plot {
            output::write(file, found.chart().draw()?.svg)?;
        }
        match self.format {
            Format::Text => output::text(&text(&found)),
            Format::Json => output::print(&json(&found)),
        }
    }

    fn network(&self) -> Outcome<Option<Network>> {
        let (Some(latency), Some(bandwidth)) = (self.latency, self.bandwidth) else { return Ok(None) };
        let positive = |value: f64| value > 0.0 && value.is_finite();
        if !positive(latency) || !positive(bandwidth) || self.rounds == 0 || self.samples == 0 {
            let problem = "--latency, --bandwidth, --rounds and --samples must be above 0";
            return Err(Failure::new(Kind::Config, problem));
        }
        Ok(Some(Network { latency: latency * 1e-6, per_byte: 1e-9 / bandwidth }))
    }
}

fn text(found: &Found) -> String {
    let mut text = format!(
        "{} on {} ranks of {} workers: {:.3} ms a client, {:.3} ms a round beside them\n",
        found.model.name(),
        found.ranks,
        found.workers,
        found.round.client * 1e3,
        found.round.fixed * 1e3
    );
    text += &format!(
        "exchange: {:.2} microseconds a message, {:.2} gigabytes a second\n\n",
        found.network.latency * 1e6,
        1e-9 / found.network.per_byte
    );
    if !found.messages.is_empty() {
        let row = |&(bytes, seconds): &(f64, f64)| {
            let fitted = found.network.all_reduce(found.ranks, bytes);
            vec![format!("{bytes:.0}"), format!("{:.1}", seconds * 1e6), format!("{:.1}", fitted * 1e6)]
        };
        let rows: Vec<Vec<String>> = found.messages.iter().map(row).collect();
        text += &format!("{}\n\n", output::table(&["bytes", "microseconds", "fitted"], 0, rows));
    }
    text += "speed-up over one node, and the share of a round that is exchange and imbalance\n";
    let cell = |clients: usize, nodes: usize| {
        let prediction = found.predictions[clients][nodes];
        let lost = (prediction.communication + prediction.imbalance) / prediction.seconds();
        format!("{:.1} ({:.0} %)", found.speedup(clients, nodes), 100.0 * lost)
    };
    let row = |(place, nodes): (usize, &usize)| -> Vec<String> {
        let cells = (0..ranks::CLIENTS.len()).map(|clients| cell(clients, place));
        std::iter::once(nodes.to_string()).chain(cells).collect()
    };
    let rows: Vec<Vec<String>> = ranks::NODES.iter().enumerate().skip(1).map(row).collect();
    let names = ranks::CLIENTS.map(|clients| format!("{clients} clients"));
    let header: Vec<&str> = std::iter::once("nodes").chain(names.iter().map(String::as_str)).collect();
    text += &output::table(&header, 0, rows).to_string();
    text + "\n"
}

fn json(found: &Found) -> Value {
    let message = |&(bytes, seconds): &(f64, f64)| json!({"bytes": bytes, "seconds": seconds, "fitted": found.network.all_reduce(found.ranks, bytes)});
    let mut predictions = Vec::new();
    for (clients, of) in ranks::CLIENTS.iter().enumerate() {
        for (nodes, prediction) in found.predictions[clients].iter().enumerate() {
            predictions.push(json!({
                "clients": of, "nodes": ranks::NODES[nodes], "seconds": prediction.seconds(), "speedup": found.speedup(clients, nodes),
                "training": prediction.training, "imbalance": prediction.imbalance, "fixed": prediction.fixed,
                "communication": prediction.communication,
            }));
        }
    }
    json!({
        "schema": "imfl.bench-ranks/1",
        "model": found.model.name(),
        "ranks": found.ranks,
        "workers": found.workers,
        "messages": found.messages.iter().map(message).collect::<Vec<Value>>(),
        "latency_seconds": found.network.latency,
        "seconds_per_byte": found.network.per_byte,
        "seconds_per_client": found.round.client,
        "seconds_beside_clients": found.round.fixed,
        "parameters": found.round.parameters,
        "predictions": predictions,
    })
}
