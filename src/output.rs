//! The one writer: results to standard output (JSON for programs, tables for people), words for a person to standard error.
//!
//! A reader that has seen enough of standard output ends the program quietly and successfully; any other failure to write a result is
//! an error. Standard error is for whoever listens: a result does not depend on it.

use clap::ValueEnum;
use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};
use imfl_run::{Failure, Kind, Outcome};
use serde::Serialize;
use std::borrow::Cow;
use std::fmt::Display;
use std::io::{ErrorKind, Write};
use std::path::Path;

/// How a command prints its result on standard output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For a person.
    #[default]
    Text,
    /// One JSON object with a `schema` field.
    Json,
}

/// Prints a value as one line of JSON.
pub fn print(value: &impl Serialize) -> Outcome {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let written = serde_json::to_writer(&mut out, value).map_err(std::io::Error::from);
    finish(written.and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush()))
}

/// Prints what a program made for another one, as it is.
pub fn bytes(bytes: &[u8]) -> Outcome {
    let mut out = std::io::stdout().lock();
    finish(out.write_all(bytes).and_then(|()| out.flush()))
}

/// Prints lines for a person.
pub fn text(text: &str) -> Outcome {
    let mut out = std::io::stdout().lock();
    finish(out.write_all(escaped(text).as_bytes()).and_then(|()| out.flush()))
}

/// A line on standard error, if anybody listens.
pub fn note(line: impl Display) {
    let line = format!("{line}\n");
    // In one piece, so that lines of several processes do not mix.
    let _ = std::io::stderr().lock().write_all(escaped(&line).as_bytes());
}

/// What the parser of arguments has to say: help and version on standard output, mistakes on standard error.
pub fn parsed(said: &clap::Error) -> Outcome {
    let printed = said.print();
    if said.use_stderr() { Ok(()) } else { finish(printed) }
}

/// A reader that has seen enough is no failure.
fn finish(written: std::io::Result<()>) -> Outcome {
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::new(Kind::Unexpected, format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// Text in which names from files cannot steer a terminal: control characters but the line's end are spelt out.
pub fn escaped(text: &str) -> Cow<'_, str> {
    let steers = |character: char| character.is_control() && character != '\n';
    if !text.contains(steers) {
        return text.into();
    }
    let spelt = |character: char| match steers(character) {
        true => character.escape_default().to_string(),
        false => character.to_string(),
    };
    text.chars().map(spelt).collect::<String>().into()
}

/// A table whose columns are numbers but for the first `words`.
pub fn table(header: &[&str], words: usize, rows: impl IntoIterator<Item = Vec<String>>) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(header.to_vec());
    table.add_rows(rows);
    for column in table.column_iter_mut().skip(words) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// A table without the blanks at the ends of its lines.
pub fn trimmed(table: &Table) -> String {
    table.to_string().lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

/// Writes a whole file.
pub fn write(path: &Path, content: impl AsRef<[u8]>) -> Outcome {
    std::fs::write(path, content)
        .map_err(|error| Failure::new(Kind::Unexpected, format!("cannot write {}: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_steer_a_terminal() {
        assert_eq!(escaped("client é\nnext"), "client é\nnext");
        assert_eq!(escaped("a\u{1b}[31mb\r\u{9b}c\t"), "a\\u{1b}[31mb\\r\\u{9b}c\\t");
    }
}
