//! `imfl aigc assess --validate`: does a measure of generated images predict what they do for federated training?

use crate::output::{self, Format};
use clap::Args;
use imfl_aigc::Corruption;
use imfl_experiment::assess;
use imfl_experiment::contest::{self, Row, Settings, Table};
use imfl_run::{Host, Outcome};
use imfl_statistics::{deviation, mean};
use std::path::PathBuf;

/// What a comparison needs beside the settings of an assessment.
#[derive(Args)]
#[command(next_help_heading = "With --validate")]
pub struct Validation {
    /// Compare generators of different training length and corrupted ones: do theta and FID rank them as the accuracy does
    /// that federated training gains from their images?
    #[arg(long)]
    validate: bool,
    /// Steps after which a generator that is trained on the spot enters the comparison, 0 for none [default: 100,250,500,1000,2000; of texts none]
    #[arg(long, value_delimiter = ',')]
    lengths: Option<Vec<u64>>,
    /// Faults that turn the first generator's samples into those of another contestant: labels:SHARE shuffles a share of the labels, noise:DEVIATION
    /// adds noise on the scale from 0 to 255 (to numbers of a table on that of their own deviations), words:SHARE puts other words into texts
    #[arg(long, value_delimiter = ',', value_parser = str::parse::<Corruption>, default_value = "labels:0.25,labels:1")]
    corrupt: Vec<Corruption>,
    /// Trials, each with clients, models and images of its own
    #[arg(long, default_value_t = 3)]
    trials: u64,
    /// Clients of federated training
    #[arg(long, default_value_t = 10)]
    clients: usize,
    /// Samples of a client
    #[arg(long, default_value_t = 200)]
    client_samples: usize,
    /// Who holds what; the classes that a client misses are filled
    #[arg(long, default_value = "shards:2")]
    partition: String,
    /// Rounds of federated training
    #[arg(long, default_value_t = 10)]
    rounds: u64,
    /// Also draw the comparison to this SVG file
    #[arg(long, value_name = "FILE", requires = "validate")]
    plot: Option<PathBuf>,
}

impl Validation {
    /// Whether a comparison is asked for.
    pub fn asked(&self) -> bool {
        self.validate
    }

    /// Compares and prints.
    pub fn run(self, assess: assess::Settings, generators: Vec<String>, format: Format, host: &Host) -> Outcome {
        let Self { lengths, corrupt, trials, clients, client_samples, partition, rounds, .. } = self;
        let partition = partition.parse()?;
        let settings =
            Settings { assess, generators, lengths, corrupt, trials, clients, client_samples, partition, rounds };
        let table = contest::run(&settings, host)?;
        if let Some(path) = &self.plot {
            output::write(path, contest::plot::svg(&table)?)?;
        }
        match format {
            Format::Text => output::text(&text(&table)),
            Format::Json => output::print(&table.json()),
        }
    }
}

/// The comparison as a person reads it.
fn text(compared: &Table) -> String {
    let row = |row: &Row| {
        vec![
            row.name.clone(),
            format!("{:.3}", mean(&row.theta)),
            format!("{:.3}", mean(&row.pull)),
            format!("{:.1}", mean(&row.fid)),
            format!("{:.4}", mean(&row.accuracy)),
            format!("{:+.4}", mean(&row.gain)),
            format!("{:.4}", deviation(&row.gain)),
        ]
    };
    let header = ["generator", "theta", "pull", "FID", "accuracy", "gain", "± (trials)"];
    let mut text = format!(
        "{}\nwithout generated images: accuracy {:.4}, over {} trials; noise floor of theta {:.3}\n",
        output::table(&header, 1, compared.rows.iter().map(row)),
        mean(&compared.baseline),
        compared.seeds.len(),
        mean(&compared.theta_floor)
    );
    let trials = |values: &[Option<f64>]| {
        let value = |value: &Option<f64>| value.map_or("none".into(), |value| format!("{value:.3}"));
        values.iter().map(value).collect::<Vec<_>>().join(", ")
    };
    for (name, ranking) in [("low theta", &compared.theta), ("high pull", &compared.pull), ("low FID", &compared.fid)] {
        let by_trial = trials(&ranking.by_trial);
        text += &format!("rank correlation of {name} with gain: {:.3} (trials: {by_trial})\n", ranking.of_means);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use imfl_experiment::contest::Ranking;

    #[test]
    fn a_person_reads_how_each_measure_ranks() {
        let ranking = |of_means| Ranking { of_means, by_trial: vec![Some(0.5), None] };
        let (theta, pull, fid) = (ranking(1.0), ranking(0.9), ranking(0.4));
        let compared = Table {
            seeds: vec![1, 2],
            baseline: vec![0.5, 0.6],
            theta_floor: vec![0.02; 2],
            rows: vec![],
            theta,
            pull,
            fid,
        };
        let text = text(&compared);
        assert!(text.contains("low FID with gain: 0.400 (trials: 0.500, none)"), "{text}");
        assert!(text.contains("accuracy 0.5500, over 2 trials"), "{text}");
    }
}
