//! Standard error: bars on a terminal, nothing but notes elsewhere.

use crate::interrupt::Interrupt;
use crate::output;
use imfl_run::{Event, Observer};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::IsTerminal;
use std::sync::{Mutex, OnceLock, PoisonError};

/// Shows a person what happens; Ctrl-C stops what can be stopped.
#[derive(Default)]
pub struct Terminal {
    /// All bars: a stage's bar stands below that of the grid it belongs to.
    bars: MultiProgress,
    tasks: Mutex<BTreeMap<u64, ProgressBar>>,
    interrupt: OnceLock<Interrupt>,
}

impl Terminal {
    /// A line for a person, above the bars if there are any; standard output stays data.
    fn note(&self, line: impl Display) {
        if self.bars.is_hidden() {
            return output::note(line);
        }
        // A terminal that is gone is nobody's concern here.
        let _ = self.bars.println(output::escaped(&line.to_string()));
    }

    /// Ctrl-C stops from here on what can be stopped.
    fn watch(&self) {
        if self.interrupt.get().is_some() {
            return;
        }
        match Interrupt::watch() {
            Ok(interrupt) => drop(self.interrupt.set(interrupt)),
            Err(error) => self.note(format!("warning: cannot watch for Ctrl-C: {error}")),
        }
    }

    fn task(&self, id: u64, act: impl FnOnce(&ProgressBar)) {
        if let Some(bar) = self.tasks.lock().unwrap_or_else(PoisonError::into_inner).get(&id) {
            act(bar);
        }
    }

    fn began(&self, id: u64, label: &'static str, total: u64, done: u64) {
        let bar = self.bars.add(ProgressBar::new(total)).with_message(label);
        let style = ProgressStyle::with_template("{msg:<24} {wide_bar} {pos}/{len} {elapsed} (left {eta})");
        // The template is a constant that the tests below have parsed.
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.tick();
        if done > 0 {
            // The time left is that of the others.
            bar.set_position(done);
            bar.reset_eta();
        }
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).insert(id, bar);
    }
}

impl Observer for Terminal {
    fn event(&self, event: &Event) {
        match *event {
            Event::Note(line) => self.note(line),
            Event::Warning(line) => self.note(format!("warning: {line}")),
            Event::TaskBegan { id, label, total, done } => self.began(id, label, total, done),
            Event::TaskMoved { id, position } => self.task(id, |bar| bar.set_position(position)),
            Event::TaskEnded { id } => {
                let ended = self.tasks.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
                ended.iter().for_each(ProgressBar::finish_and_clear);
            }
            Event::RoundsBegan { .. } | Event::StepsBegan => self.watch(),
            // A line for a log, where there is no terminal to show a bar on.
            Event::Round { metrics, planned, saved } if !std::io::stderr().is_terminal() => {
                let saved = if saved { ", saved" } else { "" };
                let skipped = if metrics.skipped { "skipped, too few updates, " } else { "" };
                let (round, accuracy, loss) = (metrics.round, metrics.accuracy, metrics.loss);
                output::note(format!(
                    "round {round} of {planned}: {skipped}accuracy {accuracy:.4}, loss {loss:.4}{saved}"
                ));
            }
            _ => {}
        }
    }

    fn stop(&self) -> bool {
        self.interrupt.get().is_some_and(Interrupt::came)
    }
}

/// Keeps silent, since another process speaks for this one, and stops when it is asked to.
#[derive(Default)]
pub struct Mute(Terminal);

impl Observer for Mute {
    fn event(&self, event: &Event) {
        if let Event::RoundsBegan { .. } | Event::StepsBegan = event {
            self.0.event(event);
        }
    }

    fn stop(&self) -> bool {
        self.0.stop()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_is_valid() {
        assert!(ProgressStyle::with_template("{msg:<24} {wide_bar} {pos}/{len} {elapsed} (left {eta})").is_ok());
    }
}
