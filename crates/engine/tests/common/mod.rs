//! What tests on devices share.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Tests take turns: launches and what crosses are counted for the whole process.
pub fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}
