//! The parsers and good inputs of the mutation test, for the fuzzer.

#[path = "../../tests/mutation/corpus.rs"]
#[allow(dead_code)]
mod corpus;
#[path = "../../tests/mutation/parsers.rs"]
#[allow(dead_code)]
mod parsers;

use std::sync::OnceLock;

/// Feeds an input to the parser of this name.
///
/// # Panics
/// If the parser does, or if there is none of that name.
pub fn parse(name: &str, input: &[u8]) {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| tempfile::tempdir().expect("a temporary folder can be made"));
    let parser = parsers::PARSERS.iter().find(|parser| parser.name == name).expect("a parser has this name");
    (parser.parse)(folder.path(), input);
}
