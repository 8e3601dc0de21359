//! Independent pieces of work over threads.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;

/// Runs `work(piece)` for every piece on up to `workers` threads and hands each result to `receive` on this thread, in
/// the order in which they end. When `receive` breaks, no further piece is started; says whether all were received.
pub fn each<T: Send>(
    pieces: usize,
    workers: usize,
    work: impl Fn(usize) -> T + Sync,
    mut receive: impl FnMut(usize, T) -> ControlFlow<()>,
) -> bool {
    let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let (send, results) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..workers.clamp(1, pieces.max(1)) {
            let (send, next, stop, work) = (send.clone(), &next, &stop, &work);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let piece = next.fetch_add(1, Ordering::Relaxed);
                    if piece >= pieces || send.send((piece, work(piece))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(send);
        for (piece, result) in results {
            if receive(piece, result).is_break() {
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
    fn every_piece_is_done_once_by_any_number_of_workers() {
        for workers in [1, 2, 5, 50] {
            let mut seen = vec![0; 20];
            let all = each(
                20,
                workers,
                |piece| piece * piece,
                |piece, square| {
                    assert_eq!(square, piece * piece);
                    seen[piece] += 1;
                    ControlFlow::Continue(())
                },
            );
            assert!(all && seen == [1; 20]);
        }
        assert!(each(0, 3, |_| (), |_, ()| ControlFlow::Break(())));
    }

    #[test]
    fn stopping_leaves_the_rest_undone() {
        let done = AtomicUsize::new(0);
        let all = each(1000, 1, |_| done.fetch_add(1, Ordering::Relaxed), |_, _| ControlFlow::Break(()));
        assert!(!all);
    }
}
