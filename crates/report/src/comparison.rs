//! One page for several runs and experiments: what the runs have in common side by side, then each experiment's tables and
//! figures.

use super::page;
use crate::table::Table;
use imfl_run::failure::{Failure, Kind, Outcome};
use maud::{Markup, html};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// A run's or an experiment's folder, as far as the page needs it.
pub struct Entry {
    /// The folder.
    pub folder: PathBuf,
    content: Content,
}

enum Content {
    Run(Value),
    Experiment { result: Value, tables: Vec<Table>, figures: Vec<(String, String)> },
}

impl Entry {
    /// Reads the folder of a run (`summary.json`) or of an experiment (`result.json`).
    ///
    /// # Errors
    /// A failure of kind [`Kind::Data`] that says which file is missing or what is wrong in it.
    pub fn read(folder: &Path) -> Outcome<Self> {
        let (run, experiment) = (folder.join("summary.json"), folder.join("result.json"));
        let content = if run.is_file() {
            Content::Run(json(&run, "imfl.run/1")?)
        } else if experiment.is_file() {
            let result = json(&experiment, "imfl.reproduce/1")?;
            let wrong = |what: &str| data(&experiment, &format!("`{what}` is not what `imfl reproduce` writes"));
            let tables = serde_json::from_value(result["tables"].clone()).map_err(|_| wrong("tables"))?;
            let named = result["figures"].as_array().ok_or_else(|| wrong("figures"))?;
            let figure = |figure: &Value| {
                let (name, caption) =
                    figure["name"].as_str().zip(figure["caption"].as_str()).ok_or_else(|| wrong("figures"))?;
                let path = folder.join(format!("plots/{name}.svg"));
                let svg = std::fs::read_to_string(&path).map_err(|error| data(&path, &error.to_string()))?;
                Ok((svg, caption.to_string()))
            };
            let figures = named.iter().map(figure).collect::<Outcome<_>>()?;
            Content::Experiment { result, tables, figures }
        } else {
            let problem = format!(
                "{}: neither a run's folder (summary.json) nor an experiment's (result.json); a run that has not finished \
                 has none yet",
                folder.display()
            );
            return Err(Failure::new(Kind::Data, problem));
        };
        Ok(Self { folder: folder.into(), content })
    }

    /// What is printed about it: its kind and its file of numbers.
    pub fn value(&self) -> &Value {
        match &self.content {
            Content::Run(value) | Content::Experiment { result: value, .. } => value,
        }
    }

    fn run(&self) -> Option<(&Path, &Value)> {
        match &self.content {
            Content::Run(summary) => Some((&self.folder, summary)),
            Content::Experiment { .. } => None,
        }
    }
}

fn json(path: &Path, schema: &str) -> Outcome<Value> {
    let text = std::fs::read_to_string(path).map_err(|error| data(path, &error.to_string()))?;
    let value: Value = serde_json::from_str(&text).map_err(|error| data(path, &error.to_string()))?;
    match value["schema"].as_str() {
        Some(found) if found == schema => Ok(value),
        found => Err(data(path, &format!("schema is {}, expected `{schema}`", found.unwrap_or("missing")))),
    }
}

fn data(path: &Path, problem: &str) -> Failure {
    Failure::new(Kind::Data, format!("{}: {problem}", path.display()))
}

/// Writes the page.
///
/// # Errors
/// A failure that names the file that could not be written.
pub fn write(path: &Path, entries: &[Entry]) -> Outcome {
    std::fs::write(path, render(entries))
        .map_err(|error| Failure::new(Kind::Unexpected, format!("cannot write {}: {error}", path.display())))
}

/// What runs are compared by: the column and the key of a summary, with the decimals it is shown with.
const COLUMNS: [(&str, &str, usize); 9] = [
    ("clients", "/clients", 0),
    ("rounds", "/rounds", 0),
    ("accuracy", "/accuracy", 4),
    ("loss", "/loss", 4),
    ("theta", "/theta", 3),
    ("out", "/modes/out", 0),
    ("augmented", "/modes/augmented", 0),
    ("payments", "/payments", 4),
    ("server cost", "/server_cost", 4),
];

/// A row for each run: its folder, dataset and seed, then `COLUMNS`.
pub fn runs(entries: &[Entry]) -> Table {
    let mut header = vec!["run".to_string(), "dataset".into(), "seed".into()];
    header.extend(COLUMNS.iter().map(|(name, _, _)| name.to_string()));
    let row = |(folder, summary): (&Path, &Value)| {
        let name =
            folder.file_name().map_or_else(|| folder.display().to_string(), |name| name.to_string_lossy().into());
        let mut row = vec![name, summary["dataset"].as_str().unwrap_or("-").into(), summary["seed"].to_string()];
        row.extend(COLUMNS.iter().map(|&(_, key, decimals)| {
            summary.pointer(key).and_then(Value::as_f64).map_or("-".into(), |value| format!("{value:.decimals$}"))
        }));
        row
    };
    let rows = entries.iter().filter_map(Entry::run).map(row).collect();
    Table { title: "Runs side by side".into(), header, rows }
}

fn render(entries: &[Entry]) -> String {
    let title = match entries {
        [Entry { content: Content::Experiment { result, .. }, .. }] => {
            format!("imfl reproduce {}", result["experiment"].as_str().unwrap_or_default())
        }
        _ => "imfl: a comparison".into(),
    };
    let runs = runs(entries);
    let content = html! {
        @if !runs.rows.is_empty() { (page::table(&runs)) }
        @for entry in entries {
            @if let Content::Experiment { result, tables, figures } = &entry.content {
                (experiment(result, tables, figures))
            }
        }
    };
    page::document(&title, &content)
}

fn experiment(result: &Value, tables: &[Table], figures: &[(String, String)]) -> Markup {
    let word = |key: &str| result[key].as_str().unwrap_or_default().to_string();
    let seeds = result["seeds"].as_array().map_or(0, Vec::len);
    let quick = if result["quick"] == true { ", quick settings" } else { "" };
    html! {
        h2 { (word("experiment")) }
        p.quiet {
            (word("dataset")) ", " (word("model")) ", " (seeds) " seeds" (quick) "; "
            (format!("{:.0}", result["seconds"].as_f64().unwrap_or_default())) " s on " (word("machine"))
        }
        ul { @for note in result["notes"].as_array().into_iter().flatten() { li { (note.as_str().unwrap_or_default()) } } }
        @for (svg, caption) in figures { (page::picture(svg, caption)) }
        @for shown in tables { (page::table(shown)) }
    }
}
