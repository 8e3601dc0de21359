//! `imfl bench train`.

use crate::options;
use crate::output::{self, Format};
use clap::Args;
use imfl_engine::data::{self, ImageShape, Vocabulary};
use imfl_engine::device::{Compute, DeviceName};
use imfl_engine::federated::{LocalAlgorithm, LocalSgd};
use imfl_engine::model::Architecture;
use imfl_engine::peak;
use imfl_experiment::bench::train::{Measured, Setting};
use imfl_ranks::Ranks;
use imfl_run::{Failure, Host, Kind, Outcome, agreement, limits};
use serde_json::{Value, json};

/// Shape of CIFAR-10's images.
const IMAGES: ImageShape = ImageShape { channels: 3, height: 32, width: 32 };
/// What a model gets of a text.
const TEXTS: ImageShape = ImageShape { channels: 1, height: 1, width: Vocabulary::LENGTH };

/// Measure whole rounds of federated training on random data.
///
/// A round is sampling, local training with dropout, aggregation and the server's step. Without flags it is
/// pfl-research's CIFAR-10 benchmark. --model, --cohort, --batch, --chunk, --workers and --device take lists (a,b,c):
/// every combination is measured, one after the other, each beside the matrix-product rate of its device and workers.
/// Under mpirun all ranks train together and the first reports.
#[derive(Args)]
pub struct Train {
    /// mlp, simple-cnn, fedavg-cnn or resnet8-gn; of texts, text-mean or text-cnn
    #[arg(long, value_delimiter = ',', default_value = "simple-cnn")]
    model: Vec<Architecture>,
    /// Channels, height and width of the images [default: 3x32x32; 1x1x32, words, for models of texts]
    #[arg(long)]
    shape: Option<ImageShape>,
    /// Clients that cohorts are drawn from
    #[arg(long, default_value_t = 1000)]
    clients: usize,
    /// Clients of a round
    #[arg(long, value_delimiter = ',', default_value = "50")]
    cohort: Vec<usize>,
    /// Samples of a client
    #[arg(long, default_value_t = 50)]
    samples: usize,
    /// Samples in a batch
    #[arg(long, value_delimiter = ',', default_value = "10")]
    batch: Vec<usize>,
    /// Passes over a client's samples in a round
    #[arg(long, default_value_t = 1)]
    local_epochs: usize,
    /// Learning rate of the clients
    #[arg(long, default_value_t = 0.1)]
    rate: f64,
    /// Momentum of the clients
    #[arg(long, default_value_t = 0.0)]
    momentum: f64,
    /// sgd, fedprox:MU or scaffold
    #[arg(long, default_value = "sgd")]
    algorithm: String,
    /// Measure private rounds: the Euclidean length that updates are cut to
    #[arg(long, requires = "dp_noise")]
    dp_clip: Option<f64>,
    /// Their noise, in clipping bounds
    #[arg(long, requires = "dp_clip")]
    dp_noise: Option<f64>,
    /// Rounds that are timed; one more comes before them
    #[arg(long, default_value_t = 8)]
    rounds: u64,
    /// Clients trained in one launch [default: one on a CPU, all that fit on a GPU]
    #[arg(long, value_delimiter = ',')]
    chunk: Vec<usize>,
    /// Threads [default: one for each core]
    #[arg(long, value_delimiter = ',')]
    workers: Vec<usize>,
    /// auto, cpu, ndarray, wgpu, wgpu:N, cuda or cuda:N
    #[arg(long, value_delimiter = ',', default_value = "auto", env = "IMFL_DEVICE")]
    device: Vec<DeviceName>,
    /// Keys all random numbers
    #[arg(long, default_value_t = 0, env = "IMFL_SEED")]
    seed: u64,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// A measured setting beside what the machine could do.
struct Row {
    setting: Setting,
    measured: Measured,
    peak_gflops: f64,
}

impl Train {
    /// Measures, on all ranks together, and prints on the first.
    pub fn run(self, host: &Host) -> Outcome {
        self.check()?;
        let ranks = &host.ranks;
        let settings = self.settings(ranks)?;
        settings.iter().try_for_each(|setting| setting.footprint()?.check(host.memory))?;
        if let Some(complaint) = settings.iter().find_map(|setting| setting.compute.complaint()) {
            host.progress.warn(complaint);
        }
        host.progress.note(format!("measuring {} settings over {} rounds each", settings.len(), self.rounds));
        let bar = host.progress.task("measuring", settings.len() as u64);
        let mut rows: Vec<Row> = Vec::new();
        for setting in settings {
            // All at the same time, as when they train.
            ranks.barrier();
            let peak_gflops = agreement::from_all(ranks, &peak::gflops(&setting.compute))?.into_iter().sum();
            let measured = setting.measure()?;
            rows.push(Row { setting, measured, peak_gflops });
            bar.advance();
        }
        drop(bar);
        if !ranks.is_first() {
            return Ok(());
        }
        match (self.format, &rows[..]) {
            (Format::Json, [row]) => output::print(&row.json()),
            (Format::Json, rows) => {
                let settings: Vec<Value> = rows.iter().map(Row::json).collect();
                output::print(&json!({"schema": "imfl.bench-grid/1", "settings": settings}))
            }
            (Format::Text, rows) => output::text(&format!("{}\n", text(rows))),
        }
    }

