//! What checks report.

use std::fmt;

/// How many violations are kept with their story.
const KEPT: usize = 5;

/// One kind of check: how often it was tried, and what it found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What was checked.
    pub name: String,
    /// How often.
    pub trials: u64,
    /// How often it failed.
    pub violations: u64,
    /// The first few failures, with the seed of the market and who did what.
    pub examples: Vec<String>,
}

/// All checks of one mechanism.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Findings {
    /// The mechanism.
    pub mechanism: String,
    /// Its checks.
    pub checks: Vec<Check>,
}

impl Findings {
    pub(super) fn new(mechanism: &str) -> Self {
        Findings { mechanism: mechanism.to_owned(), checks: Vec::new() }
    }

    /// Notes one trial of a check; `example` is only called if it failed.
    pub(super) fn trial(&mut self, name: &str, holds: bool, example: impl FnOnce() -> String) {
        let at = match self.checks.iter().position(|check| check.name == name) {
            Some(at) => at,
            None => {
                self.checks.push(Check { name: name.to_owned(), trials: 0, violations: 0, examples: Vec::new() });
                self.checks.len() - 1
            }
        };
        let check = &mut self.checks[at];
        check.trials += 1;
        if !holds {
            check.violations += 1;
            if check.examples.len() < KEPT {
                check.examples.push(example());
            }
        }
    }

    /// Adds the findings of another market.
    pub(super) fn merge(&mut self, other: Findings) {
        for check in other.checks {
            match self.checks.iter_mut().find(|own| own.name == check.name) {
                Some(own) => {
                    own.trials += check.trials;
                    own.violations += check.violations;
                    own.examples.extend(check.examples);
                    own.examples.truncate(KEPT);
                }
                None => self.checks.push(check),
            }
        }
    }

    /// Whether nothing was found.
    pub fn clean(&self) -> bool {
        self.violations() == 0
    }

    /// How many violations were found.
    pub fn violations(&self) -> u64 {
        self.checks.iter().map(|check| check.violations).sum()
    }

    /// How many trials there were.
    pub fn trials(&self) -> u64 {
        self.checks.iter().map(|check| check.trials).sum()
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.violations {
            0 => write!(f, "{}: no violation found in {} trials", self.name, self.trials),
            count => write!(f, "{}: {count} violations in {} trials", self.name, self.trials),
        }
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.mechanism)?;
        for check in &self.checks {
            writeln!(f, "  {check}")?;
            for example in &check.examples {
                writeln!(f, "    {example}")?;
            }
        }
        Ok(())
    }
}
