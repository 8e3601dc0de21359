//! A forked process has none of its parent's threads, and would wait for them for ever: it is refused.

use std::sync::OnceLock;

/// The process that imported imfl.
static IMPORTED: OnceLock<u32> = OnceLock::new();

/// Remembers this process.
pub fn imported() {
    IMPORTED.get_or_init(std::process::id);
}

/// Whether this process was forked after it had imported imfl.
pub fn happened() -> bool {
    *IMPORTED.get_or_init(std::process::id) != std::process::id()
}
