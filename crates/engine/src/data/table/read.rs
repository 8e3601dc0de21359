//! From CSV files to the parts of a dataset.

use super::delimited::{Record, Records};
use crate::choice::{Choice, as_text};
use crate::data::columns::{Column, Columns, Content};
use crate::data::dataset::Dataset;
use crate::data::error::DataError;
use crate::data::kind::Kind;
use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Names of the column that holds the labels, the first that is there.
pub const LABELS: [&str; 2] = ["label", "class"];
/// What stands for a value that nobody has.
const NOTHING: [&str; 6] = ["", "NA", "N/A", "NaN", "null", "?"];
/// The most values that a model gets of a row.
const WIDEST: usize = 4096;
/// The most words of a category.
const WORDS: usize = 256;
/// The most classes.
pub const CLASSES: usize = u16::MAX as usize;

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

/// What one pass over all files finds out about a column.
struct Survey {
    name: String,
    /// Words, as long as there are few; nothing where all cells are numbers.
    words: BTreeSet<String>,
    numbers: bool,
}

/// The files of a dataset, their header and what is in their columns.
struct Table {
    label: usize,
    header: Vec<String>,
    missing: Missing,
    classes: Vec<String>,
}

/// Reads files as parts of one dataset. Means, deviations and frequent words are those of `parts[server]`, and of no other; what the columns are
/// and which classes there are is found out from all.
///
/// # Errors
/// [`DataError`] with file and line.
pub fn read(parts: &[PathBuf], server: usize, name: &str, missing: Missing) -> Result<Vec<Dataset>, DataError> {
    let (header, label) = header(&parts[0])?;
    let mut table = Table { label, header, missing, classes: Vec::new() };
    let surveys = table.survey(parts)?;
    let statistics = table.statistics(&parts[server], &surveys)?;
    let columns = Columns::new(statistics.iter().map(|column| column.0.clone()).collect());
    if columns.shape().channels > WIDEST {
        let problem =
            format!("{} values a row once categories are one-hot; at most {WIDEST}", columns.shape().channels);
        return Err(DataError::malformed(&parts[0], problem));
    }
    let fill: Vec<f32> = statistics.iter().map(|column| column.1).collect();
    let kind = Arc::new(Kind::Table(columns));
    parts.iter().map(|path| table.part(path, name, &kind, &fill)).collect()
}

/// Rows for the same columns and classes as those of `like`, in the same order of columns.
///
/// # Errors
/// [`DataError`] with file and line, also for a class or word that `like` does not have.
pub fn read_like(path: &Path, like: &Dataset, missing: Missing) -> Result<Dataset, DataError> {
    let Kind::Table(columns) = like.kind.as_ref() else {
        return Err(DataError::Mismatch(format!("{} has {}, no rows", like.name, like.kind.plural())));
    };
    let (header, label) = header(path)?;
    let table = Table { label, header, missing, classes: like.class_names.clone() };
    if !table.names().eq(columns.list().iter().map(|column| &column.name)) {
        let expected: Vec<&str> = columns.list().iter().map(|column| column.name.as_str()).collect();
        let problem = format!("line 1: beside the label, {} has the columns {}", like.name, expected.join(","));
        return Err(DataError::malformed(path, problem));
    }
    let middle = |column: &Column| if let Content::Number { mean, .. } = column.content { mean } else { 0.0 };
    let fill: Vec<f32> = columns.list().iter().map(middle).collect();
    let name = path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned());
    table.part(path, &name, &like.kind, &fill)
}

/// The names of the columns, and which of them holds the labels.
fn header(path: &Path) -> Result<(Vec<String>, usize), DataError> {
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
    let label = LABELS.iter().find_map(|name| header.iter().position(|cell| cell == name)).ok_or_else(|| {
        let shown: Vec<&str> = header.iter().take(8).map(String::as_str).collect();
        let problem = format!(
            "no column is called `{}` (the first are: {}); rename the one that holds the labels",
            LABELS.join("` or `"),
            shown.join(", ")
        );
        records.wrong(line, problem)
    })?;
    if header.len() < 2 {
        return Err(records.wrong(line, "there is no column beside the label"));
    }
    Ok((header, label))
}

