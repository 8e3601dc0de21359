//! Records of a CSV file (RFC 4180), one at a time: a record that never ends does not fill memory.

use crate::data::error::DataError;
use flate2::read::MultiGzDecoder;
use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};

/// No record is longer, in bytes.
pub const LONGEST: usize = 1 << 20;

/// The records of a file, plain or gzipped.
pub struct Records {
    path: PathBuf,
    reader: Box<dyn BufRead>,
    /// Lines that were read.
    line: usize,
}

/// One record.
#[derive(Debug)]
pub struct Record {
    /// The line that it begins on; the first is 1.
    pub line: usize,
    /// Its cells, without their quotes.
    pub cells: Vec<String>,
}

impl Records {
    /// Opens a file.
    ///
    /// # Errors
    /// [`DataError::Read`].
    pub fn open(path: &Path) -> Result<Self, DataError> {
        Ok(Self { path: path.into(), reader: reader(path)?, line: 0 })
    }

    /// What is wrong on a line of this file.
    pub fn wrong(&self, line: usize, problem: impl std::fmt::Display) -> DataError {
        DataError::malformed(&self.path, format!("line {line}: {problem}"))
    }

    /// The next record; empty lines are none.
    ///
    /// # Errors
    /// [`DataError`] with the line: what is no UTF-8, a quote that is never closed, a record that is too long, a broken gzip stream.
    pub fn next(&mut self) -> Result<Option<Record>, DataError> {
        let mut open: Option<Open> = None;
        let (mut began, mut size) = (self.line + 1, 0);
        loop {
            let mut text = Vec::new();
            let read = (&mut self.reader).take((LONGEST - size) as u64 + 1).read_until(b'\n', &mut text);
            if read.map_err(|source| DataError::read(&self.path, source))? == 0 {
                return match open {
                    None => Ok(None),
                    Some(_) => Err(self.wrong(began, "a quote that opens in this record is never closed")),
                };
            }
            self.line += 1;
            size += text.len();
            if size > LONGEST {
                let problem = format!("a record of more than {LONGEST} bytes; is a quote in it never closed?");
                return Err(self.wrong(began, problem));
            }
            let bare = text.strip_prefix(b"\xef\xbb\xbf").filter(|_| self.line == 1).unwrap_or(&text);
            let Ok(line) = std::str::from_utf8(bare) else {
                return Err(self.wrong(self.line, "not UTF-8; save the file in that encoding"));
            };
            let bare = line.trim_end_matches(['\n', '\r']);
            if open.is_none() && bare.trim().is_empty() {
                (began, size) = (self.line + 1, 0);
                continue;
            }
            match cells(open.take(), bare) {
                Ok(Cells::Whole(cells)) => return Ok(Some(Record { line: began, cells })),
                Ok(Cells::Open(mut within)) => {
                    // The record goes on in the next line, and its cell holds the end of this one.
                    within.cell.push_str(&line[bare.len()..]);
                    open = Some(within);
                }
                Err(problem) => return Err(self.wrong(began, problem)),
            }
        }
    }
}

/// The text of a file, plain or gzipped.
///
/// # Errors
/// [`DataError::Read`].
pub fn reader(path: &Path) -> Result<Box<dyn BufRead>, DataError> {
    let fail = |source| DataError::read(path, source);
    let mut file = File::open(path).map_err(fail)?;
    let mut start = Vec::new();
    file.by_ref().take(2).read_to_end(&mut start).map_err(fail)?;
    let gzipped = start == [0x1f, 0x8b];
    let whole = Cursor::new(start).chain(file);
    Ok(match gzipped {
        true => Box::new(BufReader::new(MultiGzDecoder::new(whole))),
        false => Box::new(BufReader::new(whole)),
    })
}

/// A record whose last cell has a quote that is still open: the cells before it, and what is in it so far.
struct Open {
    cells: Vec<String>,
    cell: String,
}

/// What the lines of a record came to.
enum Cells {
    Whole(Vec<String>),
    Open(Open),
}

/// Reads on in a record from where its last line left it.
fn cells(open: Option<Open>, line: &str) -> Result<Cells, String> {
    let (mut cells, mut within, mut rest) = match open {
        Some(Open { cells, cell }) => (cells, Some(cell), line),
        None => (Vec::new(), None, line),
    };
    loop {
        let Some(mut cell) = within.take() else {
            if let Some(quoted) = rest.strip_prefix('"') {
                (within, rest) = (Some(String::new()), quoted);
                continue;
            }
            let end = rest.find(',').unwrap_or(rest.len());
            cells.push(rest[..end].to_string());
            match rest.get(end + 1..) {
                Some(after) => rest = after,
                None => return Ok(Cells::Whole(cells)),
            }
            continue;
        };
        let Some((part, after)) = rest.split_once('"') else {
            cell.push_str(rest);
            return Ok(Cells::Open(Open { cells, cell }));
        };
        cell.push_str(part);
        if let Some(more) = after.strip_prefix('"') {
            cell.push('"');
            (within, rest) = (Some(cell), more);
            continue;
        }
        cells.push(cell);
        match after.strip_prefix(',') {
            Some(after) => rest = after,
            None if after.is_empty() => return Ok(Cells::Whole(cells)),
            None => return Err("text behind a closing quote; a quote within quotes is written twice".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &[u8]) -> Result<Vec<(usize, Vec<String>)>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        std::fs::write(&path, bytes).unwrap();
        let mut records = Records::open(&path).unwrap();
        let mut found = Vec::new();
        while let Some(record) = records.next().map_err(|error| error.to_string())? {
            found.push((record.line, record.cells));
        }
        Ok(found)
    }

    #[test]
    fn quotes_hold_commas_quotes_and_lines() {
        let found = all(b"\xef\xbb\xbfa,b\r\n\n\"x, \"\"y\"\"\nz\",\n1,\"\"\n").unwrap();
        let expected = [(1, vec!["a", "b"]), (3, vec!["x, \"y\"\nz", ""]), (5, vec!["1", ""])]
            .map(|(line, cells)| (line, cells.into_iter().map(String::from).collect::<Vec<_>>()));
        assert_eq!(found, expected);
        let long = all(b"a,\"b\r\n\r\n\"\"c\",d\n").unwrap();
        assert_eq!(
            long,
            [(1, ["a", "b\r\n\r\n\"c", "d"].map(String::from).to_vec())],
            "ends of lines stay within quotes"
        );
    }

    #[test]
    fn faults_name_their_line() {
        assert!(all(b"a\n\"b\nc\n").unwrap_err().contains("line 2: a quote that opens"));
        assert!(all(b"a\n\"b\"c\n").unwrap_err().contains("line 2: text behind"));
        assert!(all(b"a\nb\xff\n").unwrap_err().contains("line 2: not UTF-8"));
        let endless = [b"a\n\"".to_vec(), vec![b'x'; LONGEST + 5]].concat();
        assert!(all(&endless).unwrap_err().contains("line 2: a record of more than"));
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut gzip, b"a,b\n1,2\n").unwrap();
        let whole = gzip.finish().unwrap();
        assert_eq!(all(&whole).unwrap().len(), 2);
        assert!(all(&whole[..whole.len() - 9]).is_err());
    }
}
