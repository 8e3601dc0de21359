//! `imfl mechanism verify`.

use super::inputs::Objective;
use crate::options;
use crate::output::{self, Format};
use clap::Args;
use imfl_mechanism::verify::{self, Findings, Suite};
use imfl_run::{Failure, Kind, Outcome, Progress};
use serde::Serialize;

/// Markets on which every control has been seen to fall.
const ENOUGH: u32 = 100;

/// `imfl mechanism verify`.
#[derive(Args)]
pub struct Verify {
    /// Random markets on which every mechanism is attacked
    #[arg(long, default_value_t = ENOUGH)]
    instances: u32,
    /// Clients in a market, at most; the work grows like 3^K
    #[arg(long, default_value_t = 5)]
    clients: u8,
    /// What participants are worth in these markets
    #[arg(long, value_enum, default_value_t)]
    objective: Objective,
    /// Which markets
    #[arg(long, default_value_t = 0, env = "IMFL_SEED")]
    seed: u64,
    /// How to print the result
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Serialize)]
struct Check<'a> {
    check: &'a str,
    trials: u64,
    violations: u64,
    examples: &'a [String],
}

#[derive(Serialize)]
struct Mechanism<'a> {
    mechanism: &'a str,
    verdict: String,
    checks: Vec<Check<'a>>,
}

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    passed: bool,
    objective: Objective,
    instances: u32,
    seed: u64,
    mechanisms: Vec<Mechanism<'a>>,
    controls: Vec<Mechanism<'a>>,
}

fn verdict(findings: &Findings) -> String {
    match findings.violations() {
        0 => format!("no violation found in {} trials", findings.trials()),
        count => format!("{count} violations in {} trials", findings.trials()),
    }
}

fn document(findings: &Findings) -> Mechanism<'_> {
    let checks = findings.checks.iter().map(|check| Check {
        check: &check.name,
        trials: check.trials,
        violations: check.violations,
        examples: &check.examples,
    });
    Mechanism { mechanism: &findings.mechanism, verdict: verdict(findings), checks: checks.collect() }
}

impl Verify {
    /// Runs the command.
    pub fn run(self, progress: &Progress) -> Outcome {
        options::check(&[
            ("--instances", (1..=1_000_000).contains(&self.instances), "from 1 to 1000000"),
            ("--clients", (1..=8).contains(&self.clients), "from 1 to 8"),
        ])?;
        let suite = Suite {
            instances: self.instances,
            clients: usize::from(self.clients),
            seed: self.seed,
            forecast: self.objective == Objective::Forecast,
        };
        progress
            .note(format!("attacking every mechanism on {} markets of up to {} clients", self.instances, self.clients));
        let bar = progress.task("attacking", u64::from(self.instances));
        let found = verify::run(suite, |instance| bar.set(u64::from(instance)))?;
        drop(bar);
        match self.format {
            Format::Json => output::print(&Document {
                schema: "imfl.verify/1",
                passed: found.passed(),
                objective: self.objective,
                instances: self.instances,
                seed: self.seed,
                mechanisms: found.mechanisms.iter().map(document).collect(),
                controls: found.controls.iter().map(document).collect(),
            })?,
            Format::Text => {
                let mut text = String::from("Mechanisms, which must stand\n\n");
                text.extend(found.mechanisms.iter().map(ToString::to_string));
                text += "\nNegative controls, which must fall\n\n";
                for control in &found.controls {
                    text += &format!("{}: {}\n", control.mechanism, verdict(control));
                    let example = control.checks.iter().flat_map(|check| &check.examples).last();
                    text.extend(example.map(|example| format!("  {example}\n")));
                }
                output::text(&text)?;
            }
        }
        if found.passed() {
            return Ok(());
        }
        if self.instances < ENOUGH && found.mechanisms.iter().all(Findings::clean) {
            let problem = format!(
                "{} instances are too few to tell: no mechanism fell, but neither did every control; pass --instances {ENOUGH} or more",
                self.instances
            );
            return Err(Failure::new(Kind::Config, problem));
        }
        let broken = found.mechanisms.iter().filter(|findings| !findings.clean()).map(|findings| &findings.mechanism);
        let missed = found.controls.iter().filter(|findings| findings.clean()).map(|findings| &findings.mechanism);
        let names: Vec<&str> = broken.chain(missed).map(String::as_str).collect();
        let problem =
            format!("verification failed: {} (a control fails if no attack on it succeeds)", names.join(", "));
        Err(Failure::new(Kind::Unexpected, problem))
    }
}