fn is_missing(cell: &str) -> bool {
    NOTHING.contains(&cell)
}

fn number(cell: &str) -> Option<f32> {
    cell.parse::<f32>().ok().filter(|number| number.is_finite())
}

/// Names of classes in the order of the alphabet, brought into that of their numbers where all are some: 2 before 10.
pub fn by_number(mut classes: Vec<String>) -> Vec<String> {
    if classes.iter().all(|class| number(class).is_some()) {
        classes.sort_by(|a, b| number(a).unwrap_or(0.0).total_cmp(&number(b).unwrap_or(0.0)));
    }
    classes
}

impl Table {
    /// Calls `each` with the line, class and other cells of every row.
    fn rows(
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
            let class = cells[self.label].trim();
            if is_missing(class) {
                return Err(records.wrong(line, format!("column `{}`: the label is missing", self.header[self.label])));
            }
            let others = cells.iter().enumerate().filter(|(at, _)| *at != self.label);
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
    fn names(&self) -> impl Iterator<Item = &String> {
        self.header.iter().enumerate().filter(|(at, _)| *at != self.label).map(|(_, name)| name)
    }

    /// Finds out which columns hold numbers, the words of the others, and the classes.
    fn survey(&mut self, parts: &[PathBuf]) -> Result<Vec<Survey>, DataError> {
        let start = |name: &String| Survey { name: name.clone(), words: BTreeSet::new(), numbers: true };
        let mut surveys: Vec<Survey> = self.names().map(start).collect();
        let mut classes = BTreeSet::new();
        for path in parts {
            self.rows(path, |records, line, class, cells| {
                if !classes.contains(class) {
                    classes.insert(class.to_string());
                }
                if classes.len() > CLASSES {
                    return Err(records.wrong(line, format!("more than {CLASSES} classes")));
                }
                for (survey, cell) in surveys.iter_mut().zip(cells).filter(|(_, cell)| !is_missing(cell)) {
                    survey.numbers &= number(cell).is_some();
                    if survey.words.len() <= WORDS && !survey.words.contains(*cell) {
                        survey.words.insert((*cell).into());
                    }
                }
                Ok(())
            })?;
        }
        for survey in &surveys {
            if !survey.numbers && survey.words.len() > WORDS {
                let problem = format!(
                    "column `{}` holds more than {WORDS} different words; take it out, or write numbers in it",
                    survey.name
                );
                return Err(DataError::malformed(&parts[0], problem));
            }
        }
        self.classes = by_number(classes.into_iter().collect());
        Ok(surveys)
    }

    /// Each column with the value that stands in for a missing one, from the server's rows alone.
    fn statistics(&self, path: &Path, surveys: &[Survey]) -> Result<Vec<(Column, f32)>, DataError> {
        let words: Vec<Vec<&String>> = surveys.iter().map(|survey| survey.words.iter().collect()).collect();
        let mut counts: Vec<Vec<u64>> = words.iter().map(|words| vec![0; words.len()]).collect();
        // Count, mean and sum of squares around it, by Welford's method.
        let mut moments = vec![(0u64, 0f64, 0f64); surveys.len()];
        let mut ranges = vec![([f32::INFINITY, f32::NEG_INFINITY], true); surveys.len()];
        self.rows(path, |_, _, _, cells| {
            for (at, cell) in cells.iter().enumerate().filter(|(_, cell)| !is_missing(cell)) {
                if !surveys[at].numbers {
                    if let Ok(place) = words[at].binary_search_by(|word| word.as_str().cmp(cell)) {
                        counts[at][place] += 1;
                    }
                } else if let Some(found) = number(cell) {
                    let (count, mean, squares) = &mut moments[at];
                    *count += 1;
                    let off = f64::from(found) - *mean;
                    *mean += off / *count as f64;
                    *squares += off * (f64::from(found) - *mean);
                    let ([least, most], whole) = &mut ranges[at];
                    (*least, *most, *whole) = (least.min(found), most.max(found), *whole && found.fract() == 0.0);
                }
            }
            Ok(())
        })?;
        let column = |(at, survey): (usize, &Survey)| {
            let wrong = |problem: &str| {
                let problem = format!("column `{}` {problem}: no model learns from it; take it out", survey.name);
                Err(DataError::malformed(path, problem))
            };
            let (content, fill) = if survey.numbers {
                let (count, mean, squares) = moments[at];
                let deviation = (squares / count.max(1) as f64).sqrt() as f32;
                if count == 0 {
                    return wrong("has no value at all");
                }
                if deviation.is_nan() || deviation <= f32::MIN_POSITIVE || !deviation.is_finite() {
                    return wrong("holds the same number in every row, or numbers too far apart");
                }
                let (range, whole) = ranges[at];
                (Content::Number { mean: mean as f32, deviation, range, whole }, mean as f32)
            } else {
                if survey.words.len() < 2 {
                    return wrong("holds the same word in every row");
                }
                let most = counts[at].iter().enumerate().max_by_key(|(place, count)| (**count, usize::MAX - place));
                (Content::Category(survey.words.iter().cloned().collect()), most.map_or(0, |most| most.0) as f32)
            };
            Ok((Column { name: survey.name.clone(), content }, fill))
        };
        surveys.iter().enumerate().map(column).collect()
    }

    /// The rows of one file.
    fn part(&self, path: &Path, name: &str, kind: &Arc<Kind>, fill: &[f32]) -> Result<Dataset, DataError> {
        let Kind::Table(columns) = kind.as_ref() else { unreachable!("only called with a table") };
        let places: HashMap<&str, u16> = self.classes.iter().map(String::as_str).zip(0..).collect();
        let (mut bytes, mut labels) = (Vec::new(), Vec::new());
        self.rows(path, |records, line, class, cells| {
            let Some(&label) = places.get(class) else {
                return Err(records.wrong(line, format!("there is no class `{class}`")));
            };
            labels.push(label);
            for ((cell, column), &fill) in cells.iter().zip(columns.list()).zip(fill) {
                let known = match &column.content {
                    _ if is_missing(cell) => Some(fill),
                    Content::Number { .. } => number(cell),
                    Content::Category(words) => words.iter().position(|word| word == cell).map(|place| place as f32),
                };
                let Some(known) = known else {
                    let expected = match &column.content {
                        Content::Number { .. } => "a number".into(),
                        Content::Category(words) => words.iter().take(8).cloned().collect::<Vec<_>>().join(", "),
                    };
                    return Err(records.wrong(line, format!("column `{}`: `{cell}`, expected {expected}", column.name)));
                };
                bytes.extend(known.to_le_bytes());
            }
            Ok(())
        })?;
        Dataset::of_kind(kind.clone(), name, columns.shape(), self.classes.clone(), bytes, labels)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Samples;

    fn parts(files: &[&str], server: usize, missing: Missing) -> Result<Vec<Dataset>, String> {
        let folder = tempfile::tempdir().unwrap();
        let paths: Vec<PathBuf> = (0..files.len()).map(|at| folder.path().join(format!("{at}.csv"))).collect();
        paths.iter().zip(files).for_each(|(path, text)| std::fs::write(path, text).unwrap());
        read(&paths, server, "t", missing).map_err(|error| error.to_string())
    }

    fn values(data: &Dataset, index: usize) -> Vec<f32> {
        let mut values = Vec::new();
        data.extend(&mut values, index, &(&data.normalisation()).into());
        values
    }

    const GOOD: &str = "size,label,colour\n1,10,red\n3,2,blue\n5,10,blue\n";

    #[test]
    fn numbers_are_standardised_by_the_servers_rows_and_categories_are_one_hot() {
        let found = parts(&[GOOD, "size,label,colour\n9,2,green\n11,10,red\n"], 0, Missing::Error).unwrap();
        let [train, test] = &found[..] else { panic!("two parts") };
        assert_eq!((train.class_names.clone(), train.labels()), (vec!["2".to_string(), "10".into()], &[1, 0, 1][..]));
        assert_eq!(train.shape.to_string(), "4x1x1");
        assert_eq!(Samples::bytes(train), None, "a device must not take rows for pixels");
        let deviation = (8f32 / 3.0).sqrt();
        assert_eq!(values(train, 0), [-2.0 / deviation, 0.0, 0.0, 1.0]);
        assert_eq!(values(test, 0), [6.0 / deviation, 0.0, 1.0, 0.0], "by the statistics of the first file");
        let by_second = parts(&[GOOD, "size,label,colour\n9,2,green\n11,10,red\n"], 1, Missing::Error).unwrap();
        assert_eq!(values(&by_second[0], 0), [-9.0, 0.0, 0.0, 1.0]);
    }

    #[test]
    fn missing_values_are_named_or_filled() {
        let holes = "size,label,colour\n1,a,red\n,b,blue\n5,a,?\n3,b,blue\n";
        let error = parts(&[holes], 0, Missing::Error).unwrap_err();
        assert!(error.contains("line 3: column `size` has no value") && error.contains("--missing mean"), "{error}");
        let filled = parts(&[holes], 0, Missing::Mean).unwrap();
        assert_eq!(values(&filled[0], 1)[0], 0.0);
        assert_eq!(values(&filled[0], 2)[1..], [1.0, 0.0], "the most frequent word");
    }

    #[test]
    fn rows_of_others_fit_the_columns_or_are_refused() {
        let like = &parts(&[GOOD], 0, Missing::Error).unwrap()[0];
        let folder = tempfile::tempdir().unwrap();
        let read = |text: &str| {
            let path = folder.path().join("drawn.csv");
            std::fs::write(&path, text).unwrap();
            read_like(&path, like, Missing::Error).map_err(|error| error.to_string())
        };
        let drawn = read("label,size,colour\n10,5,blue\n").unwrap();
        assert_eq!((drawn.kind.as_ref(), drawn.label(0)), (like.kind.as_ref(), 1));
        assert_eq!(drawn.image(0), like.image(2));
        assert!(read("label,colour,size\n10,blue,5\n").unwrap_err().contains("has the columns size,colour"));
        assert!(read("label,size,colour\n7,5,blue\n").unwrap_err().contains("line 2: there is no class `7`"));
        assert!(read("label,size,colour\n2,x,blue\n").unwrap_err().contains("column `size`: `x`, expected a number"));
        assert!(read("label,size,colour\n2,1,pink\n").unwrap_err().contains("`pink`, expected blue, red"));
    }

    #[test]
    fn each_fault_is_named_with_its_line() {
        let problem = |text: &str| parts(&[text], 0, Missing::Error).unwrap_err();
        for (text, expected) in [
            ("", "the file is empty"),
            ("a,label\n", "no row behind"),
            ("a,b\n1,2\n", "line 1: no column is called `label` or `class` (the first are: a, b)"),
            ("label\nx\n", "no column beside the label"),
            ("a,a,label\n1,2,x\n", "two columns are called `a`"),
            ("a,label\n1,x\n2\n", "line 3: 1 cells, but the first line names 2"),
            ("a,label\n1,x\n2,\n", "line 3: column `label`: the label is missing"),
            ("a,label\n1,x\n1,y\n", "column `a` holds the same number"),
            ("a,label\nu,x\nu,y\n", "column `a` holds the same word"),
        ] {
            assert!(problem(text).contains(expected), "{text:?}: {}", problem(text));
        }
        let wide = format!("label{}\n", ",a".repeat(1_000_000 / 2));
        assert!(
            problem(&wide).contains("more than") || problem(&wide).contains("columns; at most"),
            "{}",
            problem(&wide)
        );
        let names: String = (0..300).map(|word| format!("w{word},x\n")).collect();
        assert!(problem(&format!("a,label\n{names}")).contains("more than 256 different words"));
        let other = parts(&[GOOD, "size,colour,label\n1,red,2\n"], 0, Missing::Error).unwrap_err();
        assert!(other.contains("1.csv: line 1: expected the columns size,label,colour"), "{other}");
    }
}
