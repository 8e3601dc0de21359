//! Every cell of a grid once: those that an earlier run has finished are not computed again.

use super::journal::Journal;
use imfl_engine::worker;
use imfl_run::agreement;
use imfl_run::failure::{Failure, Kind, Outcome};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::ops::ControlFlow;
use std::time::Instant;

/// Cells that each worker of a rank gets before ranks tell each other what they found: what a rank has done since is lost
/// if another fails.
const BETWEEN: usize = 4;

/// Runs the cells that are not in the journal on so many threads and returns the results of all, in the order of `cells`.
/// Several ranks share the cells, and all return all results.
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
    let ranks = journal.ranks().clone();
    let before = || cells.iter().map(|coordinates| journal.get::<R>(coordinates)).collect::<Outcome<Vec<Option<R>>>>();
    let mut results = agreement::from_first(&ranks, before)?;
    let open: Vec<usize> = (0..cells.len()).filter(|&index| results[index].is_none()).collect();
    let done = cells.len() - open.len();
    if done > 0 {
        journal.progress().note(format!("{done} of {} cells were finished before", cells.len()));
    }
    let bar = journal.progress().resumed(label, cells.len() as u64, done as u64);
    let wave = if ranks.are_several() { BETWEEN * workers.max(1) * ranks.size() } else { open.len() };
    for wave in open.chunks(wave.max(1)) {
        let own: Vec<usize> = wave.iter().copied().skip(ranks.rank()).step_by(ranks.size()).collect();
        let mut finished = Vec::with_capacity(own.len());
        let mut failed: Option<Failure> = None;
        let timed = |place: usize| {
            let started = Instant::now();
            cell(&cells[own[place]]).map(|result| (result, started.elapsed().as_secs_f64()))
        };
        worker::each(workers, own.len(), timed, |place, result| {
            let index = own[place];
            match result.and_then(|(result, seconds)| {
                journal.record(&cells[index], seconds, &result)?;
                Ok((index, seconds, result))
            }) {
                Ok(result) => finished.push(result),
                Err(failure) => {
                    failed = Some(failure);
                    return ControlFlow::Break(());
                }
            }
            bar.advance();
            ControlFlow::Continue(())
        });
        if let Some(failure) = failed {
            return Err(failure);
        }
        if ranks.are_several() {
            let mut others = Vec::new();
            for (rank, found) in agreement::from_all(&ranks, &finished)?.into_iter().enumerate() {
                if rank != ranks.rank() {
                    others.extend(found);
                }
            }
            for (index, seconds, result) in &others {
                journal.record(&cells[*index], *seconds, result)?;
                bar.advance();
            }
            finished.extend(others);
        }
        finished.into_iter().for_each(|(index, _, result)| results[index] = Some(result));
    }
    let all = results.into_iter().collect::<Option<Vec<R>>>();
    all.ok_or_else(|| Failure::new(Kind::Unexpected, "a cell of the grid was lost"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use imfl_ranks::Ranks;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn a_second_run_computes_what_the_first_left_open() {
        let root = tempfile::tempdir().unwrap();
        let calls = AtomicUsize::new(0);
        let square = |x: &u64| {
            calls.fetch_add(1, Ordering::Relaxed);
            if *x == 3 { Err(Failure::new(Kind::Data, "three")) } else { Ok(x * x) }
        };
        let mut journal = Journal::open(root.path(), "", false, &Ranks::alone()).unwrap();
        assert!(run("t", &mut journal, &[1, 2, 3], 1, square).unwrap_err().to_string().contains("three"));
        drop(journal);
        let mut journal = Journal::open(root.path(), "", false, &Ranks::alone()).unwrap();
        assert_eq!(run("t", &mut journal, &[1, 2, 5, 4], 2, square).unwrap(), [1, 4, 25, 16]);
        assert_eq!(calls.load(Ordering::Relaxed), 5);
    }

    #[test]
    fn ranks_share_the_cells_and_the_first_writes_all_down() {
        let root = tempfile::tempdir().unwrap();
        let cells: Vec<u64> = (0..50).collect();
        let calls = AtomicUsize::new(0);
        let rank = |ranks: Ranks| {
            let mut journal = Journal::open(root.path(), "", false, &ranks).unwrap();
            let square = |x: &u64| {
                calls.fetch_add(1, Ordering::Relaxed);
                Ok(0.1 * *x as f64)
            };
            run("t", &mut journal, &cells, 2, square).unwrap()
        };
        let expected: Vec<f64> = cells.iter().map(|x| 0.1 * *x as f64).collect();
        for finished_before in [0, 50] {
            let before = calls.load(Ordering::Relaxed);
            imfl_ranks::together(3, rank).into_iter().for_each(|found| assert_eq!(found, expected));
            assert_eq!(calls.load(Ordering::Relaxed) - before, 50 - finished_before, "each cell once, by one rank");
        }
    }
}
