//! `imfl devices --tune`.

use crate::options;
use crate::output::{self, Format};
use clap::Args;
use imfl_engine::convolution::{self, Algorithm, Direction, Measured, Shape, Table};
use imfl_engine::data::{ImageShape, Kind as Samples, Vocabulary};
use imfl_engine::device::{Compute, DeviceName};
use imfl_engine::model::{Architecture, ModelError};
use imfl_engine::tuning;
use imfl_run::{Failure, Host, Kind, Outcome, limits};
use serde_json::{Value, json};
use std::path::Path;

/// What every model is called together.
const ALL: &str = "all";

/// What is measured.
#[derive(Args)]
pub struct Tune {
    /// Measure which algorithm a GPU computes each convolution with fastest, and keep it for later runs
    #[arg(long)]
    tune: bool,
    /// The GPU to tune: auto, wgpu, wgpu:N, cuda or cuda:N
    #[arg(long, default_value = "auto", env = "IMFL_DEVICE")]
    device: DeviceName,
    /// Models whose convolutions are measured: all, or some of mlp, simple-cnn, fedavg-cnn, resnet8-gn and text-cnn (a,b,c)
    #[arg(long, value_delimiter = ',', default_value = ALL, requires = "tune")]
    model: Vec<String>,
    /// Channels, height and width of the images (a,b,c)
    #[arg(long, value_delimiter = ',', default_value = "1x28x28,3x32x32", requires = "tune")]
    shape: Vec<ImageShape>,
    /// Clients side by side, as a run has them in a chunk
    #[arg(long, default_value_t = 10, requires = "tune")]
    clients: usize,
    /// Samples in a batch
    #[arg(long, default_value_t = 20, requires = "tune")]
    batch: usize,
}

impl Tune {
    /// Whether anything is to be measured.
    pub fn is_asked(&self) -> bool {
        self.tune
    }

    /// Measures, prints, and writes the file that runs read.
    pub fn run(&self, host: &Host, format: Format) -> Outcome {
        let side = |shape: &ImageShape| shape.channels.max(shape.height).max(shape.width) <= limits::SIDE;
        options::check(&[
            ("--clients", (1..=100_000).contains(&self.clients), "between 1 and 100000"),
            ("--batch", (1..=1_000_000).contains(&self.batch), "between 1 and 1000000"),
            ("--shape", self.shape.iter().all(side), "of sides of at most 4096 pixels and of at most 4096 channels"),
        ])?;
        if self.device == DeviceName::Auto && cfg!(not(any(feature = "wgpu", feature = "cuda"))) {
            let problem = "only GPUs choose how they compute convolutions, and this build has none: build with `--features wgpu` or \
                           `--features cuda`";
            return Err(Failure::new(Kind::Device, problem));
        }
        let compute = Compute::open(self.device, Some(1))?;
        let shapes = self.shapes()?;
        let Some(adapter) = tuning::identity(&compute) else {
            host.progress.note(tuning::TuningError::Processor);
            return self.print(format, &compute, "", None, &[]);
        };
        let path = convolution::path().ok_or_else(|| {
            let problem = "there is no folder for what is measured: set IMFL_CACHE to one";
            Failure::new(Kind::Config, problem)
        })?;
        let bar = host.progress.task("measuring", shapes.len() as u64);
        let mut found: Vec<Measured> = Vec::new();
        for shape in &shapes {
            bar.say(shape);
            let measured = tuning::measure(&compute, shape, self.clients, self.batch);
            found.push(measured.map_err(|error| Failure::new(Kind::Device, error))?);
            bar.advance();
        }
        drop(bar);
        // Read late: meanwhile another device may have been tuned.
        let mut table = convolution::read(&path).unwrap_or_else(|problem| {
            host.progress.warn(format!("{problem}; it is replaced"));
            Table::default()
        });
        found.iter().for_each(|measured| table.insert(&adapter, measured.clone()));
        let file = (!found.is_empty()).then_some(path.as_path());
        if let Some(file) = file {
            convolution::write(file, &table)?;
        }
        self.print(format, &compute, &adapter, file, &found)
    }

