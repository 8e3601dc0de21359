//! Rows and texts as a CSV file that can be read again.

use super::dataset::Dataset;
use super::error::DataError;
use super::kind::Kind;
use super::table::LABELS;

impl Dataset {
    /// The samples as a CSV file (RFC 4180) with a first line that names the columns: of a table those of its columns behind that of the labels,
    /// of texts `label,text`. Words of a text that are not known stand there as `_`.
    ///
    /// # Errors
    /// [`DataError::Mismatch`] of images, which are no rows.
    pub fn to_csv(&self) -> Result<String, DataError> {
        let names: Vec<&str> = match self.kind.as_ref() {
            Kind::Table(columns) => columns.names(),
            Kind::Text(_) => vec!["text"],
            kind => {
                let problem = format!("{} has {}, which no CSV file holds", self.name, kind.plural());
                return Err(DataError::Mismatch(problem));
            }
        };
        let mut written = line([LABELS[0]].into_iter().chain(names));
        for index in 0..self.len() {
            let cells = match self.kind.as_ref() {
                Kind::Table(columns) => columns.cells(self.image(index)),
                Kind::Text(vocabulary) => vec![vocabulary.decode(self.image(index))],
                _ => Vec::new(),
            };
            let label = self.class_names[self.label(index)].as_str();
            written += &line([label].into_iter().chain(cells.iter().map(String::as_str)));
        }
        Ok(written)
    }
}

fn line<'a>(cells: impl Iterator<Item = &'a str>) -> String {
    let quoted = |cell: &str| match cell.contains([',', '"', '\n', '\r']) || cell.trim() != cell {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell.to_string(),
    };
    cells.map(quoted).collect::<Vec<_>>().join(",") + "\n"
}

#[cfg(test)]
mod tests {
    use crate::data::{Reading, read_like, training_images};
    use std::path::Path;

    fn there_and_back(folder: &Path, content: &str) {
        let (first, second) = (folder.join("first.csv"), folder.join("second.csv"));
        std::fs::write(&first, content).unwrap();
        let data = training_images(&first, Reading::default()).unwrap().remove(0);
        std::fs::write(&second, data.to_csv().unwrap()).unwrap();
        let again = read_like(&second, &data, Reading::default()).unwrap();
        assert_eq!((again.labels(), again.to_csv().unwrap()), (data.labels(), data.to_csv().unwrap()));
        assert!((0..data.len()).all(|index| again.image(index) == data.image(index)));
    }

    #[test]
    fn what_was_written_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        there_and_back(folder.path(), "label,text\n\"b, \"\"c\"\"\",\"It's _ red, or \"\"blue\"\"\"\na,two words\n");
        there_and_back(folder.path(), "label,size,colour\n\"b, c\",1.5,\"pale, blue\"\na,2,red\n");
    }
}
