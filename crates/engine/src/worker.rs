//! Tasks spread over worker threads, with results in the order of the tasks.
//!
//! Threads are long-lived: the first call with a number of workers starts them, later calls find them waiting, with the
//! work buffers that their kernels have grown.

use rayon::{ThreadPool, ThreadPoolBuilder};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};

/// The number of worker threads that this machine suggests: one for each core.
pub fn available() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get())
}

/// The threads that serve calls for so many workers, started with the first of them.
fn pool(workers: usize) -> Arc<ThreadPool> {
    static POOLS: Mutex<BTreeMap<usize, Arc<ThreadPool>>> = Mutex::new(BTreeMap::new());
    let mut pools = POOLS.lock().unwrap_or_else(PoisonError::into_inner);
    let start = || {
        let pool = ThreadPoolBuilder::new().num_threads(workers).thread_name(|index| format!("worker {index}"));
        // Only a machine out of threads fails here, where `std::thread::spawn` would panic as well.
        Arc::new(pool.build().expect("the operating system starts threads"))
    };
    pools.entry(workers).or_insert_with(start).clone()
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
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
        }
    };
    let states = match workers.clamp(1, count.max(1)) {
        1 => vec![work()],
        workers => pool(workers).broadcast(|_| work()),
    };
    let finished = results.into_iter().filter_map(|slot| slot.into_inner().unwrap_or_else(PoisonError::into_inner));
    (states, finished.collect())
}

/// [`run`] without states.
pub fn map<T: Send>(workers: usize, count: usize, task: impl Fn(usize) -> T + Sync) -> Vec<T> {
    run(workers, count, || (), |(), index| task(index)).1
}

/// Runs `task(0..count)` on `workers` threads and hands each result to `receive` on this thread, in the order in which
/// they end. When `receive` breaks, no further task is started; says whether all were received.
///
/// One worker is this thread, and so is every worker of a call from inside a task: a pool that waits for its own threads would
/// wait for ever.
pub fn each<T: Send>(
    workers: usize,
    count: usize,
    task: impl Fn(usize) -> T + Sync,
    mut receive: impl FnMut(usize, T) -> ControlFlow<()>,
) -> bool {
    let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let (send, results) = mpsc::channel();
    let workers = workers.clamp(1, count.max(1));
    if workers == 1 || rayon::current_thread_index().is_some() {
        return (0..count).all(|index| receive(index, task(index)).is_continue());
    }
    pool(workers).in_place_scope(|scope| {
        for _ in 0..workers {
            let (send, next, stop, task) = (send.clone(), &next, &stop, &task);
            scope.spawn(move |_| {
                while !stop.load(Ordering::Relaxed) {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= count || send.send((index, task(index))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(send);
        for (index, result) in results {
            if receive(index, result).is_break() {
                stop.store(true, Ordering::Relaxed);
                return false;
            }
        }
        true
    })
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

    #[test]
    fn every_task_is_received_once_from_any_number_of_workers() {
        for workers in [1, 2, 5, 50] {
            let mut seen = vec![0; 20];
            let all = each(
                workers,
                20,
                |index| index * index,
                |index, square| {
                    assert_eq!(square, index * index);
                    seen[index] += 1;
                    ControlFlow::Continue(())
                },
            );
            assert!(all && seen == [1; 20]);
        }
        assert!(each(3, 0, |_| (), |_, ()| ControlFlow::Break(())));
        let mut received = 0;
        let all = each(
            2,
            1000,
            |index| index,
            |_, _| {
                received += 1;
                ControlFlow::Break(())
            },
        );
        assert!(!all && received == 1);
    }

    #[test]
    fn a_task_may_have_tasks_of_its_own() {
        for (outer, inner) in [(1, 1), (1, 2), (2, 1), (2, 2)] {
            let sum = |count| {
                let mut sum = 0;
                each(
                    inner,
                    count,
                    |index| index,
                    |_, index| {
                        sum += index;
                        ControlFlow::Continue(())
                    },
                );
                sum
            };
            let mut sums = vec![0; 5];
            let all = each(outer, 5, sum, |index, sum| {
                sums[index] = sum;
                ControlFlow::Continue(())
            });
            assert!(all && sums == [0, 0, 1, 3, 6], "{outer} workers with {inner} each");
        }
    }

    #[test]
    fn threads_are_the_same_from_call_to_call() {
        let threads = || {
            let mut ids = run(2, 2, || std::thread::current().id(), |_, _| ()).0;
            ids.sort_by_key(|id| format!("{id:?}"));
            ids
        };
        assert_eq!(threads(), threads());
    }
}
