//! A run from code, watched: stages and rounds are told as they pass, and the run is asked to stop once it is good enough.
//!
//! `cargo run --release -p imfl-run --example observed`
//!
//! What stops is saved: `imfl run --resume FOLDER`, or the same from code, goes on to the same bits.

use imfl_run::{Event, Host, Kind, Observer, RunConfig};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Prints what happens, and wants to stop at an accuracy.
struct Watcher {
    enough: f64,
    reached: AtomicBool,
}

impl Observer for Watcher {
    fn event(&self, event: &Event) {
        match event {
            Event::Note(line) => println!("{line}"),
            Event::Warning(line) => println!("careful: {line}"),
            Event::StageEnded(stage, seconds) => println!("{stage}: {seconds:.1} s"),
            Event::Round { metrics, planned, .. } => {
                println!("round {} of {planned}: accuracy {:.3}", metrics.round, metrics.accuracy);
                self.reached.store(metrics.accuracy >= self.enough, Ordering::Relaxed);
            }
            _ => {}
        }
    }

    fn stop(&self) -> bool {
        self.reached.load(Ordering::Relaxed)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut config =
        RunConfig { seed: Some(1), runs: std::env::temp_dir().join("imfl-observed"), ..RunConfig::default() };
    config.partition.clients = 5;
    config.training.model = Some("mlp".parse()?);
    config.training.rounds = 12;
    config.generator.evaluations = Some(4);
    config.probe.images_per_class = 20;
    let watcher = Watcher { enough: 0.85, reached: AtomicBool::new(false) };
    let host = Host::watched(Arc::new(watcher));
    match imfl_run::run(config, None, &host) {
        Ok(Some(finished)) => println!("{}", finished.summary),
        // Another process of several has the result.
        Ok(None) => {}
        Err(failure) if failure.kind() == Kind::Interrupted => println!("{failure}"),
        Err(failure) => return Err(failure.into()),
    }
    Ok(())
}
