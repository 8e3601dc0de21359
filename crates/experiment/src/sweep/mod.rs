//! Runs over a grid of any settings and seeds, with an experiment's journal: finished runs are not run again, workers and ranks share
//! them, and the page says what each setting comes to.

mod axis;

pub use axis::{Axis, Seeds};

use crate::reproduce::{Journal, grid, machine};
use imfl_engine::device::{Compute, DeviceName};
use imfl_ranks::Ranks;
use imfl_report::chart::{self, Chart, Series, Style};
use imfl_report::comparison::{self, Entry};
use imfl_report::learning::{self, Group, Trained};
use imfl_report::plot::class_colour;
use imfl_report::{Figure, Table};
use imfl_run::{Event, Failure, Host, Kind, Memory, Observer, Outcome, Progress, RunConfig};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// The most runs of a sweep.
const MOST: usize = 10_000;
/// A range of values that spans such a factor is shown on a logarithmic axis.
const WIDE: f64 = 20.0;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Sweep {
    /// The run that is varied.
    pub base: RunConfig,
    /// What is varied, the first slowest.
    pub axes: Vec<Axis>,
    /// Every combination runs once for each of these.
    pub seeds: Vec<u64>,
    /// Folder of experiments' folders.
    pub folder: PathBuf,
    /// Name of this sweep's folder.
    pub name: String,
    /// Whether to forget what was computed before.
    pub fresh: bool,
}

/// A finished sweep, as it is printed and stored.
pub struct Swept {
    /// One JSON object.
    pub value: Value,
    /// Tables, the most important first.
    pub tables: Vec<Table>,
    /// Seconds of work, in all its runs together.
    pub seconds: f64,
    /// The page.
    pub page: PathBuf,
}

/// A run of the grid.
#[derive(Clone, Debug, Serialize)]
struct Cell {
    settings: BTreeMap<String, String>,
    seed: u64,
    #[serde(skip)]
    config: RunConfig,
}

/// Tells a run's observer nothing but that it can be stopped, and stops it when the sweep is.
struct Within(Progress);

impl Observer for Within {
    fn event(&self, event: &Event) {
        if let Event::RoundsBegan { .. } | Event::StepsBegan = event {
            self.0.tell(event);
        }
    }

    fn stop(&self) -> bool {
        self.0.stop()
    }
}

impl Sweep {
    /// Runs what is missing and gathers what all runs came to; only the first of several ranks returns it.
    ///
    /// # Errors
    /// A failure that names the setting that makes no sense, before anything is run; the first failure of a run.
    pub fn run(&self, host: &Host) -> Outcome<Option<Swept>> {
        imfl_run::limits::folder_name(&self.name)?;
        let folder = self.folder.join(&self.name);
        let combinations = self.combinations();
        let cells = self.cells(&combinations, &folder.join("runs"))?;
        let journal = Journal::open(&folder, &identity(&self.base), self.fresh, &host.ranks)?;
        let mut journal = journal.watched(&host.progress);
        // Each run has one thread, and there are as many at once as the processor has room for; a GPU is not shared.
        let own = Compute::open(self.base.device, self.base.workers)?;
        let at_once = match own.name {
            DeviceName::Cpu | DeviceName::NdArray => own.workers.min(cells.len()),
            _ => 1,
        };
        let workers = if at_once > 1 { Some(1) } else { self.base.workers };
        host.progress.note(format!("{} runs, {at_once} at once, in {}", cells.len(), folder.display()));
        let memory = Memory::of(host.memory.bytes() / at_once.max(1) as u64);
        let observer: Arc<dyn Observer> = Arc::new(Within(host.progress.clone()));
        let inner = Host { ranks: Ranks::alone(), memory, ..host.clone() };
        let inner = Host { progress: Progress::to(observer), ..inner };
        let results = grid::run("sweep", &mut journal, &cells, at_once, |cell| {
            let config = RunConfig { workers, ..cell.config.clone() };
            train(config, &inner).map_err(|failure| cell.blame(&failure))
        })?;
        if !host.ranks.is_first() {
            return Ok(None);
        }
        self.write(&journal, combinations, &results).map(Some)
    }

    /// Every choice of a value for each axis.
    fn combinations(&self) -> Vec<BTreeMap<String, String>> {
        let mut all = vec![BTreeMap::new()];
        for Axis { key, values } in &self.axes {
            // More than can be run are refused behind this; they need not be made first.
            if all.len() > MOST {
                break;
            }
            let with = |settings: &BTreeMap<String, String>, value: &String| {
                let mut settings = settings.clone();
                settings.insert(key.clone(), value.clone());
                settings
            };
            all = all.iter().flat_map(|settings| values.iter().map(move |value| with(settings, value))).collect();
        }
        all
    }