    fn check(&self) -> Outcome {
        let at_least_one = |values: &[usize]| values.iter().all(|&value| value >= 1);
        let side = |shape: ImageShape| shape.channels.max(shape.height).max(shape.width) <= limits::SIDE;
        let rules = [
            ("--clients", self.clients >= 1, "at least 1"),
            ("--cohort", at_least_one(&self.cohort), "at least 1"),
            ("--samples", self.samples >= 1, "at least 1"),
            ("--batch", at_least_one(&self.batch), "at least 1"),
            ("--local-epochs", self.local_epochs >= 1, "at least 1"),
            ("--rounds", self.rounds >= 1, "at least 1"),
            ("--chunk", at_least_one(&self.chunk), "at least 1"),
            ("--workers", at_least_one(&self.workers), "at least 1"),
            ("--shape", self.shape.is_none_or(side), "of sides of at most 4096 pixels and of at most 4096 channels"),
            ("--batch", self.batch.iter().all(|&batch| batch <= 1_000_000), "at most 1000000"),
            ("--local-epochs", self.local_epochs <= 10_000, "at most 10000"),
            ("--rounds", self.rounds <= 1_000_000, "at most 1000000"),
            ("--rate", self.rate > 0.0 && self.rate.is_finite(), "a number above 0"),
            ("--momentum", (0.0..1.0).contains(&self.momentum), "at least 0 and below 1"),
            ("--clients times --samples", self.clients.saturating_mul(self.samples) <= 1 << 31, "at most 2^31"),
        ];
        options::check(&rules)?;
        self.workers.iter().try_for_each(|&workers| limits::workers(Some(workers)))
    }

