//! One page for several runs and experiments: what the runs have in common side by side, then each experiment's tables and
//! figures.

use super::page;
use crate::figure;
use crate::learning::{self, Group, Trained};
use crate::table::Table;
use imfl_run::failure::{Failure, Kind, Outcome};
use imfl_run::metrics::RoundMetrics;
use maud::{Markup, html};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A run's or an experiment's folder, as far as the page needs it.
pub struct Entry {
    /// The folder.
    pub folder: PathBuf,
    content: Content,
}

enum Content {
    Run { summary: Value, settings: BTreeMap<String, String>, rounds: Vec<RoundMetrics> },
    Experiment { result: Value, tables: Vec<Table>, figures: Vec<Drawn> },
}

/// A figure of an experiment, as its files hold it.
struct Drawn {
    svg: String,
    narrow: Option<String>,
    caption: String,
}

impl Entry {
    /// Reads the folder of a run (`summary.json`) or of an experiment (`result.json`).
    ///
    /// # Errors
    /// A failure of kind [`Kind::Data`] that says which file is missing or what is wrong in it.
    pub fn read(folder: &Path) -> Outcome<Self> {
        let (run, experiment) = (folder.join("summary.json"), folder.join("result.json"));
        let content = if run.is_file() {
            let summary = json(&run, "imfl.run/1")?;
            Content::Run { summary, settings: settings(folder)?, rounds: rounds(folder)? }
        } else if experiment.is_file() {
            let result = json(&experiment, "imfl.reproduce/1")?;
            let wrong = |what: &str| data(&experiment, &format!("`{what}` is not what `imfl reproduce` writes"));
            let tables = serde_json::from_value(result["tables"].clone()).map_err(|_| wrong("tables"))?;
            let named = result["figures"].as_array().ok_or_else(|| wrong("figures"))?;
            let figure = |figure: &Value| {
                let (name, caption) =
                    figure["name"].as_str().zip(figure["caption"].as_str()).ok_or_else(|| wrong("figures"))?;
                let path = folder.join(figure::wide(name));
                let svg = std::fs::read_to_string(&path).map_err(|error| data(&path, &error.to_string()))?;
                // Earlier versions drew for wide windows only.
                let narrow = std::fs::read_to_string(folder.join(figure::narrow(name))).ok();
                Ok(Drawn { svg, narrow, caption: caption.to_string() })
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
            Content::Run { summary: value, .. } | Content::Experiment { result: value, .. } => value,
        }
    }

    fn run(&self) -> Option<(&Path, &Value)> {
        match &self.content {
            Content::Run { summary, .. } => Some((&self.folder, summary)),
            Content::Experiment { .. } => None,
        }
    }
}

/// The settings that decided a run, from its `config.toml`.
fn settings(folder: &Path) -> Outcome<BTreeMap<String, String>> {
    Ok(imfl_run::config::read(&folder.join("config.toml"))?.deciding())
}

/// The rounds of a run, from its `metrics.jsonl`; none if nobody trained.
fn rounds(folder: &Path) -> Outcome<Vec<RoundMetrics>> {
    let path = folder.join("metrics.jsonl");
    let text = std::fs::read_to_string(&path).map_err(|error| data(&path, &error.to_string()))?;
    let line = |(number, line): (usize, &str)| {
        serde_json::from_str(line).map_err(|error| data(&path, &format!("line {}: {error}", number + 1)))
    };
    text.lines().enumerate().map(line).collect()
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
    std::fs::write(path, render(entries)?)
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
        let mut row =
            vec![name(folder), summary["dataset"].as_str().unwrap_or("-").into(), summary["seed"].to_string()];
        row.extend(COLUMNS.iter().map(|&(_, key, decimals)| {
            summary.pointer(key).and_then(Value::as_f64).map_or("-".into(), |value| format!("{value:.decimals$}"))
        }));
        row
    };
    let rows = entries.iter().filter_map(Entry::run).map(row).collect();
    Table { title: "Runs side by side".into(), header, rows }
}

/// A run's folder, its summary, the settings that decided it, and its rounds.
type Ran<'a> = (&'a Path, &'a Value, &'a BTreeMap<String, String>, &'a [RoundMetrics]);

