//! Events in the order of (time, client).

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

/// Something that ends at a moment: an update arrives, or a client is gone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Event {
    pub time: f64,
    pub client: u32,
}

impl Ord for Event {
    fn cmp(&self, other: &Self) -> Ordering {
        self.time.total_cmp(&other.time).then(self.client.cmp(&other.client))
    }
}

impl PartialOrd for Event {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Event {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Event {}

/// What is still to come.
#[derive(Clone, Debug, Default)]
pub(super) struct Clock(BinaryHeap<Reverse<Event>>);

impl Clock {
    pub fn add(&mut self, event: Event) {
        self.0.push(Reverse(event));
    }

    /// The time of the next event.
    pub fn next_time(&self) -> Option<f64> {
        self.0.peek().map(|next| next.0.time)
    }

    /// Takes the next event.
    pub fn next(&mut self) -> Option<Event> {
        self.0.pop().map(|next| next.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_by_time_and_then_by_client() {
        let mut clock = Clock::default();
        for (time, client) in [(2.0, 1), (1.0, 9), (1.0, 2), (0.5, 7)] {
            clock.add(Event { time, client });
        }
        assert_eq!(clock.next_time(), Some(0.5));
        let order: Vec<u32> = std::iter::from_fn(|| clock.next()).map(|event| event.client).collect();
        assert_eq!(order, [7, 2, 9, 1]);
    }
}
