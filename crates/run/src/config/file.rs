//! Configuration files: TOML, with errors that name the line and suggest the key.

use super::RunConfig;
use crate::failure::{Failure, Kind, Outcome};
use serde::de::DeserializeOwned;
use std::path::Path;

/// Reads a file over the defaults.
///
/// # Errors
/// A failure of kind [`Kind::Config`] that names file, line, column and, for an unknown key, the nearest known one.
pub fn read(path: &Path) -> Outcome<RunConfig> {
    read_as(path)
}

/// Reads a file's text over the defaults; `name` is what errors call it.
///
/// # Errors
/// As [`read`].
pub fn read_text(text: &str, name: &str) -> Outcome<RunConfig> {
    parse(text).map_err(|problem| Failure::new(Kind::Config, format!("{name}:{problem}")))
}

/// Reads any other TOML file with the same kind of errors.
///
/// # Errors
/// As [`read`].
pub fn read_as<T: DeserializeOwned>(path: &Path) -> Outcome<T> {
    let text = crate::limits::read_text(path)
        .map_err(|error| Failure::new(Kind::Config, format!("cannot read {}: {error}", path.display())))?;
    parse(&text).map_err(|problem| Failure::new(Kind::Config, format!("{}:{problem}", path.display())))
}

fn parse<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    toml::from_str(text).map_err(|error| {
        let start = error.span().map_or(0, |span| span.start).min(text.len());
        let before = &text[..start];
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|&character| character != '\n').count() + 1;
        format!("{line}:{column}: {}", explain(error.message()))
    })
}

/// Serde names the unknown key and then the known ones, each in backquotes; the nearest of them is the suggestion.
fn explain(message: &str) -> String {
    let Some(rest) = message.strip_prefix("unknown field ") else { return message.trim().replace('\n', "; ") };
    let mut quoted = rest.split('`').skip(1).step_by(2);
    let unknown = quoted.next().unwrap_or_default();
    self::unknown(unknown, quoted)
}

/// What is said of an unknown key: the nearest known one, or all of them.
pub(super) fn unknown<'a>(unknown: &str, known: impl Iterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.collect();
    let nearest = known.iter().map(|key| (strsim::jaro_winkler(unknown, key), key)).max_by(|a, b| a.0.total_cmp(&b.0));
    match nearest.filter(|(likeness, _)| *likeness > 0.7) {
        Some((_, key)) => format!("unknown key `{unknown}`; did you mean `{key}`?"),
        None => format!("unknown key `{unknown}`; expected one of: {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use imfl_engine::random::{Purpose, keyed};
    use rand::RngExt;

    #[test]
    fn an_empty_file_is_the_default_and_a_written_config_reads_back() {
        assert_eq!(parse::<RunConfig>("").unwrap(), RunConfig::default());
        let config = RunConfig { seed: Some(3), workers: Some(2), ..RunConfig::default() };
        assert_eq!(parse::<RunConfig>(&toml::to_string(&config).unwrap()).unwrap(), config);
    }

    #[test]
    fn errors_name_the_line_and_suggest_the_key() {
        let problem = |text| parse::<RunConfig>(text).unwrap_err();
        assert_eq!(problem("[training]\nroundss = 3"), "2:1: unknown key `roundss`; did you mean `rounds`?");
        assert!(problem("[training]\nzzz = 3").contains("expected one of: model, rounds"));
        let wrong = problem("dataset = \"mnist\"\n\n[training]\nrounds = \"ten\"");
        assert!(wrong.starts_with("4:10: invalid type: string \"ten\""), "{wrong}");
        assert!(problem("[training\nrounds = 3").starts_with("1:"));
        assert!(problem("[mechanism]\nbias = \"straight\"").contains("aligned"));
    }

    /// Ten thousand broken configurations: each is read or refused with a line and a column.
    #[test]
    fn no_damage_makes_the_reader_panic() {
        let mut good = RunConfig { seed: Some(3), ..RunConfig::default() };
        good.training.attack = "nan".parse().ok();
        let good = toml::to_string(&good).unwrap().into_bytes();
        let mut refused = 0;
        for index in 0..10_000u64 {
            let mut random = keyed(1, Purpose::Benchmark, 0, index, 0);
            let mut text = good.clone();
            for _ in 0..random.random_range(1..=4) {
                let at = random.random_range(0..text.len());
                let end = (at + random.random_range(0..=8)).min(text.len());
                let pieces =
                    ["", "-1", "1e999", "\"", "[", "=", "\n", "99999999999999999999", "nan", "\u{e9}", "[[a]]"];
                text.splice(at..end, pieces[random.random_range(0..pieces.len())].bytes());
            }
            match std::str::from_utf8(&text).map(parse::<RunConfig>) {
                Ok(Ok(config)) => drop(config.check()),
                Ok(Err(problem)) => {
                    refused += 1;
                    let mut parts = problem.split(':');
                    let place = [parts.next(), parts.next()].map(|part| part.unwrap().parse::<usize>().unwrap());
                    assert!(place[0] >= 1 && place[1] >= 1, "{problem}");
                }
                Err(_) => {}
            }
        }
        assert!(refused > 5000, "{refused}");
    }
}
