//! `imfl report`: several runs and experiments on one page, with what the runs differ in and what that comes to.

use crate::output::{self, Format};
use clap::Args;
use imfl_report::comparison::{self, Entry};
use imfl_report::learning;
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
                let mut text = String::new();
                for table in comparison::tables(&entries) {
                    let header: Vec<&str> = table.header.iter().map(String::as_str).collect();
                    let rows = output::trimmed(&output::table(&header, 1, table.rows));
                    text += &format!("{}\n{rows}\n\n", table.title);
                }
                output::text(&format!("{text}page          {}\n", self.out.display()))
            }
            Format::Json => {
                let settings = learning::value(&comparison::groups(&entries));
                let entries: Vec<_> =
                    entries.iter().map(|entry| json!({ "folder": entry.folder, "result": entry.value() })).collect();
                output::print(
                    &json!({ "schema": "imfl.report/1", "page": self.out, "settings": settings, "entries": entries }),
                )
            }
        }
    }
}
