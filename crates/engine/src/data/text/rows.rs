//! Labelled texts of a file, one at a time: a file is never in memory as a whole.

use crate::data::error::DataError;
use crate::data::table::{LABELS, LONGEST, Record, Records, reader};
use serde::Deserialize;
use std::io::{BufRead, Read};
use std::path::{Path, PathBuf};

/// Name of the column that holds the texts.
const TEXT: &str = "text";

/// One row: the line that it begins on, its label and its text.
pub struct Row {
    pub line: usize,
    pub label: String,
    pub text: String,
}

/// The rows of a file of texts.
pub struct Rows {
    path: PathBuf,
    form: Form,
    /// The label of rows that have none.
    class: Option<String>,
}

enum Form {
    /// Records, and where the cells of a row stand.
    Csv(Records, Places),
    /// A reader, and how many lines it has read.
    Json(Box<dyn BufRead>, usize),
}

/// Where label, if there is one, and text stand among the cells of a row.
struct Places {
    label: Option<usize>,
    text: usize,
}

/// A line of JSON. Other keys are not looked at.
#[derive(Deserialize)]
struct Line {
    #[serde(alias = "class", alias = "target")]
    label: Option<Label>,
    text: String,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "`label` is a text or a whole number")]
enum Label {
    Text(String),
    Number(i64),
}

/// Whether a file's name says that it holds JSON lines.
pub fn is_json_lines(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    name.ends_with(".jsonl") || name.ends_with(".jsonl.gz")
}

/// Whether a file holds texts and no table: JSON lines do, and a CSV file whose columns are a label and `text` and no other.
pub fn is_text(path: &Path) -> Result<bool, DataError> {
    if is_json_lines(path) {
        return Ok(true);
    }
    Ok(Records::open(path)?.next()?.is_some_and(|first| Places::of(&first.cells).is_some_and(|at| at.label.is_some())))
}

impl Places {
    /// By a first line.
    fn of(header: &[String]) -> Option<Self> {
        let is_text = |name: &str| name.trim().eq_ignore_ascii_case(TEXT);
        let is_label = |name: &str| LABELS.iter().any(|label| name.trim().eq_ignore_ascii_case(label));
        match header {
            [one] if is_text(one) => Some(Self { label: None, text: 0 }),
            [first, second] if is_label(first) && is_text(second) => Some(Self { label: Some(0), text: 1 }),
            [first, second] if is_text(first) && is_label(second) => Some(Self { label: Some(1), text: 0 }),
            _ => None,
        }
    }
}

impl Rows {
    /// Opens a file; in one whose rows are all of a `class` they need no label.
    ///
    /// # Errors
    /// [`DataError`] if it cannot be read or its first line names other columns.
    pub fn open(path: &Path, class: Option<&str>) -> Result<Self, DataError> {
        let class = class.map(String::from);
        if is_json_lines(path) {
            return Ok(Self { path: path.into(), form: Form::Json(reader(path)?, 0), class });
        }
        let mut records = Records::open(path)?;
        let header = records.next()?;
        let places = header.as_ref().and_then(|header| Places::of(&header.cells));
        let Some(places) = places.filter(|places| places.label.is_some() || class.is_some()) else {
            let names = header.map_or("nothing".into(), |header| header.cells.join(","));
            let problem = format!("line 1: {names}; a file of texts begins with label,text");
            return Err(DataError::malformed(path, problem));
        };
        Ok(Self { path: path.into(), form: Form::Csv(records, places), class })
    }

    /// What is wrong on a line of this file.
    pub fn wrong(&self, line: usize, problem: impl std::fmt::Display) -> DataError {
        DataError::malformed(&self.path, format!("line {line}: {problem}"))
    }

    /// The next row.
    ///
    /// # Errors
    /// [`DataError`] with the line: what the format does not allow, or a label that is missing.
    pub fn next(&mut self) -> Result<Option<Row>, DataError> {
        let row = match &mut self.form {
            Form::Csv(records, places) => {
                let Some(Record { line, mut cells }) = records.next()? else { return Ok(None) };
                let named = if places.label.is_some() { 2 } else { 1 };
                if cells.len() != named {
                    let found = cells.len();
                    let problem = format!(
                        "{found} cells, but the first line names {named}; a text with a comma stands in quotes"
                    );
                    return Err(records.wrong(line, problem));
                }
                let label = places.label.map(|place| std::mem::take(&mut cells[place]));
                (line, label, std::mem::take(&mut cells[places.text]))
            }
            Form::Json(reader, line) => match json_line(&self.path, reader, line)? {
                Some(row) => row,
                None => return Ok(None),
            },
        };
        let (line, label, text) = row;
        match label.as_deref().or(self.class.as_deref()).map(str::trim) {
            Some(label) if !label.is_empty() => Ok(Some(Row { line, label: label.into(), text })),
            _ => Err(self.wrong(line, "the label is missing")),
        }
    }
}

/// Line, label and text of the next line of JSON that is not empty.
fn json_line(
    path: &Path,
    reader: &mut dyn BufRead,
    line: &mut usize,
) -> Result<Option<(usize, Option<String>, String)>, DataError> {
    loop {
        let mut bytes = Vec::new();
        let read = reader.take(LONGEST as u64 + 1).read_until(b'\n', &mut bytes);
        if read.map_err(|source| DataError::read(path, source))? == 0 {
            return Ok(None);
        }
        *line += 1;
        let wrong = |problem: String| DataError::malformed(path, format!("line {line}: {problem}"));
        if bytes.len() > LONGEST {
            return Err(wrong(format!("a line of more than {LONGEST} bytes")));
        }
        let bare = bytes.strip_prefix(b"\xef\xbb\xbf").filter(|_| *line == 1).unwrap_or(&bytes);
        let text = std::str::from_utf8(bare).map_err(|_| wrong("not UTF-8; save the file in that encoding".into()))?;
        if text.trim().is_empty() {
            continue;
        }
        let Line { label, text } = serde_json::from_str(text).map_err(|error| {
            let said = error.to_string();
            // Each line is read alone, so that its number there is always 1.
            let said = said.split(" at line ").next().unwrap_or(&said).to_string();
            let column = error.column();
            wrong(format!("column {column}: {said}; expected {{\"label\": \"...\", \"text\": \"...\"}}"))
        })?;
        let label = label.map(|label| match label {
            Label::Text(label) => label,
            Label::Number(number) => number.to_string(),
        });
        return Ok(Some((*line, label, text)));
    }
}
