//! One setting of the benchmark: whole rounds on random data, timed.

use super::memory;
use imfl_engine::client::Client;
use imfl_engine::data::{self, Dataset, ImageShape, Vocabulary};
use imfl_engine::device::Compute;
use imfl_engine::federated::{CohortSampling, Federation, LocalSgd, Participant, Plan, Private};
use imfl_engine::meter::{self, Counted};
use imfl_engine::model::Architecture;
use imfl_engine::random::{Purpose, keyed};
use imfl_engine::transfer::Bytes;
use imfl_privacy::secret::Secret;
use imfl_run::failure::{Failure, Kind, Outcome};
use imfl_run::memory::Estimate;
use rand::{Rng, RngExt};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Instant;

/// Classes of the random labels.
pub const CLASSES: usize = 10;

/// What is trained, by whom, on what.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The model.
    pub model: Architecture,
    /// Shape of the random images; of texts, `1x1xWORDS`.
    pub shape: ImageShape,
    /// Clients that cohorts are drawn from.
    pub clients: usize,
    /// Clients of a round.
    pub cohort: usize,
    /// Samples of a client.
    pub samples: usize,
    /// What a client does.
    pub local: LocalSgd,
    /// Rounds that are timed; one more comes before them.
    pub rounds: u64,
    /// Clipping bound and noise of private rounds. Cohorts stay those of other rounds, so that times can be compared.
    pub private: Option<(f64, f64)>,
    /// Keys all random numbers.
    pub seed: u64,
    /// Where it is computed.
    pub compute: Compute,
}

/// What was measured.
#[derive(Clone, Debug)]
pub struct Measured {
    /// Seconds of each round, ascending.
    pub seconds: Vec<f64>,
    /// Median seconds that rank 0 waited for other ranks in a round.
    pub waiting: f64,
    /// Median seconds in which ranks exchanged what they had trained.
    pub communication: f64,
    /// Samples trained on in a round.
    pub samples: u64,
    /// Mean training loss of the last round, by which devices are compared.
    pub train_loss: f64,
    /// Arithmetic of a round, counted for plain algorithms.
    pub flops: f64,
    /// Share of the computed rows that were padding.
    pub padding: f64,
    /// What a round launched and moved, each number the median over rounds.
    pub counted: Counted,
    /// How clients were spread over launches and threads.
    pub plan: Plan,
    /// The most memory held while training, where the operating system tells.
    pub peak_memory: Option<u64>,
    /// Bytes of the clients' images and labels.
    pub data: u64,
}

impl Setting {
    /// What it will hold of the host's memory.
    ///
    /// # Errors
    /// A failure if the model cannot be built.
    pub fn footprint(&self) -> Outcome<Estimate> {
        let values = self.values()?;
        let workers = self.compute.workers.min(self.cohort) + 1;
        let (image, batch) = (self.shape.size(), self.local.batch);
        Ok(Estimate::default()
            .with(
                format!("the images of {} clients", self.clients),
                &[self.clients, self.samples, image],
                "--clients or --samples",
            )
            .with(
                format!("a model of {values} parameters for images of {}", self.shape),
                &[4, values, 6, workers],
                "--shape or --workers",
            )
            // Without a look at the model: a layer has at least as many activations as an image has values, and each is kept.
            .with(format!("batches of {batch} images"), &[4, 4, image, batch, workers], "--batch")
            .with("the samples of every step", &[16, self.local.epochs, self.samples, workers], "--local-epochs"))
    }

    /// Parameters of the model.
    ///
    /// # Errors
    /// A failure if the model cannot be built.
    pub fn values(&self) -> Outcome<usize> {
        Ok(self.model.build_for(&self.kind()?, self.shape, CLASSES)?.layout().size())
    }

    /// Trains and times.
    ///
    /// # Errors
    /// A failure if the model cannot be built, the cohort cannot be drawn or training diverges.
    pub fn measure(&self) -> Outcome<Measured> {
        let data = self.random_data()?;
        let bytes = (data.len() * (self.shape.size() + size_of::<u16>())) as u64;
        let model = self.model.build_for(&data.kind, self.shape, CLASSES)?;
        let normalisation = data.normalisation();
        let data = Arc::new(data);
        let local = self.local.clone();
        let mut federation = Federation::new(model, data, &normalisation, local, self.compute.clone(), self.seed);
        federation.population = self.clients;
        if let Some((clip, noise)) = self.private {
            // Nothing is promised to random data: the noise only has to take its time.
            let secret = Secret::known(self.seed);
            federation.private = Some(Private::new(clip, noise, self.cohort as f64, self.clients, secret)?);
        }
        let client = |id: usize| {
            let first = id * self.samples;
            Client::authentic(id as u32, &(first as u32..(first + self.samples) as u32).collect::<Vec<_>>())
        };
        let clients: Vec<Participant> = (0..self.clients).map(client).map(Participant::by_samples).collect();
        memory::forget();

        let mut state = federation.start();
        let (mut seconds, mut waiting, mut communication) = (vec![], vec![], vec![]);
        let (mut counts, mut last) = (vec![], None);
        for round in 1..=self.rounds + 1 {
            let started = Instant::now();
            let cohort = CohortSampling::default().cohort(&clients, self.cohort, self.seed, round)?;
            let (applied, counted) = meter::count(|| federation.apply(state, &cohort));
            let report;
            (state, report) = applied?;
            seconds.push(started.elapsed().as_secs_f64());
            waiting.push(report.waiting);
            communication.push(report.communication);
            counts.push(counted);
            last = Some(report);
        }
        // The first round paid for threads, memory and, on a GPU, compilation.
        for times in [&mut seconds, &mut waiting, &mut communication] {
            times.remove(0);
        }
        counts.remove(0);
        seconds.sort_by(f64::total_cmp);
        let of = |times: Vec<f64>| median(times.into_iter()).unwrap_or(0.0);
        let flops_per_sample = federation.trace().training_flops() as f64;
        let measured = last.map(|report| Measured {
            waiting: of(waiting),
            communication: of(communication),
            seconds,
            samples: report.samples,
            train_loss: report.train_loss,
            flops: flops_per_sample * report.samples as f64,
            padding: report.padding,
            counted: median_counts(&counts),
            plan: report.plan,
            peak_memory: memory::peak(),
            data: bytes,
        });
        measured.ok_or_else(|| Failure::new(Kind::Usage, "--rounds must be at least 1"))
    }

