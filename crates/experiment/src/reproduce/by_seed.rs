//! Something that is costly to make for a seed and is kept until another seed is asked for: cells of one seed follow each other.

use imfl_run::failure::Outcome;
use std::sync::{Arc, Mutex, PoisonError};

/// The last one that was made, and how the next is made.
pub struct BySeed<T, F> {
    make: F,
    last: Mutex<Option<(u64, Arc<T>)>>,
}

impl<T, F: Fn(u64) -> Outcome<T>> BySeed<T, F> {
    /// Nothing yet.
    pub fn new(make: F) -> Self {
        Self { make, last: Mutex::new(None) }
    }

    /// That of a seed.
    ///
    /// # Errors
    /// Those of making it.
    pub fn of(&self, seed: u64) -> Outcome<Arc<T>> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, kept)) = last.as_ref().filter(|(known, _)| *known == seed) {
            return Ok(kept.clone());
        }
        let made = Arc::new((self.make)(seed)?);
        *last = Some((seed, made.clone()));
        Ok(made)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[test]
    fn one_is_made_for_each_change_of_seed() {
        let made = AtomicU64::new(0);
        let kept = BySeed::new(|seed| {
            made.fetch_add(1, Ordering::Relaxed);
            Ok(seed * 10)
        });
        let values: Vec<u64> = [1, 1, 2, 2, 1].map(|seed| *kept.of(seed).unwrap()).into();
        assert_eq!((values, made.load(Ordering::Relaxed)), (vec![10, 10, 20, 20, 10], 3));
    }
}
