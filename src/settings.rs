//! The flags of a run, made from its settings.

use clap::builder::NonEmptyStringValueParser;
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};
use imfl_run::config::{self, RunConfig};
use imfl_run::setting::Setting;
use imfl_run::{Failure, Kind, Outcome};

/// What flags and environment say of settings, in the order in which it is applied.
#[derive(Clone, Debug, Default)]
pub struct Settings(Vec<Said>);

/// A value and how it was said.
#[derive(Clone, Debug)]
struct Said {
    key: String,
    value: String,
    by: String,
}

/// Name of the flag that takes any key.
const SET: &str = "set";

impl Settings {
    /// Puts them over a configuration.
    ///
    /// # Errors
    /// A failure that names the flag or variable and what is wrong with its value.
    pub fn apply(&self, config: &mut RunConfig) -> Outcome {
        self.0.iter().try_for_each(|Said { key, value, by }| config.set(key, value, by))
    }

    /// What is said of a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().rfind(|said| said.key == key).map(|said| said.value.as_str())
    }
}

impl Args for Settings {
    fn augment_args(command: Command) -> Command {
        let flags = config::all().iter().filter_map(|setting| Some(flag(setting, setting.flag?)));
        let set =
            Arg::new(SET).long(SET).value_name("KEY=VALUE").action(clap::ArgAction::Append).help(
                "Any setting by its key in a configuration file, as in --set probe.points=5; wins over its own flag",
            );
        command.args(flags).arg(set)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

/// The flag of a setting. Its value stays text until the setting reads it.
fn flag(setting: &'static Setting, name: &'static str) -> Arg {
    let choices = setting.choices.as_ref().map_or_else(String::new, |choices| format!(": {choices}"));
    let help = format!("{}{choices} [default: {}]", setting.help, setting.default);
    let arg = Arg::new(setting.key.as_str())
        .long(name)
        .visible_aliases(setting.aliases.clone())
        .value_name(setting.placeholder.as_str())
        .allow_negative_numbers(true)
        .value_parser(NonEmptyStringValueParser::new())
        .help(help);
    match setting.environment {
        Some(variable) => arg.env(variable).hide_env_values(true),
        None => arg,
    }
}

impl FromArgMatches for Settings {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut said = Vec::new();
        for setting in config::all() {
            let Some(value) = setting.flag.and_then(|_| matches.get_one::<String>(&setting.key)) else { continue };
            let by = match (matches.value_source(&setting.key), setting.environment) {
                (Some(clap::parser::ValueSource::EnvVariable), Some(variable)) => variable.to_string(),
                _ => format!("--{}", setting.flag.unwrap_or_default()),
            };
            said.push(Said { key: setting.key.clone(), value: value.clone(), by });
        }
        for pair in matches.get_many::<String>(SET).into_iter().flatten() {
            let Some((key, value)) = pair.split_once('=') else {
                let problem = format!("--{SET} {pair}: expected KEY=VALUE, as in --{SET} training.rounds=20\n");
                return Err(clap::Error::raw(clap::error::ErrorKind::ValueValidation, problem));
            };
            said.push(Said { key: key.trim().into(), value: value.trim().into(), by: format!("--{SET} {pair}") });
        }
        Ok(Self(said))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// Costs that `--costs` names.
///
/// # Errors
/// A failure of kind [`Kind::Usage`] that says what is expected, and what [`config::RecordedCosts::read`] finds wrong.
pub fn costs(said: &[String], config: &mut RunConfig) -> Outcome {
    match said {
        [] => Ok(()),
        [kind] if kind == "measured" => {
            config.costs.measure();
            Ok(())
        }
        [kind, file] if kind == "recorded" => {
            config::RecordedCosts::read(file.as_ref())?.fix(&mut config.costs);
            Ok(())
        }
        other => {
            let problem = format!("--costs {}: expected `measured` or `recorded FILE`", other.join(" "));
            Err(Failure::new(Kind::Usage, problem))
        }
    }
}
