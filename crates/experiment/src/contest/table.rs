//! What a comparison says: means over trials, and how well measures rank the gains.

use super::trial::Trial;
use imfl_run::failure::{Failure, Kind, Outcome};
use imfl_statistics::{mean, rank_correlation};
use serde_json::json;

/// One contestant's values, in the order of trials.
pub struct Row {
    /// What it is.
    pub name: String,
    /// Theta.
    pub theta: Vec<f64>,
    /// Pull.
    pub pull: Vec<f64>,
    /// FID.
    pub fid: Vec<f64>,
    /// Accuracy with its images.
    pub accuracy: Vec<f64>,
    /// What that is above the accuracy without generated images.
    pub gain: Vec<f64>,
}

/// Rank correlation of a measure with the gain, of theta and FID falling: 1 if the measure orders the contestants as their gains do.
pub struct Ranking {
    /// Of the means over trials.
    pub of_means: f64,
    /// Trial by trial; none where all gain the same.
    pub by_trial: Vec<Option<f64>>,
}

/// The whole comparison.
pub struct Table {
    /// Seeds of the trials.
    pub seeds: Vec<u64>,
    /// Accuracy without generated images, by trial.
    pub baseline: Vec<f64>,
    /// What sampling noise alone makes of theta, by trial.
    pub theta_floor: Vec<f64>,
    /// The contestants, the least theta first.
    pub rows: Vec<Row>,
    /// How theta ranks them.
    pub theta: Ranking,
    /// How the pull ranks them.
    pub pull: Ranking,
    /// How FID ranks them.
    pub fid: Ranking,
}

impl Table {
    /// Gathers what trials measured.
    ///
    /// # Errors
    /// A failure for fewer than three contestants, or if all gain the same.
    pub fn new(names: &[String], trials: &[Trial]) -> Outcome<Self> {
        let row = |(index, name): (usize, &String)| {
            let of = |value: &dyn Fn(&Trial) -> f64| trials.iter().map(value).collect();
            Row {
                name: name.clone(),
                theta: of(&|trial| trial.scores[index].theta),
                pull: of(&|trial| trial.scores[index].pull),
                fid: of(&|trial| trial.scores[index].fid),
                accuracy: of(&|trial| trial.scores[index].accuracy),
                gain: of(&|trial| trial.scores[index].accuracy - trial.baseline),
            }
        };
        let mut rows: Vec<Row> = names.iter().enumerate().map(row).collect();
        rows.sort_by(|a, b| mean(&a.theta).total_cmp(&mean(&b.theta)));
        Ok(Self {
            seeds: trials.iter().map(|trial| trial.seed).collect(),
            baseline: trials.iter().map(|trial| trial.baseline).collect(),
            theta_floor: trials.iter().map(|trial| trial.theta_floor).collect(),
            theta: Ranking::of(&rows, trials.len(), -1.0, |row| &row.theta)?,
            pull: Ranking::of(&rows, trials.len(), 1.0, |row| &row.pull)?,
            fid: Ranking::of(&rows, trials.len(), -1.0, |row| &row.fid)?,
            rows,
        })
    }

    /// The comparison as one object.
    pub fn json(&self) -> serde_json::Value {
        let rows = self.rows.iter().map(|row| {
            json!({"generator": row.name, "theta": mean(&row.theta), "pull": mean(&row.pull), "fid": mean(&row.fid),
                   "accuracy": mean(&row.accuracy), "gain": mean(&row.gain),
                   "by_trial": {"theta": row.theta, "pull": row.pull, "fid": row.fid, "accuracy": row.accuracy, "gain": row.gain}})
        });
        json!({
            "schema": "imfl.validation/1",
            "seeds": self.seeds,
            "baseline_accuracy": mean(&self.baseline), "baseline_by_trial": self.baseline,
            "theta_floor": mean(&self.theta_floor),
            "generators": rows.collect::<Vec<_>>(),
            "rank_correlation": {"theta": self.theta.of_means, "pull": self.pull.of_means, "fid": self.fid.of_means},
            "rank_correlation_by_trial": {"theta": self.theta.by_trial, "pull": self.pull.by_trial, "fid": self.fid.by_trial},
        })
    }
}

impl Ranking {
    fn of(rows: &[Row], trials: usize, sign: f64, measure: impl Fn(&Row) -> &Vec<f64>) -> Outcome<Self> {
        let of = |value: &dyn Fn(&Vec<f64>) -> f64| {
            let rising: Vec<f64> = rows.iter().map(|row| sign * value(measure(row))).collect();
            let gains: Vec<f64> = rows.iter().map(|row| value(&row.gain)).collect();
            rank_correlation(&rising, &gains)
        };
        let by_trial = (0..trials).map(|trial| of(&|values| values[trial]).ok()).collect();
        let of_means = of(&|values| mean(values)).map_err(|error| Failure::new(Kind::Data, error))?;
        Ok(Self { of_means, by_trial })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::trial::Score;
    use super::*;

    /// Two trials of four contestants: theta orders them as gains do, FID does not.
    pub fn table() -> Table {
        let names = ["a", "b", "c", "d"].map(String::from);
        let score = |theta: f64, fid: f64, accuracy: f64| Score { theta, pull: accuracy, fid, accuracy };
        let trial = |seed: u64, baseline: f64| Trial {
            seed,
            baseline,
            theta_floor: 0.02,
            scores: vec![
                score(0.3, 30.0, baseline + 0.1),
                score(0.1, 40.0, baseline + 0.3),
                score(0.2, 10.0, baseline + 0.2),
                score(0.6, 90.0, baseline - 0.1),
            ],
        };
        Table::new(&names, &[trial(1, 0.5), trial(2, 0.6)]).unwrap()
    }

    #[test]
    fn gains_are_above_the_baseline_and_ranks_are_compared() {
        let table = table();
        assert_eq!(table.rows.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), ["b", "c", "a", "d"]);
        assert!((mean(&table.rows[0].gain) - 0.3).abs() < 1e-12);
        assert!((table.theta.of_means - 1.0).abs() < 1e-12);
        assert!((table.pull.of_means - 1.0).abs() < 1e-12);
        // Ranks of low FID are 3, 2, 4, 1 for a to d, of gains 2, 4, 3, 1: d = 1, -2, 1, 0, and 1 - 6 * 6 / 60 = 0.4.
        assert!((table.fid.of_means - 0.4).abs() < 1e-12, "{}", table.fid.of_means);
        let json = table.json();
        assert_eq!(json["schema"], "imfl.validation/1");
        assert_eq!(json["generators"].as_array().unwrap().len(), 4);
    }

    #[test]
    fn two_contestants_have_no_ranking() {
        let trial = Trial {
            seed: 0,
            baseline: 0.0,
            theta_floor: 0.0,
            scores: [1.0, 2.0].map(|theta| Score { theta, pull: 1.0, fid: 1.0, accuracy: 1.0 / theta }).into(),
        };
        let error = Table::new(&["a".into(), "b".into()], &[trial]).err().unwrap().to_string();
        assert!(error.contains("at least 3"), "{error}");
    }
}
