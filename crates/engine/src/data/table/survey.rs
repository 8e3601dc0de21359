//! What is in the columns of a table: numbers or words, and their statistics.

use super::rows::{Table, is_missing, number};
use crate::data::columns::{Column, Content};
use crate::data::error::DataError;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The most words of a category.
const WORDS: usize = 256;
/// The most classes.
pub const CLASSES: usize = u16::MAX as usize;

/// What one pass over all files finds out about a column.
pub struct Survey {
    name: String,
    /// Words, as long as there are few; nothing where all cells are numbers.
    words: BTreeSet<String>,
    numbers: bool,
}

/// Names of classes in the order of the alphabet, brought into that of their numbers where all are some: 2 before 10.
pub fn by_number(mut classes: Vec<String>) -> Vec<String> {
    if classes.iter().all(|class| number(class).is_some()) {
        classes.sort_by(|a, b| number(a).unwrap_or(0.0).total_cmp(&number(b).unwrap_or(0.0)));
    }
    classes
}

/// The place of the largest count, the first of equally large ones.
pub fn first_largest(counts: &[u64]) -> usize {
    let most = counts.iter().enumerate().max_by_key(|(place, count)| (**count, usize::MAX - place));
    most.map_or(0, |(place, _)| place)
}

impl Table {
    /// Finds out which columns hold numbers, the words of the others, and the classes.
    pub fn survey(&mut self, parts: &[PathBuf]) -> Result<Vec<Survey>, DataError> {
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
    pub fn statistics(&self, path: &Path, surveys: &[Survey]) -> Result<Vec<(Column, f32)>, DataError> {
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
                (Content::Category(survey.words.iter().cloned().collect()), first_largest(&counts[at]) as f32)
            };
            Ok((Column { name: survey.name.clone(), content }, fill))
        };
        surveys.iter().enumerate().map(column).collect()
    }
}
