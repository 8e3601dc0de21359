//! What two configurations differ in.

use super::RunConfig;
use std::collections::BTreeMap;

/// Keys that do not change what a run computes, only where, how fast and what is kept.
const FREE: [&str; 7] = ["workers", "chunk", "runs", "name", "log", "checkpoints.every", "checkpoints.keep"];

impl RunConfig {
    /// Whether a key does not change what a run computes.
    pub fn is_free(key: &str) -> bool {
        FREE.contains(&key)
    }

    /// Every value that changes what a run computes, as TOML has it, by its key; those that are absent are not here.
    pub fn deciding(&self) -> BTreeMap<String, String> {
        flat(self).into_iter().filter(|(key, _)| !Self::is_free(key)).collect()
    }

    /// Every key that changes the result and has another value in `other`, as `training.rate 0.1 -> 0.2`.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let (old, new) = (flat(self), flat(other));
        let keys: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        let value = |values: &BTreeMap<String, String>, key| values.get(key).cloned().unwrap_or("unset".into());
        keys.into_iter()
            .filter(|key| !Self::is_free(key) && old.get(*key) != new.get(*key))
            .map(|key| format!("{key} {} -> {}", value(&old, key), value(&new, key)))
            .collect()
    }
}

/// Every value by its dotted key.
fn flat(config: &RunConfig) -> BTreeMap<String, String> {
    fn collect(into: &mut BTreeMap<String, String>, prefix: &str, value: &toml::Value) {
        match value {
            toml::Value::Table(table) => {
                for (key, value) in table {
                    let dot = if prefix.is_empty() { "" } else { "." };
                    collect(into, &format!("{prefix}{dot}{key}"), value);
                }
            }
            value => drop(into.insert(prefix.into(), value.to_string())),
        }
    }
    let mut values = BTreeMap::new();
    // Tables with string keys and plain values, as `config.toml` is written from the same type: this cannot fail.
    if let Ok(table) = toml::Value::try_from(config) {
        collect(&mut values, "", &table);
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_name_key_and_values_and_leave_out_what_does_not_matter() {
        let old = RunConfig { seed: Some(1), ..RunConfig::default() };
        assert!(old.differences(&old).is_empty());
        let mut new = old.clone();
        (new.workers, new.runs, new.checkpoints.keep) = (Some(7), "elsewhere".into(), 9);
        assert!(old.differences(&new).is_empty());
        (new.training.rate, new.training.cohort, new.seed) = (0.2, Some(3), None);
        assert_eq!(
            old.differences(&new),
            ["seed 1 -> unset", "training.cohort unset -> 3", "training.rate 0.1 -> 0.2"]
        );
    }
}
