//! What a run tells whoever started it, and how it is asked to stop.

use crate::metrics::RoundMetrics;
use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Something that happened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A line for a person.
    Note(&'a str),
    /// A line that a person should not miss.
    Warning(&'a str),
    /// A stage of a run began.
    StageBegan(&'static str),
    /// It ended after so many seconds.
    StageEnded(&'static str, f64),
    /// Work of so many steps began.
    TaskBegan {
        /// Tells tasks apart; several may go on at the same time.
        id: u64,
        /// What is done.
        label: &'static str,
        /// Its steps.
        total: u64,
        /// Those that were taken before.
        done: u64,
    },
    /// So many of its steps are done.
    TaskMoved {
        /// Which task.
        id: u64,
        /// Steps done.
        position: u64,
    },
    /// What it has come to, in a few words.
    TaskSaid {
        /// Which task.
        id: u64,
        /// The words.
        words: &'a str,
    },
    /// It ended, finished or not.
    TaskEnded {
        /// Which task.
        id: u64,
    },
    /// Rounds of training begin. From here on a run can be stopped: after each of them [`Observer::stop`] is asked.
    RoundsBegan {
        /// Rounds that were done before.
        done: u64,
        /// Rounds in all.
        planned: u64,
    },
    /// Steps of a generator's training begin, which can be stopped from here on: [`Observer::stop`] is asked after each.
    StepsBegan,
    /// A round is done and written down.
    Round {
        /// What came of it.
        metrics: &'a RoundMetrics,
        /// Rounds in all.
        planned: u64,
        /// Whether the run can go on from here.
        saved: bool,
    },
}

/// Who is told what happens, from whatever thread it happens on.
pub trait Observer: Send + Sync {
    /// Takes notice. Whoever is slow here slows the run.
    fn event(&self, event: &Event);

    /// Whether the run shall stop after the round that it is in, which it then saves.
    fn stop(&self) -> bool {
        false
    }
}

/// The way to an observer; clones lead to the same one.
#[derive(Clone)]
pub struct Progress(Arc<dyn Observer>);

/// Hears everything and does nothing.
struct Silent;

impl Observer for Silent {
    fn event(&self, _: &Event) {}
}

impl Default for Progress {
    fn default() -> Self {
        Self(Arc::new(Silent))
    }
}

impl Progress {
    /// The way to this observer.
    pub fn to(observer: Arc<dyn Observer>) -> Self {
        Self(observer)
    }

    /// Tells of an event.
    pub fn tell(&self, event: &Event) {
        self.0.event(event);
    }

    /// A line for a person.
    pub fn note(&self, line: impl Display) {
        self.tell(&Event::Note(&line.to_string()));
    }

    /// A line that a person should not miss.
    pub fn warn(&self, line: impl Display) {
        self.tell(&Event::Warning(&line.to_string()));
    }

    /// Begins work of so many steps.
    pub fn task(&self, label: &'static str, total: u64) -> Task {
        self.resumed(label, total, 0)
    }

    /// Goes on with work of which `done` steps were taken before.
    pub fn resumed(&self, label: &'static str, total: u64, done: u64) -> Task {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        self.tell(&Event::TaskBegan { id, label, total, done });
        Task { progress: self.clone(), id, position: AtomicU64::new(done) }
    }

    /// Whether the observer wants the run to stop.
    pub fn stop(&self) -> bool {
        self.0.stop()
    }
}

/// Work that has begun; it ends when this is dropped.
pub struct Task {
    progress: Progress,
    id: u64,
    position: AtomicU64,
}

impl Task {
    /// So many steps are done.
    pub fn set(&self, position: u64) {
        self.position.store(position, Ordering::Relaxed);
        self.progress.tell(&Event::TaskMoved { id: self.id, position });
    }

    /// What it has come to, in a few words that stand until the next.
    pub fn say(&self, words: impl Display) {
        self.progress.tell(&Event::TaskSaid { id: self.id, words: &words.to_string() });
    }

    /// One more step is done.
    pub fn advance(&self) {
        let position = self.position.fetch_add(1, Ordering::Relaxed) + 1;
        self.progress.tell(&Event::TaskMoved { id: self.id, position });
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.progress.tell(&Event::TaskEnded { id: self.id });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[derive(Default)]
    struct Heard(Mutex<Vec<String>>);

    impl Observer for Heard {
        fn event(&self, event: &Event) {
            self.0.lock().unwrap().push(format!("{event:?}"));
        }
    }

    #[test]
    fn a_task_begins_moves_and_ends_when_it_is_dropped() {
        let heard = Arc::new(Heard::default());
        let progress = Progress::to(heard.clone());
        let task = progress.resumed("work", 3, 1);
        task.advance();
        progress.note(7);
        drop(task);
        let heard = heard.0.lock().unwrap();
        assert_eq!(heard.len(), 4, "{heard:?}");
        assert!(heard[0].starts_with("TaskBegan") && heard[0].contains("total: 3, done: 1"), "{heard:?}");
        assert!(heard[1].starts_with("TaskMoved") && heard[1].contains("position: 2"), "{heard:?}");
        assert_eq!(heard[2], "Note(\"7\")");
        assert!(heard[3].starts_with("TaskEnded"), "{heard:?}");
        assert!(!progress.stop());
    }
}
