//! `imfl mechanism forecast`.

use super::inputs;
use crate::output::{self, Format};
use clap::{Args, Subcommand};
use imfl_mechanism::objective::{self, Candidate, Deviation, Fit, Law, Pilot, Prediction};
use imfl_run::{Kind, Outcome, Progress};
use serde::Serialize;
use std::path::PathBuf;

/// The subcommands of `imfl mechanism forecast`.
#[derive(Subcommand)]
pub enum Forecast {
    /// Fit a forecast to pilots: trainings whose samples of each class, test loss and test error are known.
    Fit(FitArgs),
    /// Show the laws of a forecast, and how well they did on pilots that they had not seen.
    Show(Show),
}

/// `imfl mechanism forecast fit`.
#[derive(Args)]
pub struct FitArgs {
    /// CSV file: loss,error, authentic samples a0,a1,... and, if any, generated samples g0,g1,..., mix, group
    #[arg(long, value_name = "FILE.csv")]
    pilots: PathBuf,
    /// Test loss of the untrained model [default: ln C, that of a guess]
    #[arg(long, value_name = "NATS")]
    initial_loss: Option<f64>,
    /// Test error of the untrained model [default: 1 - 1/C, that of a guess]
    #[arg(long, value_name = "SHARE")]
    initial_error: Option<f64>,
    /// What the pilots were, to be kept in the file
    #[arg(long, default_value = "", value_name = "TEXT")]
    about: String,
    /// Where the forecast is written
    #[arg(long, value_name = "FILE.toml")]
    out: PathBuf,
    /// How to print the result
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// `imfl mechanism forecast show`.
#[derive(Args)]
pub struct Show {
    /// A forecast
    #[arg(value_name = "FILE.toml")]
    file: PathBuf,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    forecast: &'a objective::Forecast,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    candidates: &'a [Candidate],
}

impl Forecast {
    /// Runs the subcommand.
    pub fn run(self, progress: &Progress) -> Outcome {
        match self {
            Self::Fit(fit) => fit.run(progress),
            Self::Show(show) => show.run(),
        }
    }
}

impl Show {
    /// Prints the forecast.
    pub fn run(self) -> Outcome {
        print(&inputs::forecast(&self.file)?, &[], self.format)
    }
}

impl FitArgs {
    fn run(self, progress: &Progress) -> Outcome {
        let pilots = Pilot::read_csv(inputs::open(&self.pilots, Kind::Data)?, &self.pilots.display().to_string())?;
        let guess = Pilot::guess(&pilots);
        if self.initial_loss.is_none() || self.initial_error.is_none() {
            progress.note(
                "nobody taking part is taken for a guess; --initial-loss and --initial-error say what was measured",
            );
        }
        let nobody = Prediction {
            loss: self.initial_loss.unwrap_or(guess.loss),
            error: self.initial_error.unwrap_or(guess.error),
        };
        let Fit { forecast, candidates } = objective::fit(&pilots, nobody, None, &self.about)?;
        output::write(&self.out, forecast.to_toml())?;
        print(&forecast, &candidates, self.format)
    }
}

/// Prints a forecast and the laws that it was chosen among.
pub fn print(forecast: &objective::Forecast, candidates: &[Candidate], format: Format) -> Outcome {
    match format {
        Format::Json => output::print(&Document { schema: "imfl.forecast/1", forecast, candidates }),
        Format::Text => output::text(&describe(forecast, candidates)),
    }
}

/// The laws with their numbers, how they did on held-out pilots, and what else was tried.
fn describe(forecast: &objective::Forecast, candidates: &[Candidate]) -> String {
    let law = |name: &str, law: &Law| {
        let counted = match law.by {
            objective::By::Class => "mean over classes of ((samples of the class",
            objective::By::Samples => "((samples of a class on average",
        };
        let off = |what: &str, term: Option<Deviation>| {
            term.map_or(String::new(), |of| format!(" + {:.4} {what}^{:.3}", of.scale, of.exponent))
        };
        let steps =
            law.steps.filter(|scale| *scale > 0.0).map_or(String::new(), |scale| format!(" + {scale:.4} / steps"));
        let more = format!("{}{}{steps}", off("mix", law.mix), off("skew", law.skew));
        format!(
            "{name:<6} = {:.4} + {:.4} {counted} + {:.3})/100)^-{:.4}{more}; a generated sample counts as {:.2}",
            law.floor, law.scale, law.offset, law.exponent, law.generated
        )
    };
    let mut lines = vec![
        law("error", &forecast.error),
        law("loss", &forecast.loss),
        format!("nobody = error {:.4}, loss {:.4}", forecast.nobody.error, forecast.nobody.loss),
    ];
    if let Some(fitted) = &forecast.fitted {
        let about = if fitted.about.is_empty() { String::new() } else { format!(": {}", fitted.about) };
        lines.push(format!("\nfitted to {} pilots{about}", fitted.pilots));
        lines.extend(fitted.settings.iter().map(|(name, value)| format!("  {name:<20} {value}")));
        for (name, of, unit) in [("error", fitted.error, "points"), ("loss", fitted.loss, "nats")] {
            let beyond =
                of.beyond.map_or(String::new(), |beyond| format!("; the largest, from the others, by {beyond:.3}"));
            lines.push(format!(
                "held out  {name:<6} off by {:.3} {unit} on average, rank correlation {:.3}, R^2 {:.3} (logarithm){beyond}",
                of.error, of.spearman, of.r2
            ));
        }
    }
    if !candidates.is_empty() {
        let rows = candidates.iter().map(|of| {
            vec![
                of.quantity.to_owned(),
                format!("{}{}", of.law, if of.chosen { " *" } else { "" }),
                format!("{:.4}", of.score),
                format!("{:.3}", of.held_out.error),
                format!("{:.3}", of.held_out.spearman),
                format!("{:.3}", of.held_out.r2),
            ]
        });
        let header = ["predicted", "law", "relative residual", "off by", "rank correlation", "R^2"];
        lines.push(format!("\non held-out pilots (* chosen)\n{}", output::trimmed(&output::table(&header, 2, rows))));
    }
    lines.join("\n") + "\n"
}
