//! A forked process has none of its parent's threads, and would wait for them for ever: it is refused.

use crate::failure;
use pyo3::prelude::*;
use std::sync::OnceLock;

/// The process that imported imfl.
static IMPORTED: OnceLock<u32> = OnceLock::new();

/// Remembers this process.
pub fn imported() {
    IMPORTED.get_or_init(std::process::id);
}

/// Whether this is the process that imported imfl.
///
/// # Errors
/// A `UsageError` that says how to start processes instead.
pub fn check(py: Python) -> PyResult<()> {
    match *IMPORTED.get_or_init(std::process::id) == std::process::id() {
        true => Ok(()),
        false => Err(failure::usage(
            py,
            "this process was forked after imfl was imported, and its threads are not here: start processes by \
             multiprocessing.get_context(\"spawn\"), or import imfl in the child",
        )),
    }
}
