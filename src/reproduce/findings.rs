//! What an experiment found: numbers for programs, tables and figures for people, and where both are kept.

use super::journal::Journal;
use super::world::World;
use super::{Experiment, Request};
use crate::command::mechanism::output;
use crate::failure::{Failure, Kind, Outcome};
use crate::report::{self, Figure};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::fmt;
use std::path::PathBuf;

/// A table for a person; the first column holds names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// What it shows, in one sentence.
    pub title: String,
    /// Names of the columns.
    pub header: Vec<String>,
    /// As many cells in a row as there are columns.
    pub rows: Vec<Vec<String>>,
}

/// What an experiment found.
pub struct Findings {
    /// The experiment's own keys of the JSON object.
    pub values: Map<String, Value>,
    /// Tables, the most important first.
    pub tables: Vec<Table>,
    /// Figures.
    pub figures: Vec<Figure>,
    /// Observations in whole sentences, those that speak against the experiment's hopes as well.
    pub notes: Vec<String>,
}

/// The finished experiment, as it is printed and stored.
pub struct Document {
    value: Value,
    tables: Vec<Table>,
    notes: Vec<String>,
    seconds: f64,
    page: PathBuf,
}

impl Document {
    /// Writes `result.json`, `plots/*.svg` and `report.html`.
    ///
    /// # Errors
    /// A failure that names the file that could not be written.
    pub fn write(
        experiment: Experiment,
        request: &Request,
        seeds: &[u64],
        world: &World,
        journal: &Journal,
        findings: Findings,
    ) -> Outcome<Self> {
        let Findings { values, tables, figures, notes } = findings;
        let seconds = world.measured.seconds + journal.seconds();
        let mut value = json!({
            "schema": "imfl.reproduce/1",
            "experiment": experiment.name(),
            "quick": request.quick,
            "dataset": world.setup.train.name,
            "model": world.setup.config.training.model,
            "seeds": seeds,
            "machine": world.measured.machine,
            "seconds": seconds,
            "measured": world.measured,
        });
        let object = value.as_object_mut().ok_or_else(|| Failure::new(Kind::Unexpected, "an object is no object"))?;
        object.extend(values);
        object.insert("notes".into(), json!(notes));
        object.insert("tables".into(), json!(tables));
        let drawn = figures.iter().map(|figure| json!({ "name": figure.name, "caption": figure.caption }));
        object.insert("figures".into(), drawn.collect());
        for figure in &figures {
            journal.write(&format!("plots/{}.svg", figure.name), &figure.svg)?;
        }
        journal.write("result.json", value.to_string())?;
        let page = journal.file("report.html");
        report::comparison::write(&page, &[report::comparison::Entry::read(&journal.file("."))?])?;
        Ok(Self { value, tables, notes, seconds, page })
    }

    /// One JSON object.
    pub fn to_json(&self) -> &Value {
        &self.value
    }
}

impl fmt::Display for Document {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        for table in &self.tables {
            let header: Vec<&str> = table.header.iter().map(String::as_str).collect();
            writeln!(f, "{}\n{}\n", table.title, output::trimmed(&output::table(&header, 1, table.rows.clone())))?;
        }
        for note in &self.notes {
            writeln!(f, "{note}")?;
        }
        writeln!(f, "time          {:.1} s of work, in all runs of this experiment together", self.seconds)?;
        write!(f, "report        {}", self.page.display())
    }
}
