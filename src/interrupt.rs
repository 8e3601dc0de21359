//! Ctrl-C, and the polite request to end that a cluster sends before it kills.

use crate::failure::{Failure, Kind, Outcome};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Exit code of a run that a signal ended.
const EXIT_CODE: i32 = Kind::Interrupted as i32;

/// Notices that the run was asked to stop.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// From now on the first signal is noticed, and the second ends the program at once.
    ///
    /// # Errors
    /// A failure if the system takes no handlers.
    pub fn watch() -> Outcome<Self> {
        let asked = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // In this order the first signal finds the flag down and only raises it.
            flag::register_conditional_shutdown(signal, EXIT_CODE, asked.clone())
                .and_then(|_| flag::register(signal, asked.clone()))
                .map_err(|error| Failure::new(Kind::Unexpected, format!("cannot watch for Ctrl-C: {error}")))?;
        }
        Ok(Self(asked))
    }

    /// Whether a signal came.
    pub fn came(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
