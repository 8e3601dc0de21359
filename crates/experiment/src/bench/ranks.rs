//! What ranks pay for working together, and a prediction for many nodes.

use super::network::{Cohort, Network, Prediction, Round};
use super::train;
use imfl_engine::data::ImageShape;
use imfl_engine::device::{Compute, DeviceName};
use imfl_engine::federated::LocalSgd;
use imfl_engine::model::Architecture;
use imfl_ranks::Ranks;
use imfl_report::chart::{Axis, Chart, Series, Style};
use imfl_run::failure::{Failure, Kind, Outcome};
use imfl_run::memory::Memory;
use imfl_statistics::Interval;
use plotters::style::{Color, HSLColor, RGBColor};
use std::time::Instant;

/// Integers of the messages that are timed.
///
/// The shortest tell the latency, the longest, as long as models, the bandwidth; what lies between them fits into caches.
const MESSAGES: [usize; 6] = [10, 100, 1_000, 500_000, 1_000_000, 2_000_000];
/// Times that each is sent; the median counts.
const REPEATS: usize = 21;
/// Clients of the two rounds that tell what a client costs, and what costs nothing to do with clients.
const COHORTS: [usize; 2] = [10, 50];
/// Nodes for which rounds are predicted.
pub const NODES: [usize; 11] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];
/// Clients of a round for which they are predicted.
pub const CLIENTS: [usize; 5] = [100, 1_000, 10_000, 100_000, 1_000_000];

/// What is measured, and for which network it is predicted.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The model.
    pub model: Architecture,
    /// Shape of the images.
    pub shape: ImageShape,
    /// Samples of a client.
    pub samples: usize,
    /// Rounds of each size that are timed.
    pub rounds: u64,
    /// The network to predict for instead of the measured one.
    pub network: Option<Network>,
    /// Threads of each rank; the cores of the machine shared out if absent.
    pub workers: Option<usize>,
    /// Where it is computed.
    pub device: DeviceName,
}

/// What was found.
pub struct Found {
    /// The model.
    pub model: Architecture,
    /// Processes.
    pub ranks: usize,
    /// Threads of each.
    pub workers: usize,
    /// Bytes and median seconds of each message; nothing in one process.
    pub messages: Vec<(f64, f64)>,
    /// What the exchange costs, measured or given.
    pub network: Network,
    /// What a round is made of.
    pub round: Round,
    /// For each number of clients, for each number of nodes.
    pub predictions: Vec<Vec<Prediction>>,
}

impl Setting {
    /// Measures on all ranks together and predicts on the first.
    ///
    /// # Errors
    /// A failure if there is nothing to measure, the device cannot be opened or training diverges.
    pub fn measure(&self, ranks: &Ranks, allowed: Memory) -> Outcome<Option<Found>> {
        if !ranks.are_several() && self.network.is_none() {
            let problem =
                "one process has no exchange to time: start it with `mpirun -n 2`, or give --latency and --bandwidth";
            return Err(Failure::new(Kind::Usage, problem));
        }
        let messages = if ranks.are_several() { exchange(ranks) } else { Vec::new() };
        let network = self.network.unwrap_or_else(|| Network::fit(ranks.size(), &messages));
        let (round, workers) = self.round(ranks, allowed)?;
        if !ranks.is_first() {
            return Ok(None);
        }
        let of = |&clients: &usize| {
            let cohort = Cohort::draw(clients);
            NODES.map(|nodes| Prediction::of(&round, &network, &cohort, nodes)).to_vec()
        };
        let predictions = CLIENTS.iter().map(of).collect();
        Ok(Some(Found { model: self.model, ranks: ranks.size(), workers, messages, network, round, predictions }))
    }

    /// What a client costs a rank, and what a round costs beside.
    fn round(&self, ranks: &Ranks, allowed: Memory) -> Outcome<(Round, usize)> {
        let compute = Compute::open_on(ranks, self.device, self.workers)?;
        let parameters = self.model.build(self.shape, train::CLASSES)?.layout().size();
        let mut measured = Vec::new();
        for clients in COHORTS {
            // As many clients for every rank, so that none waits.
            let cohort = clients * ranks.size();
            let setting = train::Setting {
                model: self.model,
                shape: self.shape,
                clients: cohort,
                cohort,
                samples: self.samples,
                local: LocalSgd::default(),
                rounds: self.rounds.max(1),
                seed: 0,
                compute: compute.clone(),
                private: None,
            };
            setting.footprint()?.check(allowed)?;
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
    /// How many times faster a round is on so many nodes than on one, by places in [`CLIENTS`] and [`NODES`].
    pub fn speedup(&self, clients: usize, nodes: usize) -> f64 {
        self.predictions[clients][0].seconds() / self.predictions[clients][nodes].seconds()
    }

    /// The predicted speed-up.
    pub fn chart(&self) -> Chart {
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
            title: format!("{}: predicted speed-up of a round", self.model.name()),
            caption: "How many times faster a round is than on one node, by the number of nodes.".into(),
            x: Axis::logarithmic("nodes"),
            y: Axis::logarithmic("speed-up over one node"),
            series: std::iter::once(ideal).chain(CLIENTS.iter().enumerate().map(of)).collect(),
        }
    }
}
