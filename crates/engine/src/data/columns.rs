//! The columns of a table: what is stored of a row, and what a model gets of it.

use super::scale::Normalisation;
use super::shape::ImageShape;
use serde::{Deserialize, Serialize};

/// The columns of a table but for that of the labels, in their order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Columns(Vec<Column>);

/// One column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Column {
    /// Its name, from the first line of the file.
    pub name: String,
    /// What is in it.
    pub content: Content,
}

/// What is in a column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Content {
    /// Numbers: a model gets `(number - mean) / deviation`.
    Number {
        /// Mean over the server's rows.
        mean: f32,
        /// Deviation over the server's rows, above zero.
        deviation: f32,
        /// The least and the most of the server's rows.
        range: [f32; 2],
        /// Whether all of them are whole.
        whole: bool,
    },
    /// Words out of a few: a model gets 1 for the one that it is, and 0 for each other.
    Category(Vec<String>),
}

impl Content {
    /// Values that a model gets of it.
    fn width(&self) -> usize {
        match self {
            Self::Number { .. } => 1,
            Self::Category(names) => names.len(),
        }
    }
}

impl Columns {
    /// Takes columns in their order.
    pub fn new(columns: Vec<Column>) -> Self {
        Self(columns)
    }

    /// All of them.
    pub fn list(&self) -> &[Column] {
        &self.0
    }

    /// What they are called.
    pub fn names(&self) -> Vec<&str> {
        self.0.iter().map(|column| column.name.as_str()).collect()
    }

    /// What a model gets of a row: a channel for each number and each word of a category.
    pub fn shape(&self) -> ImageShape {
        ImageShape { channels: self.0.iter().map(|column| column.content.width()).sum(), height: 1, width: 1 }
    }

    /// Mean and deviation of each value; those of categories stay 0 and 1.
    pub fn normalisation(&self) -> Normalisation {
        let (mut mean, mut deviations) = (Vec::new(), Vec::new());
        for column in &self.0 {
            match &column.content {
                &Content::Number { mean: m, deviation: d, .. } => {
                    mean.push(m);
                    deviations.push(d);
                }
                Content::Category(names) => {
                    mean.resize(mean.len() + names.len(), 0.0);
                    deviations.resize(deviations.len() + names.len(), 1.0);
                }
            }
        }
        Normalisation { mean, deviation: deviations }
    }

    /// The numbers of a row as it is stored: one a column, of a category the place of its word.
    pub fn numbers(record: &[u8]) -> impl Iterator<Item = f32> {
        record.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes))
    }

    /// Appends what a model gets of a stored row.
    pub(crate) fn extend(&self, values: &mut Vec<f32>, record: &[u8], normalisation: &Normalisation) {
        let start = values.len();
        for (column, number) in self.0.iter().zip(Self::numbers(record)) {
            let at = values.len() - start;
            match &column.content {
                Content::Number { .. } => {
                    values.push((number - normalisation.mean[at]) / normalisation.deviation[at]);
                }
                Content::Category(names) => {
                    let hot = number as usize;
                    values.extend((0..names.len()).map(|place| f32::from(u8::from(place == hot))));
                }
            }
        }
    }

    /// The row nearest to what a model would get: numbers within the range of the server's rows, whole where all of these are; of each
    /// category the word with the largest value.
    pub fn nearest(&self, values: &[f32], normalisation: &Normalisation) -> Vec<u8> {
        let (mut record, mut at) = (Vec::with_capacity(4 * self.0.len()), 0);
        for column in &self.0 {
            let width = column.content.width();
            let own = &values[at..at + width];
            let number = match &column.content {
                Content::Number { range: [least, most], whole, .. } => {
                    let number = own[0] * normalisation.deviation[at] + normalisation.mean[at];
                    (if *whole { number.round() } else { number }).max(*least).min(*most)
                }
                Content::Category(_) => {
                    let first = (0, f32::NEG_INFINITY);
                    let largest =
                        |best: (usize, f32), (place, &value)| if value > best.1 { (place, value) } else { best };
                    own.iter().enumerate().fold(first, largest).0 as f32
                }
            };
            record.extend(number.to_le_bytes());
            at += width;
        }
        record
    }

    /// A stored row as it stands in a file, cell by cell.
    pub fn cells(&self, record: &[u8]) -> Vec<String> {
        let cell = |(column, number): (&Column, f32)| match &column.content {
            Content::Number { .. } => number.to_string(),
            Content::Category(names) => names.get(number as usize).cloned().unwrap_or_default(),
        };
        self.0.iter().zip(Self::numbers(record)).map(cell).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns() -> Columns {
        let number = |whole| Content::Number { mean: 4.0, deviation: 2.0, range: [0.0, 9.0], whole };
        let column = |name: &str, content| Column { name: name.into(), content };
        let words = Content::Category(vec!["red".into(), "green".into(), "blue".into()]);
        Columns::new(vec![column("a", number(true)), column("b", words), column("c", number(false))])
    }

    #[test]
    fn rows_survive_the_way_to_a_model_and_back() {
        let (columns, record) = (columns(), [7.0f32, 1.0, 2.5].map(f32::to_le_bytes).concat());
        assert_eq!(columns.shape().to_string(), "5x1x1");
        let normalisation = columns.normalisation();
        let mut values = Vec::new();
        columns.extend(&mut values, &record, &normalisation);
        assert_eq!(values, [1.5, 0.0, 1.0, 0.0, -0.75]);
        assert_eq!(columns.nearest(&values, &normalisation), record);
        assert_eq!(columns.cells(&record), ["7", "green", "2.5"]);
    }

    #[test]
    fn what_is_drawn_stays_within_what_was_seen() {
        let columns = columns();
        let record = columns.nearest(&[90.0, 0.1, 0.2, 0.3, f32::NEG_INFINITY], &columns.normalisation());
        assert_eq!(columns.cells(&record), ["9", "blue", "0"]);
    }
}
