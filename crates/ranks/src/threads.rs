//! Ranks that are threads of one process: what a test of several ranks needs, without MPI.

use crate::{Local, Ranks, Transport};
use std::fmt;
use std::sync::{Arc, Barrier, Mutex, PoisonError};

/// So many ranks that meet in this process. Each has to be given to a thread of its own; one that ends early leaves the
/// others waiting.
pub fn threads(size: usize) -> Vec<Ranks> {
    let meeting = Arc::new(Meeting { barrier: Barrier::new(size), brought: Mutex::new(vec![Vec::new(); size]) });
    (0..size).map(|rank| Ranks::over(Thread { rank, size, meeting: meeting.clone() })).collect()
}

/// Runs `task` on so many ranks, each a thread; what each returned, in the order of ranks.
///
/// # Panics
/// If one of them does.
pub fn together<T: Send>(size: usize, task: impl Fn(Ranks) -> T + Sync) -> Vec<T> {
    let task = &task;
    std::thread::scope(|scope| {
        let started: Vec<_> = threads(size).into_iter().map(|ranks| scope.spawn(move || task(ranks))).collect();
        started.into_iter().map(|rank| rank.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    })
}

struct Meeting {
    barrier: Barrier,
    /// What each rank brought to the meeting that is going on.
    brought: Mutex<Vec<Vec<u8>>>,
}

struct Thread {
    rank: usize,
    size: usize,
    meeting: Arc<Meeting>,
}

impl fmt::Debug for Thread {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "rank {} of {} threads", self.rank, self.size)
    }
}

impl Transport for Thread {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.size
    }

    fn local(&self) -> Local {
        Local { rank: self.rank, size: self.size, sharing: self.size }
    }

    fn barrier(&self) {
        self.meeting.barrier.wait();
    }

    fn sum(&self, values: &mut [i64]) {
        let own: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let all = self.gather(&own, &vec![own.len(); self.size]);
        values.fill(0);
        for (place, bytes) in all.as_chunks::<8>().0.iter().enumerate() {
            let value = i64::from_le_bytes(*bytes);
            values[place % (own.len() / 8)] += value;
        }
    }

    fn gather(&self, own: &[u8], _: &[usize]) -> Vec<u8> {
        // A rank that panicked in a test has poisoned nothing that the others read.
        let brought = || self.meeting.brought.lock().unwrap_or_else(PoisonError::into_inner);
        brought()[self.rank] = own.to_vec();
        self.barrier();
        let all = brought().concat();
        self.barrier();
        all
    }

    fn abort(&self, code: u8) -> ! {
        std::process::exit(i32::from(code))
    }
}
