//! Standard error: bars on a terminal with everything that was said above them, lines elsewhere.

use crate::interrupt::Interrupt;
use crate::output;
use imfl_run::metrics::RoundMetrics;
use imfl_run::{Event, Observer};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::{Mutex, OnceLock, PoisonError};

/// A task, and how far it is.
const BAR: &str = "{prefix:<24} {wide_bar} {pos}/{len} {elapsed} (left {eta})";
/// The same with what it has come to.
const WORDY_BAR: &str = "{prefix:<24} {wide_bar} {pos}/{len} {elapsed} (left {eta})\n  {msg}";

/// How much a person wants to hear.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Detail {
    /// Warnings alone.
    Quiet,
    /// Notes, rounds and bars.
    #[default]
    Normal,
    /// Stages with their seconds as well, and what became of every client of a round.
    Verbose,
}

/// Shows a person what happens; Ctrl-C stops what can be stopped.
#[derive(Default)]
pub struct Terminal {
    detail: Detail,
    /// All bars: a stage's bar stands below that of the grid it belongs to.
    bars: MultiProgress,
    tasks: Mutex<BTreeMap<u64, ProgressBar>>,
    interrupt: OnceLock<Interrupt>,
}

impl Terminal {
    /// Says as much as this.
    pub fn new(detail: Detail) -> Self {
        let bars = match detail {
            Detail::Quiet => MultiProgress::with_draw_target(ProgressDrawTarget::hidden()),
            _ => MultiProgress::default(),
        };
        Self { detail, bars, ..Self::default() }
    }

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
        let bar = self.bars.add(ProgressBar::new(total)).with_prefix(label);
        bar.set_style(style(BAR));
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
            Event::Note(line) if self.detail != Detail::Quiet => self.note(line),
            Event::Warning(line) => self.note(format!("warning: {line}")),
            Event::TaskBegan { id, label, total, done } => self.began(id, label, total, done),
            Event::TaskMoved { id, position } => self.task(id, |bar| bar.set_position(position)),
            Event::TaskSaid { id, words } => self.task(id, |bar| {
                if bar.message().is_empty() {
                    bar.set_style(style(WORDY_BAR));
                }
                bar.set_message(output::escaped(words).into_owned());
            }),
            Event::TaskEnded { id } => {
                let ended = self.tasks.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
                ended.iter().for_each(ProgressBar::finish_and_clear);
            }
            Event::RoundsBegan { .. } | Event::StepsBegan => self.watch(),
            Event::Round { metrics, planned, saved } if self.detail != Detail::Quiet => {
                self.note(round(metrics, planned, saved));
                if self.detail == Detail::Verbose {
                    self.note(clients(metrics));
                }
            }
            Event::StageEnded(stage, seconds) if self.detail == Detail::Verbose => {
                self.note(format!("stage {stage}: {seconds:.2} s"));
            }
            _ => {}
        }
    }

    fn stop(&self) -> bool {
        self.interrupt.get().is_some_and(Interrupt::came)
    }
}

/// A bar that looks like this; the templates are constants that the tests below have parsed.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// A round in a line that stays.
fn round(metrics: &RoundMetrics, planned: u64, saved: bool) -> String {
    let RoundMetrics { round, accuracy, loss, samples, seconds, .. } = metrics;
    let saved = if saved { ", saved" } else { "" };
    let skipped = if metrics.skipped { "skipped, too few updates, " } else { "" };
    let speed = *samples as f64 / seconds.max(f64::MIN_POSITIVE);
    format!(
        "round {round} of {planned}: {skipped}accuracy {accuracy:.4}, loss {loss:.4}, {seconds:.1} s, {speed:.0} samples/s{saved}"
    )
}

/// What became of the clients of a round.
fn clients(metrics: &RoundMetrics) -> String {
    let RoundMetrics { cohort, dropped, late, rejected, train_loss, samples, .. } = metrics;
    format!(
        "  asked {}, dropped out {}, late {}, left out {}; {samples} samples, training loss {train_loss:.4}",
        cohort.len(),
        dropped.len(),
        late.len(),
        rejected.len()
    )
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
mod tests;
