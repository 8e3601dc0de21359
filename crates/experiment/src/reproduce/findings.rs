//! What an experiment found: numbers for programs, tables and figures for people, and where both are kept.

use super::journal::Journal;
use super::world::World;
use imfl_report::chart::Chart;
use imfl_report::comparison::{self, Entry};
use imfl_report::{Figure, Table};
use imfl_run::failure::{Failure, Kind, Outcome};
use serde_json::{Map, Value, json};
use std::path::PathBuf;

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

impl Findings {
    /// Draws the charts and puts the rest beside them.
    ///
    /// # Errors
    /// None that is expected: text of an SVG cannot fail to be written.
    pub fn new<const N: usize>(
        values: [(&str, Value); N],
        tables: Vec<Table>,
        charts: &[Chart],
        notes: Vec<String>,
    ) -> Outcome<Self> {
        let values = values.into_iter().map(|(key, value)| (key.to_string(), value)).collect();
        Ok(Self { values, tables, figures: charts.iter().map(Chart::draw).collect::<Outcome<_>>()?, notes })
    }
}

/// The finished experiment, as it is printed and stored.
pub struct Document {
    /// One JSON object.
    pub value: Value,
    /// Tables, the most important first.
    pub tables: Vec<Table>,
    /// Observations in whole sentences.
    pub notes: Vec<String>,
    /// Seconds of work, in all runs of this experiment together.
    pub seconds: f64,
    /// The page.
    pub page: PathBuf,
}

impl Document {
    /// Writes `result.json`, `plots/*.svg` and `report.html`.
    ///
    /// # Errors
    /// A failure that names the file that could not be written.
    pub fn write(
        experiment: &str,
        quick: bool,
        seeds: &[u64],
        world: &World,
        journal: &Journal,
        findings: Findings,
    ) -> Outcome<Self> {
        let Findings { values, tables, figures, notes } = findings;
        let seconds = world.measured.seconds + journal.seconds();
        let mut value = json!({
            "schema": "imfl.reproduce/1",
            "experiment": experiment,
            "quick": quick,
            "dataset": world.setup.train.name,
            "model": world.setup.config.training.architecture(),
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
        for (path, svg) in figures.iter().flat_map(Figure::files) {
            journal.write(&path, svg)?;
        }
        journal.write("result.json", value.to_string())?;
        let page = journal.file("report.html");
        comparison::write(&page, &[Entry::read(&journal.file("."))?])?;
        Ok(Self { value, tables, notes, seconds, page })
    }
}
