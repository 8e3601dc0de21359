//! `imfl report`: several runs and experiments on one page.

use crate::output::{self, Format};
use clap::Args;
use imfl_report::comparison::{self, Entry};
use imfl_run::Outcome;
use serde_json::json;
use std::path::PathBuf;

/// Join runs and experiments into one page that compares them.
#[derive(Args)]
pub struct Report {
    /// Folders of runs (runs/NNNN-name) and of experiments (experiments/NAME)
    #[arg(required = true, value_name = "RUN")]
    folders: Vec<PathBuf>,
    /// The page
    #[arg(long, default_value = "comparison.html", value_name = "FILE")]
    out: PathBuf,
    /// How to print the comparison
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Report {
    /// Reads all folders, writes the page, prints the table of runs.
    pub fn run(self) -> Outcome {
        let entries = self.folders.iter().map(|folder| Entry::read(folder)).collect::<Outcome<Vec<Entry>>>()?;
        comparison::write(&self.out, &entries)?;
        match self.format {
            Format::Text => {
                let runs = comparison::runs(&entries);
                let header: Vec<&str> = runs.header.iter().map(String::as_str).collect();
                let shown = match runs.rows.is_empty() {
                    true => String::new(),
                    false => output::trimmed(&output::table(&header, 1, runs.rows)) + "\n",
                };
                output::text(&format!("{shown}page          {}\n", self.out.display()))
            }
            Format::Json => {
                let entries: Vec<_> =
                    entries.iter().map(|entry| json!({ "folder": entry.folder, "result": entry.value() })).collect();
                output::print(&json!({ "schema": "imfl.report/1", "page": self.out, "entries": entries }))
            }
        }
    }
}
