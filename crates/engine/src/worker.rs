//! Tasks spread over worker threads, with results in the order of the tasks.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The number of worker threads that this machine suggests: one for each core.
pub fn available() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get())
}

/// Runs `task(0..count)` on `workers` threads. Each thread has a state of its own, made by `state`; all states are
/// returned, so that a task can leave behind what does not depend on order, beside the results in order of the tasks.
pub fn run<S: Send, T: Send>(
    workers: usize,
    count: usize,
    state: impl Fn() -> S + Sync,
    task: impl Fn(&mut S, usize) -> T + Sync,
) -> (Vec<S>, Vec<T>) {
    let next = AtomicUsize::new(0);
    let results: Vec<Mutex<Option<T>>> = (0..count).map(|_| Mutex::new(None)).collect();
    let work = || {
        let mut own = state();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(slot) = results.get(index) else { return own };
            let result = task(&mut own, index);
            // Nobody else locks this slot: the counter hands each index out once.
            *slot.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(result);
        }
    };
    let states = match workers.clamp(1, count.max(1)) {
        1 => vec![work()],
        workers => std::thread::scope(|scope| {
            let threads: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
            let join = |thread: std::thread::ScopedJoinHandle<S>| {
                thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            };
            threads.into_iter().map(join).collect()
        }),
    };
    let finished = results.into_iter().filter_map(|slot| slot.into_inner().unwrap_or_else(|error| error.into_inner()));
    (states, finished.collect())
}

/// [`run`] without states.
pub fn map<T: Send>(workers: usize, count: usize, task: impl Fn(usize) -> T + Sync) -> Vec<T> {
    run(workers, count, || (), |(), index| task(index)).1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_keep_their_order_and_states_see_every_task_once() {
        for workers in [1, 2, 7] {
            let (states, results) = run(
                workers,
                20,
                || 0,
                |sum, index| {
                    *sum += index;
                    index * index
                },
            );
            assert_eq!(results, (0..20).map(|index| index * index).collect::<Vec<_>>());
            assert_eq!(states.into_iter().sum::<usize>(), 190);
        }
        assert!(map(3, 0, |index| index).is_empty());
    }
}