/// Runs whose settings differ in nothing but the seed, by what tells them from the others.
pub fn groups(entries: &[Entry]) -> Vec<Group> {
    let runs: Vec<Ran> = entries
        .iter()
        .filter_map(|entry| match &entry.content {
            Content::Run { summary, settings, rounds } => {
                Some((entry.folder.as_path(), summary, settings, &rounds[..]))
            }
            Content::Experiment { .. } => None,
        })
        .collect();
    let differing = differing(&runs.iter().map(|(_, _, settings, _)| *settings).collect::<Vec<_>>());
    let mut groups: Vec<Group> = Vec::new();
    for (folder, summary, settings, rounds) in runs {
        let Some(run) = Trained::of(&folder.display().to_string(), summary, rounds) else { continue };
        let value = |key: &String| format!("{key}={}", settings.get(key).map_or("unset", String::as_str));
        let name = match differing.is_empty() {
            true => "all runs".into(),
            false => differing.iter().map(value).collect::<Vec<_>>().join(", "),
        };
        match groups.iter_mut().find(|group| group.name == name) {
            Some(group) => group.runs.push(run),
            None => groups.push(Group { name, runs: vec![run] }),
        }
    }
    groups
}

/// The keys, but for the seed, that not all have the same value of.
fn differing(settings: &[&BTreeMap<String, String>]) -> Vec<String> {
    let keys: BTreeSet<&String> = settings.iter().flat_map(|settings| settings.keys()).collect();
    let differs = |key: &&String| settings.windows(2).any(|pair| pair[0].get(*key) != pair[1].get(*key));
    keys.into_iter().filter(|key| *key != "seed").filter(differs).cloned().collect()
}

/// What the runs differ in: a row for each such key, a column for each run; nothing if that is the seed alone.
pub fn differences(entries: &[Entry]) -> Option<Table> {
    let runs: Vec<(String, &BTreeMap<String, String>)> = entries
        .iter()
        .filter_map(|entry| match &entry.content {
            Content::Run { settings, .. } => Some((name(&entry.folder), settings)),
            Content::Experiment { .. } => None,
        })
        .collect();
    let keys = differing(&runs.iter().map(|(_, settings)| *settings).collect::<Vec<_>>());
    let row = |key: String| {
        let values = runs.iter().map(|(_, settings)| settings.get(&key).cloned().unwrap_or("unset".into()));
        [key.clone()].into_iter().chain(values).collect()
    };
    (!keys.is_empty()).then(|| Table {
        title: "What the runs were told differently, beside the seed".into(),
        header: ["setting".to_string()].into_iter().chain(runs.iter().map(|(name, _)| name.clone())).collect(),
        rows: keys.into_iter().map(row).collect(),
    })
}

/// The tables that runs are compared by, the most important first: all runs, what they were told differently, what each setting comes
/// to over its seeds, and what it gains seed by seed.
pub fn tables(entries: &[Entry]) -> Vec<Table> {
    let groups = groups(entries);
    let several = groups.iter().any(|group| group.runs.len() > 1);
    let all = runs(entries);
    let all = (!all.rows.is_empty()).then_some(all);
    let means = several.then(|| learning::table(&groups));
    [all, differences(entries), means, learning::paired(&groups)].into_iter().flatten().collect()
}

/// The last part of a folder's path.
fn name(folder: &Path) -> String {
    folder.file_name().map_or_else(|| folder.display().to_string(), |name| name.to_string_lossy().into())
}

fn render(entries: &[Entry]) -> Outcome<String> {
    let title = match entries {
        [Entry { content: Content::Experiment { result, .. }, .. }] => {
            format!("imfl reproduce {}", result["experiment"].as_str().unwrap_or_default())
        }
        _ => "imfl: a comparison".into(),
    };
    let (tables, figures) = (tables(entries), learning::curves(&groups(entries))?);
    let content = html! {
        @for shown in &tables { (page::table(shown)) }
        @for shown in &figures { (page::figure(shown)) }
        @for entry in entries {
            @if let Content::Experiment { result, tables, figures } = &entry.content {
                (experiment(result, tables, figures))
            }
        }
    };
    Ok(page::document(&title, &content))
}

fn experiment(result: &Value, tables: &[Table], figures: &[Drawn]) -> Markup {
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
        @for drawn in figures { (page::picture(&drawn.svg, drawn.narrow.as_deref(), &drawn.caption)) }
        @for shown in tables { (page::table(shown)) }
    }
}
