//! Values that are here, or still being computed by somebody.

use std::panic::resume_unwind;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;

/// Values that whoever asks for them waits for.
#[derive(Debug)]
pub(crate) struct Values {
    here: OnceLock<Vec<f32>>,
    coming: Mutex<Option<JoinHandle<Vec<f32>>>>,
}

impl From<Vec<f32>> for Values {
    fn from(values: Vec<f32>) -> Self {
        Self { here: values.into(), coming: Mutex::new(None) }
    }
}

impl Values {
    /// What some work finds, which begins now on a thread of its own.
    #[cfg_attr(not(any(feature = "wgpu", feature = "cuda", test)), allow(dead_code, reason = "nothing is elsewhere"))]
    pub fn later(work: impl FnOnce() -> Vec<f32> + Send + 'static) -> Self {
        Self { here: OnceLock::new(), coming: Mutex::new(Some(std::thread::spawn(work))) }
    }

    /// The values.
    ///
    /// # Panics
    /// As the work panicked that was to find them.
    pub fn get(&self) -> &[f32] {
        self.here.get_or_init(|| {
            let coming = self.coming.lock().unwrap_or_else(PoisonError::into_inner).take();
            // Taken by the first who asks; the others wait for that one, and if the work panicked, nobody gets past it.
            let work = coming.expect("the work that was to find these values panicked");
            work.join().unwrap_or_else(|panic| resume_unwind(panic))
        })
    }

    /// The values, to change.
    pub fn get_mut(&mut self) -> &mut [f32] {
        self.get();
        // They are here now.
        self.here.get_mut().expect("values that were waited for")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn everybody_gets_what_was_on_its_way() {
        let (send, receive) = channel();
        let mut values = Values::later(move || vec![receive.recv().unwrap(), 2.0]);
        std::thread::scope(|scope| {
            let waiting: Vec<_> = (0..3).map(|_| scope.spawn(|| values.get().to_vec())).collect();
            send.send(1.0).unwrap();
            assert!(waiting.into_iter().all(|thread| thread.join().unwrap() == [1.0, 2.0]));
        });
        values.get_mut()[0] = 3.0;
        assert_eq!(values.get(), [3.0, 2.0]);
        assert_eq!(Values::from(vec![1.0]).get(), [1.0]);
    }

    #[test]
    fn a_panic_comes_to_whoever_asks() {
        let values = Values::later(|| resume_unwind(Box::new("no values")));
        let ask = || std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| values.get().to_vec())).is_err();
        assert!(ask() && ask());
    }
}
