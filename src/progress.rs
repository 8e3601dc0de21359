//! Progress on standard error: bars on a terminal, nothing but notes elsewhere.

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::fmt::Display;
use std::io::IsTerminal;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// All bars of the program: a stage's bar stands below that of the grid it belongs to.
static BARS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// Whether this process keeps silent, since another speaks for it.
static MUTE: AtomicBool = AtomicBool::new(false);

/// From now on nothing is drawn or said.
pub fn mute() {
    MUTE.store(true, Ordering::Relaxed);
    BARS.set_draw_target(ProgressDrawTarget::hidden());
}

fn speaks() -> bool {
    !MUTE.load(Ordering::Relaxed)
}

/// A bar over `total` steps. It is hidden where standard error is no terminal, and clears itself when dropped.
pub struct Bar(ProgressBar);

impl Bar {
    /// Starts a bar.
    pub fn new(label: &'static str, total: u64) -> Self {
        let bar = BARS.add(ProgressBar::new(total)).with_message(label);
        let style = ProgressStyle::with_template("{msg:<24} {wide_bar} {pos}/{len} {elapsed} (left {eta})");
        // The template is a constant that the tests below have parsed.
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.tick();
        Self(bar)
    }

    /// A bar of which `done` steps were taken before; the time left is that of the others.
    pub fn resumed(label: &'static str, total: u64, done: u64) -> Self {
        let bar = Self::new(label, total);
        let resumed = bar.0.clone().with_position(done);
        resumed.reset_eta();
        bar
    }

    /// Moves to a position.
    pub fn set(&self, position: u64) {
        self.0.set_position(position);
    }

    /// Moves on by one.
    pub fn advance(&self) {
        self.0.inc(1);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// A line for a person; standard output stays data.
pub fn note(line: impl Display) {
    if speaks() {
        BARS.suspend(|| eprintln!("{line}"));
    }
}

/// A line for a log: written where there is no terminal to show a bar on.
pub fn log(line: impl Display) {
    if speaks() && !std::io::stderr().is_terminal() {
        eprintln!("{line}");
    }
}

/// A line that a person should not miss.
pub fn warn(line: impl Display) {
    if speaks() {
        BARS.suspend(|| eprintln!("warning: {line}"));
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
