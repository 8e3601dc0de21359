//! Long work on a thread of its own, while the calling thread hears of it, listens for Ctrl-C and calls back into Python.

use crate::events::{END, Relay, Told};
use crate::failure::{panicked, raised, refuse_fork};
use crate::values;
use crate::{fork, leaving};
use imfl_run::{Failure, Host, Outcome};
use pyo3::prelude::*;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How often Ctrl-C is looked for.
const POLL: Duration = Duration::from_millis(50);
/// How long somebody who wants an end waits for a round that is going on.
const PATIENCE: Duration = Duration::from_millis(700);
/// Events on their way; a thread that tells more waits.
const QUEUE: usize = 1024;

/// Runs that were left to save themselves.
static LEFT: Mutex<Vec<Left>> = Mutex::new(Vec::new());

struct Left {
    thread: JoinHandle<()>,
    trains: Arc<AtomicBool>,
}

type Done<T> = Result<Outcome<T>, Box<dyn Any + Send>>;

/// Does `work` and calls `on_event(name, values)` on this thread for everything that it tells.
///
/// An interruption, or an exception of `on_event`, asks the work to stop as Ctrl-C asks the command line: after the round that it
/// is in, which it saves. A round that takes longer than a moment is left to end by itself; [`finish`] waits for it.
///
/// # Errors
/// What the work fails with, what `on_event` raises, `KeyboardInterrupt`.
pub fn watch<T: Send + 'static>(
    py: Python,
    on_event: Option<&Bound<PyAny>>,
    work: impl FnOnce(&Host) -> Outcome<T> + Send + 'static,
) -> PyResult<T> {
    refuse_fork(py)?;
    let (sender, told) = mpsc::sync_channel::<Told>(QUEUE);
    let relay = Arc::new(Relay::new(sender));
    let (stop, trains) = (relay.stop.clone(), relay.trains.clone());
    let (finished, done) = mpsc::sync_channel::<Done<T>>(1);
    let thread = std::thread::Builder::new().name("imfl".into()).spawn(move || {
        let result = catch_unwind(AssertUnwindSafe(|| work(&Host::watched(relay.clone()))));
        relay.end();
        // Whoever has gone need not be told.
        let _ = finished.send(result);
    });
    let thread = thread.map_err(|error| raised(py, Failure::new(imfl_run::Kind::Unexpected, error)))?;
    let (done, stopped) = match listen(py, told, on_event) {
        Ok(()) => (py.detach(move || done.recv().ok()), None),
        Err(error) => {
            stop.store(true, Ordering::Relaxed);
            (py.detach(move || done.recv_timeout(PATIENCE).ok()), Some(error))
        }
    };
    match (done, stopped) {
        (Some(Ok(Ok(value))), None) => Ok(value),
        (Some(Ok(Err(failure))), None) => Err(raised(py, failure)),
        (Some(Err(panic)), None) => Err(panicked(py, panic.as_ref())),
        (Some(Ok(Err(failure))), Some(error)) => Err(noted(py, error, &failure.to_string())),
        (Some(_), Some(error)) => Err(error),
        (None, error) => {
            let note = match trains.load(Ordering::Relaxed) {
                true => "the run ends after the round that it is in, and saves itself then; imfl.finish() waits for it",
                false => "the work that went on ends by itself; nothing of it is kept",
            };
            lock().push(Left { thread, trains });
            let gone = || raised(py, Failure::new(imfl_run::Kind::Unexpected, "the work ended without a word"));
            Err(noted(py, error.unwrap_or_else(gone), note))
        }
    }
}

/// Calls back until nobody tells anything more.
fn listen(py: Python, mut told: Receiver<Told>, on_event: Option<&Bound<PyAny>>) -> PyResult<()> {
    let mut looked = Instant::now();
    loop {
        let heard;
        (told, heard) = py.detach(move || {
            let heard = told.recv_timeout(POLL);
            (told, heard)
        });
        match heard {
            Ok((END, _)) | Err(RecvTimeoutError::Disconnected) => return Ok(()),
            Ok((name, what)) => {
                if let Some(on_event) = on_event {
                    on_event.call1((name, values::to_python(py, &what)?))?;
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
        if looked.elapsed() >= POLL {
            py.check_signals()?;
            looked = Instant::now();
        }
    }
}

fn noted(py: Python, error: PyErr, note: &str) -> PyErr {
    // An exception that takes no note is raised without one.
    let _ = error.value(py).call_method1("add_note", (note,));
    error
}

fn lock() -> std::sync::MutexGuard<'static, Vec<Left>> {
    LEFT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits for runs that were interrupted in a long round to have saved themselves.
#[pyfunction]
pub fn finish(py: Python) -> PyResult<()> {
    refuse_fork(py)?;
    wait(py, || {
        let mut left = lock();
        left.retain(|left| left.trains.load(Ordering::Relaxed) && !left.thread.is_finished());
        left.is_empty()
    })
}

/// What is to be done before the interpreter ends: as [`finish`], and no thread is left in a callable.
#[pyfunction]
pub fn leave(py: Python) -> PyResult<()> {
    if fork::happened() {
        return Ok(());
    }
    leaving::begin();
    finish(py)?;
    wait(py, || leaving::calls() == 0)
}

/// Waits, open to Ctrl-C.
fn wait(py: Python, done: impl Fn() -> bool) -> PyResult<()> {
    while !done() {
        py.detach(|| std::thread::sleep(POLL));
        py.check_signals()?;
    }
    Ok(())
}
