//! Every cell of a grid once: those that an earlier run has finished are not computed again.

use super::journal::Journal;
use crate::failure::{Failure, Kind, Outcome};
use crate::progress::{self, Bar};
use imfl_engine::worker;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::ops::ControlFlow;
use std::time::Instant;

/// Runs the cells that are not in the journal on so many threads and returns the results of all, in the order of `cells`.
///
/// # Errors
/// The first failure of a cell; what was finished before it stays in the journal.
pub fn run<C, R>(
    label: &'static str,
    journal: &mut Journal,
    cells: &[C],
    workers: usize,
    cell: impl Fn(&C) -> Outcome<R> + Sync,
) -> Outcome<Vec<R>>
where
    C: Serialize + Sync,
    R: Serialize + DeserializeOwned + Send,
{
    let mut results = Vec::with_capacity(cells.len());
    for coordinates in cells {
        results.push(journal.get::<R>(coordinates)?);
    }
    let open: Vec<usize> = (0..cells.len()).filter(|&index| results[index].is_none()).collect();
    let done = cells.len() - open.len();
    if done > 0 {
        progress::note(format!("{done} of {} cells were finished before", cells.len()));
    }
    let bar = Bar::resumed(label, cells.len() as u64, done as u64);
    let mut failed: Option<Failure> = None;
    let timed = |place: usize| {
        let started = Instant::now();
        cell(&cells[open[place]]).map(|result| (result, started.elapsed().as_secs_f64()))
    };
    worker::each(workers, open.len(), timed, |place, result| {
        let index = open[place];
        match result.and_then(|(result, seconds)| {
            journal.record(&cells[index], seconds, &result)?;
            Ok(result)
        }) {
            Ok(result) => results[index] = Some(result),
            Err(failure) => {
                failed = Some(failure);
                return ControlFlow::Break(());
            }
        }
        bar.advance();
        ControlFlow::Continue(())
    });
    match failed {
        Some(failure) => Err(failure),
        None => results
            .into_iter()
            .collect::<Option<Vec<R>>>()
            .ok_or_else(|| Failure::new(Kind::Unexpected, "a cell of the grid was lost")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn a_second_run_computes_what_the_first_left_open() {
        let root = tempfile::tempdir().unwrap();
        let calls = AtomicUsize::new(0);
        let square = |x: &u64| {
            calls.fetch_add(1, Ordering::Relaxed);
            if *x == 3 { Err(Failure::new(Kind::Data, "three")) } else { Ok(x * x) }
        };
        let mut journal = Journal::open(root.path(), "", false).unwrap();
        assert!(run("t", &mut journal, &[1, 2, 3], 1, square).unwrap_err().to_string().contains("three"));
        let mut journal = Journal::open(root.path(), "", false).unwrap();
        assert_eq!(run("t", &mut journal, &[1, 2, 5, 4], 2, square).unwrap(), [1, 4, 25, 16]);
        assert_eq!(calls.load(Ordering::Relaxed), 5);
    }
}
