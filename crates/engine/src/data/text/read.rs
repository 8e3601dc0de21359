//! From files of texts to the parts of a dataset.

use super::rows::Rows;
use crate::data::dataset::Dataset;
use crate::data::error::DataError;
use crate::data::kind::Kind;
use crate::data::table::{CLASSES, by_number, no_class};
use crate::data::vocabulary::{BLANK, Vocabulary, words};
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The most different words that are counted; further ones are not known, so that memory stays bounded.
const COUNTED: usize = 1 << 20;
/// Words of more bytes are not known.
const LONGEST: usize = 64;

/// Reads files as parts of one dataset. The words that are known are those of `parts[server]`, and of no other; which classes there are is
/// found out from all.
///
/// # Errors
/// [`DataError`] with file and line.
pub fn read(parts: &[PathBuf], server: usize, name: &str) -> Result<Vec<Dataset>, DataError> {
    let (mut classes, mut counts) = (BTreeSet::new(), HashMap::new());
    for (at, path) in parts.iter().enumerate() {
        let mut rows = Rows::open(path, None)?;
        let mut any = false;
        while let Some(row) = rows.next()? {
            any = true;
            if !classes.contains(&row.label) {
                classes.insert(row.label);
            }
            if classes.len() > CLASSES {
                return Err(rows.wrong(row.line, format!("more than {CLASSES} classes")));
            }
            if at == server {
                count(&mut counts, &row.text);
            }
        }
        if !any {
            return Err(DataError::malformed(path, "there is no text in it"));
        }
    }
    let classes = by_number(classes.into_iter().collect());
    let kind = Arc::new(Kind::Text(Vocabulary::of_counts(counts, Vocabulary::MOST)));
    parts.iter().map(|path| part(Rows::open(path, None)?, name, &kind, &classes)).collect()
}

/// Texts for the same words and classes as those of `like`; or texts of a single `class`, where labels may be missing.
///
/// # Errors
/// [`DataError`] with file and line, also for a class that `like` does not have.
pub fn read_like(path: &Path, like: &Dataset, class: Option<&str>) -> Result<Dataset, DataError> {
    let name = path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned());
    let classes = class.map_or_else(|| like.class_names.clone(), |class| vec![class.into()]);
    part(Rows::open(path, class)?, &name, &like.kind, &classes)
}

fn count(counts: &mut HashMap<String, u64>, text: &str) {
    for word in words(text).filter(|word| word.len() <= LONGEST && word != BLANK) {
        if let Some(count) = counts.get_mut(&word) {
            *count += 1;
        } else if counts.len() < COUNTED {
            counts.insert(word, 1);
        }
    }
}

