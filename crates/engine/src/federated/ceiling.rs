//! How many clients a device was found to have room for.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The largest chunk that may be tried; clones of a federation share it, as they share the device.
#[derive(Clone, Debug)]
pub(super) struct Ceiling(Arc<AtomicUsize>);

impl Default for Ceiling {
    fn default() -> Self {
        Self(Arc::new(usize::MAX.into()))
    }
}

impl Ceiling {
    /// Lets no chunk be larger from now on.
    pub fn lower(&self, chunk: usize) {
        self.0.fetch_min(chunk, Ordering::Relaxed);
    }

    /// The chunk to take where so many clients were `asked` for; `None` if nobody asked and nothing failed.
    pub fn over(&self, asked: Option<usize>) -> Option<usize> {
        match self.0.load(Ordering::Relaxed) {
            usize::MAX => asked,
            ceiling => Some(asked.map_or(ceiling, |asked| asked.min(ceiling))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_only_falls() {
        let ceiling = Ceiling::default();
        assert_eq!([ceiling.over(None), ceiling.over(Some(9))], [None, Some(9)]);
        let shared = ceiling.clone();
        shared.lower(6);
        shared.lower(8);
        assert_eq!([ceiling.over(None), ceiling.over(Some(9)), ceiling.over(Some(2))], [Some(6), Some(6), Some(2)]);
    }
}
