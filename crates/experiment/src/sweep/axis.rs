//! What a sweep varies, as it is said: `training.rate=0.1,0.2` and `1..5`.

use imfl_run::config;
use imfl_run::setting::Setting;
use imfl_run::{Failure, Kind, Outcome, RunConfig};
use std::str::FromStr;

/// The most values of an axis, and seeds.
const MOST: usize = 10_000;

/// A setting and the values that it takes one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Axis {
    /// The setting's key.
    pub key: String,
    /// Its values as text.
    pub values: Vec<String>,
}

impl FromStr for Axis {
    type Err = Failure;

    /// `KEY=VALUE,VALUE`: a key, or the name of its flag, and values, in which commas within braces divide nothing.
    fn from_str(text: &str) -> Outcome<Self> {
        let (key, values) = text.split_once('=').ok_or_else(|| {
            let problem = format!("--grid {text}: expected KEY=VALUE,VALUE as in training.rate=0.1,0.2");
            Failure::new(Kind::Usage, problem)
        })?;
        Self::new(key.trim(), divided(values), &format!("--grid {text}"))
    }
}

impl Axis {
    /// The axis of the setting that is called `key` by itself, by its flag or by an alias; `said` is how errors call it.
    ///
    /// # Errors
    /// A failure of kind [`Kind::Usage`] for a setting that cannot be varied, and for no value or an empty one.
    pub fn new(key: &str, values: Vec<String>, said: &str) -> Outcome<Self> {
        let wrong = |problem: String| Failure::new(Kind::Usage, format!("{said}: {problem}"));
        let setting = config::all().iter().find(|setting| names(setting, key));
        // What is wrong with an unknown key is said where all keys are known.
        let key = setting.map_or(key, |setting| &setting.key).to_string();
        if key == "seed" {
            return Err(wrong("seeds are given by --seeds, as in --seeds 1..5".into()));
        }
        if RunConfig::is_free(&key) {
            return Err(wrong(format!("`{key}` does not change what a run comes to")));
        }
        if values.iter().any(String::is_empty) || values.is_empty() || values.len() > MOST {
            return Err(wrong(format!("expected 1 to {MOST} values with commas between them")));
        }
        Ok(Self { key, values })
    }
}

/// Whether a setting is called so: by its key, its flag, or with an alias in the place of its key's last part.
fn names(setting: &Setting, said: &str) -> bool {
    let (section, last) = said.rsplit_once('.').unwrap_or(("", said));
    let within = setting.key.rsplit_once('.').map_or("", |(section, _)| section);
    let also = setting.flag.iter().chain(&setting.aliases).any(|name| *name == last);
    setting.key == said || (also && (section.is_empty() || section == within))
}

fn divided(text: &str) -> Vec<String> {
    let (mut parts, mut depth) = (vec![String::new()], 0usize);
    for character in text.chars() {
        match character {
            '{' | '[' => depth += 1,
            '}' | ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        match parts.last_mut() {
            Some(part) if character != ',' || depth > 0 => part.push(character),
            _ => parts.push(String::new()),
        }
    }
    parts.iter().map(|part| part.trim().to_string()).collect()
}

/// Seeds: `1..5` are the five from 1 to 5, `3,7` these two, and `1..3,7` these four.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seeds(pub Vec<u64>);

impl FromStr for Seeds {
    type Err = Failure;

    fn from_str(text: &str) -> Outcome<Self> {
        let wrong = || {
            let problem =
                format!("--seeds {text}: expected seeds as 1..5 (both ends count) or 1,2,7, at most {MOST}, each once");
            Failure::new(Kind::Usage, problem)
        };
        let number = |text: &str| text.trim().parse::<u64>().map_err(|_| wrong());
        let mut seeds = Vec::new();
        for part in text.split(',') {
            let (first, last) = match part.split_once("..") {
                Some((first, last)) => (number(first)?, number(last.trim_start_matches('='))?),
                None => (number(part)?, number(part)?),
            };
            if first > last || last - first >= (MOST - seeds.len()) as u64 {
                return Err(wrong());
            }
            seeds.extend(first..=last);
        }
        let each: std::collections::BTreeSet<&u64> = seeds.iter().collect();
        if each.len() < seeds.len() {
            return Err(wrong());
        }
        Ok(Self(seeds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_are_called_by_key_flag_or_alias() {
        let axis = |text: &str| text.parse::<Axis>();
        for said in ["training.rate", "rate", "lr", "training.lr"] {
            let found = axis(&format!("{said}=0.1, 0.2")).unwrap();
            assert_eq!((found.key.as_str(), found.values), ("training.rate", vec!["0.1".to_string(), "0.2".into()]));
        }
        let spread = axis("costs.device_factor={ distribution = \"uniform\", low = 1.0, high = 4.0 }").unwrap();
        assert_eq!(spread.values.len(), 1);
        for (text, problem) in [
            ("rate", "expected KEY=VALUE"),
            ("rate=0.1,,0.2", "with commas between"),
            ("seed=1,2", "by --seeds"),
            ("workers=1,2", "does not change"),
        ] {
            assert!(axis(text).unwrap_err().to_string().contains(problem), "{text}");
        }
        assert_eq!(axis("no.such=1").unwrap().key, "no.such");
    }

    #[test]
    fn seeds_are_ranges_with_both_ends_or_single_ones() {
        let seeds = |text: &str| text.parse::<Seeds>().map(|seeds| seeds.0);
        assert_eq!(seeds("1..5").unwrap(), [1, 2, 3, 4, 5]);
        assert_eq!(seeds("1..=2, 7").unwrap(), [1, 2, 7]);
        let largest = u64::MAX;
        assert_eq!(seeds(&largest.to_string()).unwrap(), [largest]);
        for bad in ["", "5..1", "a", "1..", "1,1", "0..18446744073709551615", "1..10001", "-1"] {
            assert!(seeds(bad).unwrap_err().to_string().contains("expected seeds"), "{bad}");
        }
    }
}