    /// Every combination of what was listed.
    fn settings(&self, ranks: &Ranks) -> Outcome<Vec<Setting>> {
        let algorithm = self.algorithm.parse::<LocalAlgorithm>();
        let algorithm = algorithm.map_err(|problem| Failure::new(Kind::Usage, format!("--algorithm: {problem}")))?;
        let optional = |values: &[usize]| match values {
            [] => vec![None],
            values => values.iter().copied().map(Some).collect(),
        };
        let mut settings = Vec::new();
        for &device in &self.device {
            for workers in optional(&self.workers) {
                let opened = Compute::open_on(ranks, device, workers)?;
                for chunk in optional(&self.chunk) {
                    for (&model, &batch, &cohort) in combinations(&self.model, &self.batch, &self.cohort) {
                        settings.push(Setting {
                            model,
                            shape: self.shape.unwrap_or(if model.fits(&data::Kind::Images) { IMAGES } else { TEXTS }),
                            clients: self.clients,
                            cohort,
                            samples: self.samples,
                            local: LocalSgd {
                                rate: self.rate,
                                epochs: self.local_epochs,
                                batch,
                                momentum: self.momentum,
                                algorithm: algorithm.clone(),
                                ..LocalSgd::default()
                            },
                            private: self.dp_clip.zip(self.dp_noise),
                            rounds: self.rounds,
                            seed: self.seed,
                            compute: Compute { chunk, ..opened.clone() },
                        });
                    }
                }
            }
        }
        Ok(settings)
    }
}

fn combinations<'a, A, B, C>(a: &'a [A], b: &'a [B], c: &'a [C]) -> impl Iterator<Item = (&'a A, &'a B, &'a C)> {
    a.iter().flat_map(move |a| b.iter().flat_map(move |b| c.iter().map(move |c| (a, b, c))))
}

impl Row {
    fn samples_per_second(&self) -> f64 {
        self.measured.samples as f64 / self.measured.median()
    }

    fn gflops(&self) -> f64 {
        self.measured.flops / self.measured.median() * 1e-9
    }

    fn json(&self) -> Value {
        self.measured.json(&self.setting, self.peak_gflops)
    }
}

/// What was asked for: the first columns, of which those that have one value stand above the table, so that it fits a terminal.
const ASKED: usize = 6;

fn text(rows: &[Row]) -> String {
    let header = [
        "device",
        "model",
        "batch",
        "cohort",
        "chunk",
        "workers",
        "s/round",
        "samples/s",
        "clients/s",
        "GFLOP/s",
        "of peak",
        "padding",
        "launches",
        "MiB",
    ];
    let several = rows.iter().any(|row| row.setting.compute.ranks.are_several());
    let of_ranks = ["ranks", "waiting", "exchange"];
    let header: Vec<&str> = header.into_iter().chain(of_ranks.into_iter().filter(|_| several)).collect();
    let cells = |row: &Row| {
        let Row { setting, measured, peak_gflops } = row;
        let cells = [
            setting.compute.name.to_string(),
            setting.model.name().into(),
            setting.local.batch.to_string(),
            setting.cohort.to_string(),
            measured.plan.chunk.to_string(),
            measured.plan.workers.to_string(),
            format!("{:.4}", measured.median()),
            format!("{:.0}", row.samples_per_second()),
            format!("{:.1}", setting.cohort as f64 / measured.median()),
            format!("{:.1}", row.gflops()),
            format!("{:.0} %", 100.0 * row.gflops() / peak_gflops),
            format!("{:.0} %", 100.0 * measured.padding),
            measured.counted.launches.map_or_else(|| "-".into(), |launches| launches.to_string()),
            measured.peak_memory.map_or_else(|| "?".into(), |bytes| (bytes >> 20).to_string()),
        ];
        let of_ranks = [
            setting.compute.ranks.size().to_string(),
            format!("{:.4}", measured.waiting),
            format!("{:.4}", measured.communication),
        ];
        cells.into_iter().chain(of_ranks.into_iter().filter(|_| several)).collect()
    };
    let cells: Vec<Vec<String>> = rows.iter().map(cells).collect();
    let same = |column: &usize| *column < ASKED && cells.windows(2).all(|pair| pair[0][*column] == pair[1][*column]);
    let (above, below): (Vec<usize>, Vec<usize>) = (0..header.len()).partition(same);
    let first = cells.first().map_or(&[][..], |row| &row[..]);
    let above = above.iter().filter_map(|&column| Some(format!("{} {}", header[column], first.get(column)?)));
    let above = above.collect::<Vec<_>>().join(", ");
    let names: Vec<&str> = below.iter().map(|&column| header[column]).collect();
    let rows = cells.iter().map(|row| below.iter().map(|&column| row[column].clone()).collect());
    format!("{above}\n{}", output::trimmed(&output::table(&names, 0, rows)))
}
