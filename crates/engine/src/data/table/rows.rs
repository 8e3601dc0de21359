//! The rows of a CSV file under one header: which column holds the labels, and what a missing value is.

use super::delimited::{Record, Records};
use crate::choice::{Choice, as_text};
use crate::data::error::DataError;
use std::fmt;
use std::path::Path;

/// Names of the column that holds the labels, the first that is there; in any case of letters.
pub const LABELS: [&str; 3] = ["label", "class", "target"];
/// What stands for a value that nobody has.
const NOTHING: [&str; 6] = ["", "NA", "N/A", "NaN", "null", "?"];
/// The most columns beside the labels, and the most values that a model gets of a row.
pub const WIDEST: usize = 4096;

/// What is done where a cell is empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Missing {
    /// The row and column are named, and nothing is read.
    #[default]
    Error,
    /// A number becomes the mean of the server's rows, a category their most frequent word.
    Mean,
}

impl Choice for Missing {
    const THING: &'static str = "way with missing values";

    fn forms() -> Vec<&'static str> {
        vec!["error", "mean"]
    }

    fn named(text: &str) -> Option<Self> {
        match text {
            "error" => Some(Self::Error),
            "mean" => Some(Self::Mean),
            _ => None,
        }
    }
}

as_text!([] Missing);

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.pad(if *self == Self::Mean { "mean" } else { "error" })
    }
}

/// The files of a dataset, their header and what is in their columns.
pub struct Table {
    pub header: Vec<String>,
    /// The column that holds the labels; none where every row is of one class.
    pub label: Option<usize>,
    pub missing: Missing,
    pub classes: Vec<String>,
}

/// The names of the columns.
pub fn header(path: &Path) -> Result<Vec<String>, DataError> {
    let mut records = Records::open(path)?;
    let Some(Record { line, cells }) = records.next()? else {
        return Err(DataError::malformed(path, "the file is empty; its first line names the columns"));
    };
    if cells.len() > WIDEST + 1 {
        let problem = format!("{} columns; at most {WIDEST} beside the label are read", cells.len());
        return Err(records.wrong(line, problem));
    }
    let header: Vec<String> = cells.iter().map(|cell| cell.trim().to_string()).collect();
    if let Some(twice) = (1..header.len()).find(|&at| header[..at].contains(&header[at])) {
        return Err(records.wrong(line, format!("two columns are called `{}`", header[twice])));
    }
    Ok(header)
}

/// The place of the column that holds the labels.
pub fn label(path: &Path, header: &[String]) -> Result<usize, DataError> {
    let wrong = |problem: String| Err(DataError::malformed(path, format!("line 1: {problem}")));
    let called =
        |name: &&str| -> Vec<usize> { (0..header.len()).filter(|at| header[*at].eq_ignore_ascii_case(name)).collect() };
    match LABELS.iter().map(called).find(|places| !places.is_empty()).as_deref() {
        Some(&[_]) if header.len() < 2 => wrong("there is no column beside the label".into()),
        Some(&[label]) => Ok(label),
        Some(&[first, second, ..]) => wrong(format!(
            "the columns `{}` and `{}` may both hold the labels; rename the one that does not",
            header[first], header[second]
        )),
        _ => {
            let shown: Vec<&str> = header.iter().take(8).map(String::as_str).collect();
            wrong(format!(
                "no column is called `{}` (the first are: {}); rename the one that holds the labels",
                LABELS.join("` or `"),
                shown.join(", ")
            ))
        }
    }
}

/// What is wrong with a label that is none of these classes.
pub fn no_class(label: &str, classes: &[String]) -> String {
    let shown: Vec<&str> = classes.iter().take(8).map(String::as_str).collect();
    format!("there is no class `{label}`; expected {}", shown.join(", "))
}

/// Whether a cell stands for no value.
pub fn is_missing(cell: &str) -> bool {
    NOTHING.contains(&cell)
}

/// The finite number that a cell holds.
pub fn number(cell: &str) -> Option<f32> {
    cell.parse::<f32>().ok().filter(|number| number.is_finite())
}

impl Table {
    /// Calls `each` with the line, class and other cells of every row.
    pub fn rows(
        &self,
        path: &Path,
        mut each: impl FnMut(&Records, usize, &str, &[&str]) -> Result<(), DataError>,
    ) -> Result<usize, DataError> {
        let mut records = Records::open(path)?;
        let first = records.next()?;
        let same = first.is_some_and(|first| first.cells.iter().map(|cell| cell.trim()).eq(self.header.iter()));
        if !same {
            let problem = format!("line 1: expected the columns {}", self.header.join(","));
            return Err(DataError::malformed(path, problem));
        }
        let mut count = 0;
        while let Some(Record { line, cells }) = records.next()? {
            if cells.len() != self.header.len() {
                let problem = format!("{} cells, but the first line names {}", cells.len(), self.header.len());
                return Err(records.wrong(line, problem));
            }
            let class = match self.label {
                Some(label) if is_missing(cells[label].trim()) => {
                    return Err(records.wrong(line, format!("column `{}`: the label is missing", self.header[label])));
                }
                Some(label) => cells[label].trim(),
                // A table without labels is read for one class.
                None => &self.classes[0],
            };
            let others = cells.iter().enumerate().filter(|(at, _)| Some(*at) != self.label);
            let others: Vec<&str> = others.map(|(_, cell)| cell.trim()).collect();
            for (cell, name) in others.iter().zip(self.names()) {
                if self.missing == Missing::Error && is_missing(cell) {
                    let problem = format!(
                        "column `{name}` has no value; fill it in, take the row out, or say `--missing mean` to take the column's mean"
                    );
                    return Err(records.wrong(line, problem));
                }
            }
            each(&records, line, class, &others)?;
            count += 1;
        }
        match count {
            0 => Err(DataError::malformed(path, "there is no row behind the first line, which names the columns")),
            count => Ok(count),
        }
    }

    /// Names of all columns but that of the labels.
    pub fn names(&self) -> impl Iterator<Item = &String> {
        self.header.iter().enumerate().filter(|(at, _)| Some(*at) != self.label).map(|(_, name)| name)
    }
}