    /// What the random samples are: what the model learns from.
    fn kind(&self) -> Outcome<data::Kind> {
        if self.model.fits(&data::Kind::Images) {
            return Ok(data::Kind::Images);
        }
        let counts = (0..Vocabulary::MOST).map(|word| (word.to_string(), 1)).collect();
        let kind = data::Kind::Text(Vocabulary::of_counts(counts, Vocabulary::MOST));
        match kind.shape() {
            Some(shape) if shape != self.shape => {
                let problem = format!("--shape: {} reads texts of {shape}, these have {}", self.model, self.shape);
                Err(Failure::new(Kind::Usage, problem))
            }
            _ => Ok(kind),
        }
    }

    fn random_data(&self) -> Outcome<Dataset> {
        let kind = self.kind()?;
        let count = self.clients * self.samples;
        let mut random = keyed(self.seed, Purpose::Benchmark, 0, 0, 0);
        let mut images = vec![0; count * kind.record(self.shape)];
        match &kind {
            data::Kind::Text(vocabulary) => {
                let words = images.as_chunks_mut::<2>().0;
                words
                    .iter_mut()
                    .for_each(|word| *word = random.random_range(1..vocabulary.symbols() as u16).to_le_bytes());
            }
            _ => random.fill_bytes(&mut images),
        }
        let labels = (0..count).map(|_| random.random_range(0..CLASSES as u16)).collect();
        let names = (0..CLASSES).map(|class| class.to_string()).collect();
        Ok(Dataset::of_kind(Arc::new(kind), "random", self.shape, names, images, labels)?)
    }
}

/// The middle one of counts or of seconds, the upper of two; none of none.
fn median<T: Copy + PartialOrd>(values: impl Iterator<Item = T>) -> Option<T> {
    let mut values: Vec<T> = values.collect();
    // Counts and seconds are ordered.
    values.sort_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
    values.get(values.len() / 2).copied()
}

/// The median of each number that was counted in several rounds.
fn median_counts(rounds: &[Counted]) -> Counted {
    let bytes = |of: fn(&Bytes) -> u64| median(rounds.iter().map(|round| of(&round.transfers))).unwrap_or(0);
    Counted {
        transfers: Bytes { to_device: bytes(|bytes| bytes.to_device), from_device: bytes(|bytes| bytes.from_device) },
        launches: median(rounds.iter().filter_map(|round| round.launches)),
        host_seconds: median(rounds.iter().filter_map(|round| round.host_seconds)),
    }
}

impl Measured {
    /// Seconds of a round, by the share of rounds that were faster.
    pub fn quantile(&self, share: f64) -> f64 {
        imfl_statistics::quantile(&self.seconds, share)
    }

    /// Median seconds of a round.
    pub fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    /// One JSON object, beside what the device could do.
    pub fn json(&self, setting: &Setting, peak_gflops: f64) -> Value {
        let gflops = self.flops / self.median() * 1e-9;
        json!({
            "schema": "imfl.bench/1",
            "device": setting.compute.name.to_string(),
            "ranks": setting.compute.ranks.size(),
            "workers": self.plan.workers,
            "chunk": self.plan.chunk,
            "model": setting.model.name(),
            "shape": setting.shape,
            "clients": setting.clients,
            "cohort": setting.cohort,
            "samples": setting.samples,
            "batch": setting.local.batch,
            "local_epochs": setting.local.epochs,
            "algorithm": setting.local.algorithm.to_string(),
            "privacy": setting.private.map(|(clip, noise)| json!({"clip": clip, "noise": noise})),
            "rounds": setting.rounds,
            "seconds_per_round": {"median": self.median(), "p10": self.quantile(0.1), "p90": self.quantile(0.9)},
            "seconds_waiting": self.waiting,
            "seconds_communicating": self.communication,
            "samples_per_second": self.samples as f64 / self.median(),
            "clients_per_second": setting.cohort as f64 / self.median(),
            "rounds_per_second": 1.0 / self.median(),
            "gflops": gflops,
            "peak_gflops": peak_gflops,
            "share_of_peak": gflops / peak_gflops,
            "padding": self.padding,
            "train_loss": self.train_loss,
            "launches_per_round": self.counted.launches,
            "launches": self.counted.launches,
            "transfers": {
                "to_device_bytes": self.counted.transfers.to_device,
                "from_device_bytes": self.counted.transfers.from_device,
            },
            "host_seconds": self.counted.host_seconds,
            "peak_memory_bytes": self.peak_memory,
            "data_bytes": self.data,
        })
    }
}
