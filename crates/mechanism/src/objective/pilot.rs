//! Pilots: trainings that were carried out to learn what to expect of others.

use std::io::Read;

use crate::error::{Error, Result};
use crate::objective::appraisal::Prediction;
use crate::objective::forecast::distance;
use crate::objective::law::Update;

/// A training: how many samples of each class it had, and what came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Pilot {
    /// Authentic samples, `[classes]`.
    pub authentic: Vec<u64>,
    /// Generated samples, `[classes]`.
    pub generated: Vec<u64>,
    /// Its updates. Without a mix it is the samples' own distance from the target; without skew or steps no law looks at them.
    pub update: Update,
    /// Test loss and error.
    pub measured: Prediction,
    /// What it shares chance with, such as a seed or a partition: pilots of one group are held out together. Empty if there are no groups.
    pub group: String,
}

impl Pilot {
    /// m.
    pub(crate) fn distance(&self, target: &[f64]) -> f64 {
        self.update.mix.unwrap_or_else(|| distance(&self.authentic, &self.generated, target))
    }

    /// What somebody gets who guesses among the classes of these pilots: loss ln C, error 1 - 1/C.
    pub fn guess(pilots: &[Self]) -> Prediction {
        let classes = pilots.first().map_or(1, |pilot| pilot.authentic.len().max(1)) as f64;
        Prediction { loss: classes.ln(), error: 1.0 - 1.0 / classes }
    }

    /// The table that [`Pilot::read_csv`] reads.
    pub fn to_csv(pilots: &[Pilot]) -> String {
        let classes = pilots.first().map_or(0, |pilot| pilot.authentic.len());
        let columns = |letter: char| (0..classes).map(move |class| format!(",{letter}{class}"));
        let mut text = format!("loss,error{}{}", columns('a').collect::<String>(), columns('g').collect::<String>());
        text += ",mix,skew,steps,group\n";
        let target = vec![1.0 / classes.max(1) as f64; classes];
        for pilot in pilots {
            let counts: String =
                pilot.authentic.iter().chain(&pilot.generated).map(|count| format!(",{count}")).collect();
            let Prediction { loss, error } = pilot.measured;
            // group names are made by programs; a comma in one would be another column
            let group = pilot.group.replace([',', '"', '\n'], " ");
            let [skew, steps] = [pilot.update.skew, pilot.update.steps]
                .map(|recorded| recorded.map_or_else(String::new, |recorded| recorded.to_string()));
            text += &format!("{loss},{error}{counts},{},{skew},{steps},{group}\n", pilot.distance(&target));
        }
        text
    }

