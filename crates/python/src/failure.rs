//! From failures and panics to exceptions.

use crate::fork;
use imfl_engine::device::failed::{Failed, message};
use imfl_run::{Failure, Kind, Outcome};
use pyo3::prelude::*;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The class in `imfl.errors` of each kind of failure.
fn class(kind: Kind) -> &'static str {
    match kind {
        Kind::Unexpected => "UnexpectedError",
        Kind::Usage => "UsageError",
        Kind::Config => "ConfigError",
        Kind::Data => "DataError",
        Kind::Device => "DeviceError",
        Kind::Diverged => "DivergedError",
        Kind::Checkpoint => "CheckpointError",
        Kind::Budget => "BudgetError",
        Kind::Interrupted => "InterruptedError",
    }
}

fn exception(py: Python, class: &str, message: String) -> PyErr {
    let made = py.import("imfl.errors").and_then(|errors| errors.getattr(class)?.call1((message,)));
    made.map_or_else(|error| error, PyErr::from_value)
}

/// The exception of a failure, with its message.
pub fn raised(py: Python, failure: impl Into<Failure>) -> PyErr {
    let failure = failure.into();
    exception(py, class(failure.kind()), failure.to_string())
}

/// A `UsageError`.
pub fn usage(py: Python, problem: impl std::fmt::Display) -> PyErr {
    raised(py, Failure::new(Kind::Usage, problem))
}

/// A `DataError`.
pub fn data(py: Python, problem: impl std::fmt::Display) -> PyErr {
    raised(py, Failure::new(Kind::Data, problem))
}

/// The exception of a panic, which is a mistake in imfl, or a device that failed.
pub fn panicked(py: Python, panic: &(dyn Any + Send)) -> PyErr {
    if let Some(failed) = Failed::from_panic(panic) {
        return raised(py, failed.clone());
    }
    let said = message(panic);
    exception(py, "UnexpectedError", format!("imfl came upon a mistake of its own, please report it: {said}"))
}

/// Refuses a process that was forked after imfl was imported.
///
/// # Errors
/// A `UsageError` that says how to start processes instead.
pub fn refuse_fork(py: Python) -> PyResult<()> {
    match fork::happened() {
        false => Ok(()),
        true => Err(usage(
            py,
            "this process was forked after imfl was imported, and its threads are not here: start processes by \
             multiprocessing.get_context(\"spawn\"), or import imfl in the child",
        )),
    }
}

/// Does short work without the interpreter's lock. Its failures and panics come out as exceptions.
///
/// # Errors
/// What the work fails with; a process that was forked after imfl was imported.
pub fn short<T: Send, E: Into<Failure> + Send>(py: Python, work: impl FnOnce() -> Result<T, E> + Send) -> PyResult<T> {
    refuse_fork(py)?;
    match py.detach(|| catch_unwind(AssertUnwindSafe(work))) {
        Ok(done) => done.map_err(|error| raised(py, error)),
        Err(panic) => Err(panicked(py, panic.as_ref())),
    }
}

/// The same failure, said to be about `place`.
pub fn about<T>(place: &str, outcome: Outcome<T>) -> Outcome<T> {
    outcome.map_err(|failure| Failure::new(failure.kind(), format!("{place}: {failure}")))
}
