//! Records of a CSV file (RFC 4180), one at a time: a record that never ends does not fill memory.

use crate::data::error::DataError;
use flate2::read::MultiGzDecoder;
use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};

/// No record is longer, in bytes.
const LONGEST: usize = 1 << 20;

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
        let fail = |source| DataError::read(path, source);
        let mut file = File::open(path).map_err(fail)?;
        let mut start = Vec::new();
        file.by_ref().take(2).read_to_end(&mut start).map_err(fail)?;
        let gzipped = start == [0x1f, 0x8b];
        let whole = Cursor::new(start).chain(file);
        let reader: Box<dyn BufRead> = if gzipped {
            Box::new(BufReader::new(MultiGzDecoder::new(whole)))
        } else {
            Box::new(BufReader::new(whole))
        };
        Ok(Self { path: path.into(), reader, line: 0 })
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
        let mut text = Vec::new();
        let mut began = self.line + 1;
        loop {
            let before = text.len();
            let room = (LONGEST - before) as u64 + 1;
            let read = (&mut self.reader).take(room).read_until(b'\n', &mut text);
            if read.map_err(|source| DataError::read(&self.path, source))? == 0 {
                return match text.is_empty() {
                    true => Ok(None),
                    false => Err(self.wrong(began, "a quote that opens in this record is never closed")),
                };
            }
            self.line += 1;
            if text.len() > LONGEST {
                let problem = format!("a record of more than {LONGEST} bytes; is a quote in it never closed?");
                return Err(self.wrong(began, problem));
            }
            let bare = text.strip_prefix(b"\xef\xbb\xbf").filter(|_| began == 1).unwrap_or(&text);
            let Ok(bare) = std::str::from_utf8(bare) else {
                return Err(self.wrong(self.line, "not UTF-8; save the file in that encoding"));
            };
            let bare = bare.trim_end_matches(['\n', '\r']);
            if before == 0 && bare.trim().is_empty() {
                text.clear();
                began = self.line + 1;
                continue;
            }
            match cells(bare) {
                Some(Ok(cells)) => return Ok(Some(Record { line: began, cells })),
                Some(Err(problem)) => return Err(self.wrong(began, problem)),
                // The record goes on in the next line.
                None => {}
            }
        }
    }
}

/// The cells of a record; nothing where a quote is still open at its end.
fn cells(record: &str) -> Option<Result<Vec<String>, String>> {
    let (mut cells, mut rest) = (Vec::new(), record);
    loop {
        let Some(quoted) = rest.strip_prefix('"') else {
            let end = rest.find(',').unwrap_or(rest.len());
            cells.push(rest[..end].to_string());
            match rest.get(end + 1..) {
                Some(after) => rest = after,
                None => return Some(Ok(cells)),
            }
            continue;
        };
        let (mut cell, mut inner) = (String::new(), quoted);
        let after = loop {
            let (part, after) = inner.split_once('"')?;
            cell.push_str(part);
            match after.strip_prefix('"') {
                Some(more) => {
                    cell.push('"');
                    inner = more;
                }
                None => break after,
            }
        };
        cells.push(cell);
        match after.strip_prefix(',') {
            Some(after) => rest = after,
            None if after.is_empty() => return Some(Ok(cells)),
            None => return Some(Err("text behind a closing quote; a quote within quotes is written twice".into())),
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