    /// Each combination with each seed, checked.
    fn cells(&self, combinations: &[BTreeMap<String, String>], runs: &std::path::Path) -> Outcome<Vec<Cell>> {
        let count = combinations.len().saturating_mul(self.seeds.len());
        if count > MOST || count == 0 {
            return Err(Failure::new(
                Kind::Config,
                format!("a sweep has 1 to {MOST} runs, this one has {count} or more"),
            ));
        }
        let mut keys: Vec<&str> = self.axes.iter().map(|axis| axis.key.as_str()).collect();
        keys.sort_unstable();
        if let Some(twice) = keys.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(Failure::new(Kind::Usage, format!("--grid {}: this setting is varied twice", twice[0])));
        }
        let mut cells = Vec::with_capacity(count);
        for settings in combinations {
            for &seed in &self.seeds {
                let mut config = self.base.clone();
                for (key, value) in settings {
                    config.set(key, value, &format!("--grid {key}={value}"))?;
                }
                (config.seed, config.runs, config.name) = (Some(seed), runs.into(), format!("seed-{seed}"));
                config
                    .check()
                    .map_err(|failure| Failure::new(failure.kind(), format!("{}: {failure}", name(settings))))?;
                cells.push(Cell { settings: settings.clone(), seed, config });
            }
        }
        Ok(cells)
    }

    /// Writes `result.json`, as experiments have it, `plots/*.svg` and `report.html`.
    fn write(
        &self,
        journal: &Journal,
        combinations: Vec<BTreeMap<String, String>>,
        results: &[Trained],
    ) -> Outcome<Swept> {
        let parts = results.chunks(self.seeds.len());
        let groups: Vec<Group> = combinations
            .iter()
            .zip(parts)
            .map(|(settings, runs)| Group { name: name(settings), runs: runs.to_vec() })
            .collect();
        let mut figures = self.over_values(&groups)?;
        figures.extend(learning::curves(&groups)?);
        let tables: Vec<Table> = [learning::table(&groups)].into_iter().chain(learning::paired(&groups)).collect();
        let seconds = journal.seconds();
        let drawn = figures.iter().map(|figure| json!({ "name": figure.name, "caption": figure.caption }));
        let value = json!({
            "schema": "imfl.reproduce/1",
            "experiment": format!("sweep {}", self.name),
            "quick": false,
            "dataset": self.base.dataset,
            "model": self.base.training.architecture(),
            "seeds": self.seeds,
            "grid": self.axes.iter().map(|axis| (axis.key.clone(), json!(axis.values))).collect::<serde_json::Map<_, _>>(),
            "machine": machine::kind(),
            "seconds": seconds,
            "settings": learning::value(&groups),
            "notes": [],
            "tables": tables,
            "figures": drawn.collect::<Vec<Value>>(),
        });
        for (path, svg) in figures.iter().flat_map(Figure::files) {
            journal.write(&path, svg)?;
        }
        journal.write("result.json", value.to_string())?;
        let page = journal.file("report.html");
        comparison::write(&page, &[Entry::read(&journal.file("."))?])?;
        Ok(Swept { value, tables, seconds, page })
    }

    /// Accuracy against the values of the axis, if there is one and these are numbers.
    fn over_values(&self, groups: &[Group]) -> Outcome<Vec<Figure>> {
        let [axis] = &self.axes[..] else { return Ok(Vec::new()) };
        let numbers: Option<Vec<f64>> = axis.values.iter().map(|value| value.parse().ok()).collect();
        let Some(numbers) = numbers.filter(|numbers| numbers.len() > 1) else { return Ok(Vec::new()) };
        let mut points: Vec<_> = numbers
            .iter()
            .zip(groups)
            .map(|(value, group)| (*value, group.runs.iter().map(|run| run.accuracy).collect()))
            .collect();
        points.sort_by(|a, b| f64::total_cmp(&a.0, &b.0));
        let (low, high) = (points[0].0, points[points.len() - 1].0);
        let x = if low > 0.0 && high / low > WIDE { chart::Axis::logarithmic } else { chart::Axis::linear };
        let series = Series { name: axis.key.clone(), colour: class_colour(0), style: Style::Line(2), points };
        let chart = Chart {
            name: "accuracy_by_value",
            title: format!("Accuracy by {}", axis.key),
            caption: format!(
                "Accuracy on the test images against `{}`: means over seeds with 95 % intervals.",
                axis.key
            ),
            x: x("value"),
            y: chart::Axis::percent("accuracy"),
            series: vec![series],
        };
        Ok(vec![chart.draw()?])
    }
}

impl Cell {
    /// A failure with the run that it came from.
    fn blame(&self, failure: &Failure) -> Failure {
        if failure.kind() == Kind::Interrupted {
            let problem = "interrupted; runs that were finished are kept, and the same command goes on with the others";
            return Failure::new(Kind::Interrupted, problem);
        }
        Failure::new(failure.kind(), format!("{}, seed {}: {failure}", name(&self.settings), self.seed))
    }
}

fn train(config: RunConfig, host: &Host) -> Outcome<Trained> {
    let lost = || Failure::new(Kind::Unexpected, "a run of the sweep came to nothing");
    let mut finished = imfl_run::run(config, None, host)?.ok_or_else(lost)?;
    imfl_report::write(&mut finished)?;
    let summary = serde_json::to_value(&finished.summary).map_err(|error| Failure::new(Kind::Unexpected, error))?;
    let folder = finished.folder.path().display().to_string();
    Trained::of(&folder, &summary, &finished.training.rounds).ok_or_else(lost)
}

/// What tells a combination from others.
fn name(settings: &BTreeMap<String, String>) -> String {
    match settings.is_empty() {
        true => "as configured".into(),
        false => settings.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(", "),
    }
}

/// What decides the results beside the grid and the seeds, as text: a folder with another text holds other results.
fn identity(base: &RunConfig) -> String {
    let values = RunConfig { seed: None, ..base.clone() }.deciding();
    values.into_iter().map(|(key, value)| format!("{key} = {value}\n")).collect()
}
