//! The documentation says what the program says.

mod common;

use common::succeed;
use imfl_run::config;
use imfl_run::setting::Setting;
use std::path::Path;

/// A row of the table of settings in docs/run.md.
fn row(setting: &Setting) -> String {
    let quoted = |text: &str| if text.is_empty() { String::new() } else { format!("`{text}`") };
    let default = if setting.optional { setting.default.clone() } else { quoted(&setting.default) };
    let names = setting.flag.iter().chain(&setting.aliases).map(|name| format!("`--{name}`"));
    let choices = setting.choices.as_ref().map_or_else(String::new, |choices| format!(": {choices}"));
    let meaning = format!("{}{choices}", setting.help);
    let cells = [
        quoted(&setting.key),
        default,
        names.collect::<Vec<_>>().join(", "),
        quoted(setting.environment.unwrap_or_default()),
        meaning,
    ];
    let cells = cells.iter().map(|cell| if cell.is_empty() { " |".into() } else { format!(" {cell} |") });
    format!("|{}", cells.collect::<String>())
}

#[test]
fn the_table_of_settings_is_that_of_the_program() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/run.md");
    let text = std::fs::read_to_string(path).unwrap();
    let header = "| key | default | flag | environment | meaning |\n|---|---|---|---|---|\n";
    let (_, table) = text.split_once(header).expect("docs/run.md has the table of settings");
    let documented: Vec<&str> = table.lines().take_while(|line| line.starts_with('|')).collect();
    let expected: Vec<String> = config::all().iter().map(row).collect();
    assert_eq!(documented, expected, "the table of docs/run.md has to be:\n{}", expected.join("\n"));
}

#[test]
fn the_help_of_a_run_names_every_flag_with_its_default() {
    let help = succeed(&["run", "--help"]).split_whitespace().collect::<Vec<_>>().join(" ");
    for setting in config::all() {
        let Some(flag) = setting.flag else { continue };
        assert!(help.contains(&format!("--{flag} <")), "--{flag}");
        assert!(help.contains(&format!("[default: {}]", setting.default)), "--{flag}: {}", setting.default);
    }
}