    /// Reads pilots from CSV: `loss,error`, authentic samples `a0,a1,...`, and, where there are any, generated samples `g0,g1,...`, `mix`, `skew`, `steps` (both empty if
    /// not recorded) and `group`.
    ///
    /// # Errors
    /// [`Error::Table`] with line and column, [`Error::TableShape`] for a wrong header or no pilot.
    pub fn read_csv(reader: impl Read, name: &str) -> Result<Vec<Pilot>> {
        let shape = |problem: String| Error::TableShape { file: name.to_owned(), problem };
        let mut table = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(reader);
        let header = table.headers().map_err(|error| shape(error.to_string()))?.clone();
        let place = |column: &str| header.iter().position(|name| name.trim_start_matches('\u{feff}') == column);
        let needed = |column: &str| {
            let problem = "expected loss,error,a0,a1,... and, if any, g0,g1,...,mix,skew,steps,group";
            place(column).ok_or_else(|| shape(format!("line 1: there is no column `{column}`; {problem}")))
        };
        let (loss, error) = (needed("loss")?, needed("error")?);
        let many =
            |letter: &str| (0..header.len()).map_while(|class| place(&format!("{letter}{class}"))).collect::<Vec<_>>();
        let (authentic, generated, mix, group) = (many("a"), many("g"), place("mix"), place("group"));
        let (skew, steps) = (place("skew"), place("steps"));
        needed("a0")?;
        if !generated.is_empty() && generated.len() != authentic.len() {
            let problem =
                format!("line 1: {} columns a0, a1, ... but {} columns g0, g1, ...", authentic.len(), generated.len());
            return Err(shape(problem));
        }
        let mut pilots = Vec::new();
        for record in table.into_records() {
            let record = record.map_err(|error| shape(error.to_string()))?;
            let line = record.position().map_or(0, csv::Position::line);
            let fail = |at: usize, problem: String| Error::Table {
                file: name.to_owned(),
                line,
                column: header[at].to_owned(),
                problem: crate::printable::Printable(&problem).to_string(),
            };
            let number = |at: usize, high: f64| match record[at].parse::<f64>() {
                Ok(value) if (0.0..=high).contains(&value) => Ok(value),
                _ => Err(fail(at, format!("`{}` is not a number in [0, {high}]", &record[at]))),
            };
            let count = |at: &usize| {
                let problem = |_| fail(*at, format!("`{}` is not a whole number of at least 0", &record[*at]));
                record[*at].parse::<u32>().map(u64::from).map_err(problem)
            };
            let recorded = |at: Option<usize>, high: f64| {
                at.filter(|at| !record[*at].is_empty()).map(|at| number(at, high)).transpose()
            };
            let authentic = authentic.iter().map(count).collect::<Result<Vec<u64>>>()?;
            let generated = match generated.as_slice() {
                [] => vec![0; authentic.len()],
                columns => columns.iter().map(count).collect::<Result<Vec<u64>>>()?,
            };
            pilots.push(Pilot {
                authentic,
                generated,
                update: Update {
                    mix: mix.map(|at| number(at, 2.0)).transpose()?,
                    skew: recorded(skew, 2.0)?,
                    steps: recorded(steps, 1e9)?,
                },
                measured: Prediction { loss: number(loss, 1e6)?, error: number(error, 1.0)? },
                group: group.map_or_else(String::new, |at| record[at].to_owned()),
            });
        }
        if pilots.is_empty() {
            return Err(shape("has a header but no pilot".into()));
        }
        Ok(pilots)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_reads_and_every_bad_cell_is_named() {
        let pilots = Pilot::read_csv("group,loss,error,a0,a1,g0,g1\ns1,0.5,0.1,3,4,0,5\n".as_bytes(), "p").unwrap();
        assert_eq!(
            (&pilots[0].authentic[..], &pilots[0].generated[..], &*pilots[0].group),
            (&[3, 4][..], &[0, 5][..], "s1")
        );
        let again = Pilot::read_csv(Pilot::to_csv(&pilots).as_bytes(), "p").unwrap();
        assert_eq!((&again[0].authentic, &again[0].generated), (&pilots[0].authentic, &pilots[0].generated));
        assert_eq!((again[0].update.steps, again[0].update.skew), (None, None));
        let update = Update { steps: Some(12.5), skew: Some(0.75), ..Update::default() };
        let stepped = Pilot { update, ..pilots[0].clone() };
        let again = Pilot::read_csv(Pilot::to_csv(&[stepped, pilots[0].clone()]).as_bytes(), "p").unwrap();
        assert_eq!((again[0].update.steps, again[1].update.steps), (Some(12.5), None));
        assert_eq!((again[0].update.skew, again[1].update.skew), (Some(0.75), None));
        assert_eq!((again[0].measured, &again[0].group), (pilots[0].measured, &pilots[0].group));
        assert!((pilots[0].distance(&[0.5, 0.5]) - 0.5).abs() < 1e-12);
        for (text, expected) in [
            ("loss,a0\n1,1", "p: line 1: there is no column `error`"),
            ("loss,error\n1,0.1", "there is no column `a0`"),
            ("loss,error,a0,a1,g0\n1,0.1,1,1,1", "2 columns a0, a1, ... but 1 columns g0"),
            ("loss,error,a0\n1,1.1,1", "line 2, column `error`: `1.1` is not a number in [0, 1]"),
            ("loss,error,a0\nnan,1,1", "line 2, column `loss`"),
            ("loss,error,a0\n1,1,-1", "line 2, column `a0`: `-1` is not a whole number"),
            ("loss,error,a0\n", "no pilot"),
        ] {
            let error = Pilot::read_csv(text.as_bytes(), "p").unwrap_err().to_string();
            assert!(error.contains(expected), "{error}\ndoes not contain\n{expected}");
        }
    }
}
