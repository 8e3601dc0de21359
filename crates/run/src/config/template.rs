//! A configuration as a file to be edited: every setting with what it is for.

use super::{RunConfig, all};
use crate::failure::{Failure, Kind, Outcome};
use crate::setting::Setting;

/// A line is broken before it is longer than this.
const WIDTH: usize = 100;

impl RunConfig {
    /// The file: every key with its value, its meaning and its default above it; keys without a value are commented out.
    ///
    /// # Errors
    /// A failure if the configuration cannot be written as TOML.
    pub fn template(&self) -> Outcome<String> {
        let values = toml::Value::try_from(self)
            .map_err(|error| Failure::new(Kind::Unexpected, format!("the configuration cannot be written: {error}")))?;
        let mut text = String::from(
            "# Settings of `imfl run --config FILE`. What is left out keeps its default; a flag wins over this file.\n",
        );
        let mut section = "";
        for setting in all() {
            let (within, key) = setting.key.rsplit_once('.').unwrap_or(("", &setting.key));
            if within != section {
                text += &format!("\n[{within}]\n");
                section = within;
            }
            comment(&mut text, setting);
            match at(&values, &setting.key) {
                Some(value) => text += &format!("{key} = {value}\n"),
                None => text += &format!("# {key} =\n"),
            }
        }
        Ok(text)
    }
}

/// What a setting is for, what it can be, and what it is unless told.
fn comment(text: &mut String, setting: &Setting) {
    let choices = setting.choices.as_ref().map_or_else(String::new, |choices| format!(": {choices}"));
    let flag = setting.flag.map_or_else(String::new, |flag| format!("; --{flag}"));
    let said = format!("{}{choices} (default: {}{flag})", setting.help, setting.default);
    text.push('\n');
    let mut line = String::from("#");
    for word in said.split_whitespace() {
        if line.chars().count() + word.chars().count() + 1 > WIDTH {
            *text += &format!("{line}\n");
            line = String::from("#");
        }
        line += &format!(" {word}");
    }
    *text += &format!("{line}\n");
}

/// The value of a dotted key.
fn at<'a>(values: &'a toml::Value, key: &str) -> Option<&'a toml::Value> {
    key.split('.').try_fold(values, |value, part| value.get(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_names_every_setting_and_reads_back_as_the_configuration() {
        let default = RunConfig::default();
        let text = default.template().unwrap();
        assert_eq!(toml::from_str::<RunConfig>(&text).unwrap(), default);
        for setting in all() {
            let key = setting.key.rsplit('.').next().unwrap();
            assert!(text.contains(&format!("\n{key} =")) || text.contains(&format!("\n# {key} =")), "{key}");
            let first = setting.help.split(' ').next().unwrap();
            assert!(text.contains(&format!("# {first}")), "{}", setting.key);
        }
        assert!(text.lines().all(|line| line.chars().count() <= 200), "{text}");
        let mut other = RunConfig { seed: Some(7), dataset: "a \"quoted\" name".into(), ..RunConfig::default() };
        other.mechanism.prior = Some(other.costs.device_factor);
        other.training.cohort = Some(3);
        assert_eq!(toml::from_str::<RunConfig>(&other.template().unwrap()).unwrap(), other);
    }
}
