//! What a run tells, on its way from the threads that work to the thread that called.

use imfl_run::{Event, Observer};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, PoisonError};

/// A name and what goes with it; the Python layer has a class for each.
pub type Told = (&'static str, Value);

/// The name of the last event, which the Python layer never sees.
pub const END: &str = "End";

/// Sends every event on, and passes the wish to stop back.
pub struct Relay {
    sender: Mutex<SyncSender<Told>>,
    /// Whether the caller wants an end.
    pub stop: Arc<AtomicBool>,
    /// Whether there is something to lose by then: rounds, or steps of a generator, that are trained.
    pub trains: Arc<AtomicBool>,
}

impl Relay {
    /// Tells whoever reads from the other end.
    pub fn new(sender: SyncSender<Told>) -> Self {
        Self { sender: Mutex::new(sender), stop: Arc::default(), trains: Arc::default() }
    }

    /// Nothing more will be told.
    pub fn end(&self) {
        self.send((END, Value::Null));
    }

    fn send(&self, told: Told) {
        // Whoever has gone need not be told.
        let _ = self.sender.lock().unwrap_or_else(PoisonError::into_inner).send(told);
    }
}

impl Observer for Relay {
    fn event(&self, event: &Event) {
        self.send(match *event {
            Event::Note(text) => ("Note", json!({ "text": text })),
            Event::Warning(text) => ("Warning", json!({ "text": text })),
            Event::StageBegan(stage) => ("StageBegan", json!({ "stage": stage })),
            Event::StageEnded(stage, seconds) => ("StageEnded", json!({ "stage": stage, "seconds": seconds })),
            Event::TaskBegan { id, label, total, done } => {
                ("TaskBegan", json!({ "task": id, "label": label, "total": total, "done": done }))
            }
            Event::TaskMoved { id, position } => ("TaskMoved", json!({ "task": id, "position": position })),
            Event::TaskSaid { id, words } => ("TaskSaid", json!({ "task": id, "words": words })),
            Event::TaskEnded { id } => ("TaskEnded", json!({ "task": id })),
            Event::StepsBegan => {
                self.trains.store(true, Ordering::Relaxed);
                ("StepsBegan", json!({}))
            }
            Event::RoundsBegan { done, planned } => {
                self.trains.store(true, Ordering::Relaxed);
                ("RoundsBegan", json!({ "done": done, "planned": planned }))
            }
            Event::Round { metrics, planned, saved } => {
                ("Round", json!({ "metrics": metrics, "planned": planned, "saved": saved }))
            }
            // The list may grow; what is new has no class yet.
            _ => return,
        });
    }

    fn stop(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}
