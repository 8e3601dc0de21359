//! What is costly to make and asked for again under the same key: rules that agree on who does what lead to the same model.

use imfl_run::failure::Outcome;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Everything that was made so far.
pub struct Remembered<K, V>(Mutex<BTreeMap<K, V>>);

impl<K: Ord, V: Clone> Remembered<K, V> {
    /// Nothing yet.
    pub fn new() -> Self {
        Self(Mutex::new(BTreeMap::new()))
    }

    /// That of a key, made where there is none. One is made at a time: each takes all workers.
    ///
    /// # Errors
    /// Those of making it.
    pub fn of(&self, key: K, make: impl FnOnce(&K) -> Outcome<V>) -> Outcome<V> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(value) = known.get(&key) {
            return Ok(value.clone());
        }
        let made = make(&key)?;
        known.insert(key, made.clone());
        Ok(made)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_is_made_once() {
        let mut made = Vec::new();
        let remembered = Remembered::new();
        let values = [3, 5, 3, 3, 5].map(|key| {
            let make = |key: &u32| {
                made.push(*key);
                Ok(key * 2)
            };
            remembered.of(key, make).unwrap()
        });
        assert_eq!((values, made), ([6, 10, 6, 6, 10], vec![3, 5]));
    }
}