    /// The convolutions of all models on all shapes of images, each once.
    fn shapes(&self) -> Outcome<Vec<Shape>> {
        let every = self.model.iter().any(|name| name == ALL);
        let mut models: Vec<Architecture> = Vec::new();
        for name in self.model.iter().filter(|name| *name != ALL) {
            models.push(name.parse::<Architecture>().map_err(|error| Failure::new(Kind::Usage, error))?);
        }
        if every {
            models = Architecture::ALL.into();
        }
        let mut shapes: Vec<Shape> = Vec::new();
        for model in models {
            for shape in self.of(model, every)? {
                if !shapes.contains(&shape) {
                    shapes.push(shape);
                }
            }
        }
        Ok(shapes)
    }

    /// The convolutions of one model.
    fn of(&self, model: Architecture, every: bool) -> Outcome<Vec<Shape>> {
        if !model.fits(&Samples::Images) {
            // Convolutions over words see their vectors, not how many words there are.
            let texts = Samples::Text(Vocabulary::of_counts([("word".to_string(), 1)].into(), 1));
            let shape = ImageShape { channels: 1, height: 1, width: Vocabulary::LENGTH };
            return Ok(tuning::shapes(model.build_for(&texts, shape, 2)?.as_ref(), shape));
        }
        let mut shapes = Vec::new();
        for &shape in &self.shape {
            match model.build(shape, 2) {
                Ok(model) => shapes.extend(tuning::shapes(model.as_ref(), shape)),
                // Of all models those that fit.
                Err(ModelError::TooSmall { .. }) if every => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(shapes)
    }

    fn print(
        &self,
        format: Format,
        compute: &Compute,
        adapter: &str,
        file: Option<&Path>,
        found: &[Measured],
    ) -> Outcome {
        if format == Format::Json {
            let convolutions: Vec<Value> = found.iter().map(described).collect();
            return output::print(&json!({
                "schema": "imfl.tuning/1", "device": compute.name.to_string(), "adapter": (!adapter.is_empty()).then_some(adapter),
                "clients": self.clients, "batch": self.batch, "file": file.map(|file| file.display().to_string()),
                "convolutions": convolutions,
            }));
        }
        match file {
            None if adapter.is_empty() => output::text("nothing was measured: GPUs alone choose\n"),
            None => output::text("nothing was measured: there is no convolution in these models\n"),
            Some(file) => {
                let header = ["convolution", "of", "grouped", "columns", "winograd", "chosen"];
                let rows = found.iter().flat_map(|measured| Direction::ALL.map(|direction| row(measured, direction)));
                let table = output::trimmed(&output::table(&header, 2, rows));
                let size = format!("{} clients, batches of {}, milliseconds", self.clients, self.batch);
                output::text(&format!("{}  {adapter}\n{size}\n{table}\nkept in {}\n", compute.name, file.display()))
            }
        }
    }
}

fn described(measured: &Measured) -> Value {
    let directions: Vec<Value> = Direction::ALL
        .into_iter()
        .map(|direction| {
            json!({
                "of": direction.to_string(), "milliseconds": measured.of(direction), "chosen": measured.fastest(direction),
            })
        })
        .collect();
    json!({"shape": measured.shape, "directions": directions})
}

fn row(measured: &Measured, direction: Direction) -> Vec<String> {
    let times = Algorithm::ALL.map(|algorithm| match measured.of(direction).get(&algorithm) {
        Some(milliseconds) => format!("{milliseconds:.3}"),
        None => "-".into(),
    });
    let shape = if direction == Direction::Forward { measured.shape.to_string() } else { String::new() };
    let chosen = measured.fastest(direction).map_or_else(|| "-".into(), |algorithm| algorithm.to_string());
    [shape, direction.to_string()].into_iter().chain(times).chain([chosen]).collect()
}
