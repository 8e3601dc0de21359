//! The end of the interpreter: a thread that calls into Python while it ends would take the process down, so that no call begins after
//! its last moments have, and those that go on are waited for.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

static LEAVING: AtomicBool = AtomicBool::new(false);
static CALLS: AtomicUsize = AtomicUsize::new(0);

/// A call into Python that goes on.
pub struct Call(());

impl Call {
    /// Begins one, unless the interpreter is about to end.
    pub fn begin() -> Option<Self> {
        // Counted before it is looked, and `begin` is said before `calls` are counted: one of both sees the other.
        CALLS.fetch_add(1, Ordering::SeqCst);
        let call = Self(());
        (!LEAVING.load(Ordering::SeqCst)).then_some(call)
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        CALLS.fetch_sub(1, Ordering::SeqCst);
    }
}

/// From here on no call begins.
pub fn begin() {
    LEAVING.store(true, Ordering::SeqCst);
}

/// Calls that go on.
pub fn calls() -> usize {
    CALLS.load(Ordering::SeqCst)
}
