//! The choice of this process, which is made once: the environment and the file are read when the first convolution asks.

use super::algorithm::{Algorithm, Asked, Direction};
use super::cache;
use super::shape::Shape;
use super::table::Table;
use std::sync::OnceLock;

/// What was found, and what was wrong with it.
fn found() -> &'static (Asked, Table, Option<String>) {
    static FOUND: OnceLock<(Asked, Table, Option<String>)> = OnceLock::new();
    FOUND.get_or_init(|| {
        // Whoever opens a device has refused other names.
        let asked = Asked::from_environment().unwrap_or_default();
        let read = cache::path().filter(|_| asked == Asked::Measured).map(|path| cache::read(&path));
        match read.transpose() {
            Ok(table) => (asked, table.unwrap_or_default(), None),
            Err(problem) => (asked, Table::default(), Some(problem)),
        }
    })
}

/// What a device takes for a convolution, by its own name.
pub fn chosen(device: &str, shape: &Shape, direction: Direction) -> Algorithm {
    match found() {
        (Asked::Always(algorithm), ..) => *algorithm,
        (Asked::Measured, table, _) => {
            table.find(device, shape).and_then(|found| found.fastest(direction)).unwrap_or(Algorithm::DEFAULT)
        }
    }
}

/// What is wrong with the file of measurements, if it is there and cannot be read, and what to do about it.
pub fn complaint() -> Option<String> {
    let problem = found().2.as_ref()?;
    Some(format!(
        "what was measured of convolutions cannot be read, columns are taken: {problem}; `imfl devices --tune` writes it anew"
    ))
}