/// The texts of one file.
fn part(mut rows: Rows, name: &str, kind: &Arc<Kind>, classes: &[String]) -> Result<Dataset, DataError> {
    let Kind::Text(vocabulary) = kind.as_ref() else {
        return Err(DataError::Mismatch(format!("{}: texts are read for texts, not for {}", name, kind.plural())));
    };
    let coder = vocabulary.coder();
    let places: HashMap<&str, u16> = classes.iter().map(String::as_str).zip(0..).collect();
    let (mut bytes, mut labels) = (Vec::new(), Vec::new());
    while let Some(row) = rows.next()? {
        let Some(&label) = places.get(row.label.as_str()) else {
            return Err(rows.wrong(row.line, no_class(&row.label, classes)));
        };
        let encoded = coder.encode(&row.text);
        if encoded.words == 0 {
            return Err(rows.wrong(row.line, "the text has no word; take the row out"));
        }
        bytes.extend(encoded.record);
        labels.push(label);
    }
    Dataset::of_kind(kind.clone(), name, vocabulary.shape(), classes.to_vec(), bytes, labels)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Samples;

    fn parts(files: &[(&str, &[u8])], server: usize) -> Result<Vec<Dataset>, String> {
        let folder = tempfile::tempdir().unwrap();
        let paths: Vec<PathBuf> = files.iter().map(|(name, _)| folder.path().join(name)).collect();
        paths.iter().zip(files).for_each(|(path, (_, text))| std::fs::write(path, text).unwrap());
        read(&paths, server, "t").map_err(|error| error.to_string())
    }

    fn vocabulary(data: &Dataset) -> &Vocabulary {
        let Kind::Text(vocabulary) = data.kind.as_ref() else { panic!("texts") };
        vocabulary
    }

    #[test]
    fn the_servers_words_are_known_and_no_others() {
        let train: &[u8] = b"text,label\n\"A red, round fruit\",food\nA small dog,animal\n";
        let corpus: &[u8] = b"text,class\nred dog,animal\n";
        let both = parts(&[("a.csv", train), ("b.csv", corpus)], 1).unwrap();
        assert_eq!(vocabulary(&both[0]).words(), ["dog", "red"]);
        assert_eq!(vocabulary(&both[0]).decode(both[0].image(0)), "_ red _ _");
        assert_eq!(
            (both[0].class_names.clone(), both[0].labels()),
            (vec!["animal".into(), "food".into()], &[1, 0][..])
        );
        assert_eq!((both[0].shape.to_string(), Samples::bytes(&both[0])), ("1x1x32".into(), None));
        let mut values = Vec::new();
        Samples::extend(&both[0], &mut values, 0, &(&both[0].normalisation()).into());
        assert_eq!((&values[..5], values.len()), (&[1.0, 3.0, 1.0, 1.0, 0.0][..], 32));
    }

    #[test]
    fn json_lines_are_the_same_texts() {
        let lines = "{\"label\": \"food\", \"text\": \"a red fruit\"}\n\n{\"class\": 7, \"text\": \"\\u00e9t\\u00e9\", \"more\": []}\n";
        let json = parts(&[("a.jsonl", lines.as_bytes())], 0).unwrap();
        let csv = parts(&[("a.csv", "label,text\nfood,a red fruit\n7,\u{e9}t\u{e9}\n".as_bytes())], 0).unwrap();
        assert_eq!(json, csv);
    }

    #[test]
    fn each_fault_is_named_with_its_line() {
        for (name, text, expected) in [
            ("a.csv", &b"label,text\nx,a b\n,c\n"[..], "line 3: the label is missing"),
            ("a.csv", b"label,text\nx,a b\ny,\"c\n", "line 3: a quote that opens"),
            ("a.csv", b"label,text\nx,a b\ny,c\xff\n", "line 3: not UTF-8"),
            ("a.csv", b"label,text\nx,a, b\n", "line 2: 3 cells"),
            ("a.csv", b"label,text\nx,--\n", "line 2: the text has no word"),
            ("a.csv", b"label,text\n", "there is no text in it"),
            ("a.csv", b"label,words\nx,a\n", "line 1: label,words; a file of texts begins with label,text"),
            ("a.jsonl", b"{\"label\": \"x\", \"text\": \"a\"}\n{\"label\"\n", "line 2: column"),
            ("a.jsonl", b"{\"text\": \"a\"}\n", "line 1: the label is missing"),
            ("a.jsonl", b"{\"label\": [], \"text\": \"a\"}\n", "`label` is a text or a whole number"),
            ("a.jsonl", b"{\"label\": \"x\", \"text\": \"a\xff\"}\n", "line 1: not UTF-8"),
        ] {
            let problem = parts(&[(name, text)], 0).unwrap_err();
            assert!(problem.contains(expected), "{:?}: {problem}", String::from_utf8_lossy(text));
        }
        let endless = [b"{\"label\": \"".to_vec(), vec![b'x'; 1 << 21]].concat();
        assert!(parts(&[("a.jsonl", &endless)], 0).unwrap_err().contains("line 1: a line of more than"));
    }
}
