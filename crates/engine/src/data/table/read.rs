//! From CSV files to the parts of a dataset.

use super::rows::{Missing, Table, WIDEST, header, is_missing, label, no_class, number};
use super::survey::first_largest;
use crate::data::columns::{Column, Columns, Content};
use crate::data::dataset::Dataset;
use crate::data::error::DataError;
use crate::data::kind::Kind;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Reads files as parts of one dataset. Means, deviations and frequent words are those of `parts[server]`, and of no other; what the columns are
/// and which classes there are is found out from all.
///
/// # Errors
/// [`DataError`] with file and line.
pub fn read(parts: &[PathBuf], server: usize, name: &str, missing: Missing) -> Result<Vec<Dataset>, DataError> {
    let header = header(&parts[0])?;
    let label = Some(label(&parts[0], &header)?);
    let mut table = Table { header, label, missing, classes: Vec::new() };
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

/// Rows for the same columns and classes as those of `like`, in the same order of columns; or rows of a single `class`, where the column of labels may be
/// missing.
///
/// # Errors
/// [`DataError`] with file and line, also for a class or word that `like` does not have.
pub fn read_like(path: &Path, like: &Dataset, class: Option<&str>, missing: Missing) -> Result<Dataset, DataError> {
    let Kind::Table(columns) = like.kind.as_ref() else {
        return Err(DataError::Mismatch(format!("{} has {}, no rows", like.name, like.kind.plural())));
    };
    let header = header(path)?;
    let label = match class {
        None => Some(label(path, &header)?),
        Some(_) if header == columns.names() => None,
        Some(_) => label(path, &header).ok(),
    };
    let classes = class.map_or_else(|| like.class_names.clone(), |class| vec![class.into()]);
    let table = Table { header, label, missing, classes };
    if !table.names().eq(columns.names()) {
        let expected = columns.names().join(",");
        let problem = format!("line 1: beside the label, {} has the columns {expected}", like.name);
        return Err(DataError::malformed(path, problem));
    }
    let middle = |(at, column): (usize, &Column)| match &column.content {
        Content::Number { mean, .. } => *mean,
        Content::Category(words) if missing == Missing::Mean => most_frequent(like, at, words.len()),
        Content::Category(_) => 0.0,
    };
    let fill: Vec<f32> = columns.list().iter().enumerate().map(middle).collect();
    let name = path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned());
    table.part(path, &name, &like.kind, &fill)
}

/// The place of the word that most rows have in a column of categories, the first of equally frequent ones.
fn most_frequent(rows: &Dataset, column: usize, words: usize) -> f32 {
    let mut counts = vec![0u64; words];
    for place in (0..rows.len()).filter_map(|index| Columns::numbers(rows.image(index)).nth(column)) {
        counts[place as usize] += 1;
    }
    first_largest(&counts) as f32
}

impl Table {
    /// The rows of one file.
    fn part(&self, path: &Path, name: &str, kind: &Arc<Kind>, fill: &[f32]) -> Result<Dataset, DataError> {
        let Kind::Table(columns) = kind.as_ref() else { unreachable!("only called with a table") };
        let places: HashMap<&str, u16> = self.classes.iter().map(String::as_str).zip(0..).collect();
        let (mut bytes, mut labels) = (Vec::new(), Vec::new());
        self.rows(path, |records, line, class, cells| {
            let Some(&label) = places.get(class) else {
                return Err(records.wrong(line, no_class(class, &self.classes)));
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
            read_like(&path, like, None, Missing::Error).map_err(|error| error.to_string())
        };
        let drawn = read("label,size,colour\n10,5,blue\n").unwrap();
        assert_eq!((drawn.kind.as_ref(), drawn.label(0)), (like.kind.as_ref(), 1));
        assert_eq!(drawn.image(0), like.image(2));
        assert!(read("label,colour,size\n10,blue,5\n").unwrap_err().contains("has the columns size,colour"));
        assert!(read("label,size,colour\n7,5,blue\n").unwrap_err().contains("line 2: there is no class `7`"));
        assert!(read("label,size,colour\n2,x,blue\n").unwrap_err().contains("column `size`: `x`, expected a number"));
        assert!(read("label,size,colour\n2,1,pink\n").unwrap_err().contains("`pink`, expected blue, red"));
        let red = &parts(&["size,label,colour\n1,10,red\n3,2,blue\n5,10,red\n"], 0, Missing::Error).unwrap()[0];
        let path = folder.path().join("holes.csv");
        std::fs::write(&path, "Label,size,colour\n10,5,\n").unwrap();
        let filled = read_like(&path, red, None, Missing::Mean).unwrap();
        assert_eq!(filled.image(0), red.image(2), "the most frequent word");
    }

    #[test]
    fn each_fault_is_named_with_its_line() {
        let problem = |text: &str| parts(&[text], 0, Missing::Error).unwrap_err();
        for (text, expected) in [
            ("", "the file is empty"),
            ("a,label\n", "no row behind"),
            ("a,b\n1,2\n", "line 1: no column is called `label` or `class` or `target` (the first are: a, b)"),
            ("label\nx\n", "no column beside the label"),
            ("a,a,label\n1,2,x\n", "two columns are called `a`"),
            ("Label,a,label\nx,1,y\n", "line 1: the columns `Label` and `label` may both hold the labels"),
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
