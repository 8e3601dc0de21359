//! A device that fails while it computes: it is lost, or its memory is full.
//!
//! Backends compute later than they are asked, and say what went wrong when values are waited for, some deep inside a model. There a
//! failure sets out as a panic with a payload of its own, past everything that has no answer to it, and whoever can end the work in order
//! [`catch`]es it.

use std::any::Any;
use std::fmt::{self, Display};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// What a device that failed said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed(String);

impl Failed {
    /// What to make of the panic of some work, if it was of a device that failed.
    pub fn from_panic(panic: &(dyn Any + Send)) -> Option<&Self> {
        panic.downcast_ref()
    }
}

impl Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "the device failed, as one does that is lost or whose memory is full: {}", self.0)
    }
}

impl std::error::Error for Failed {}

/// Gives up what the device was to compute, because of what it said. Says nothing itself: whoever catches it does.
///
/// # Panics
/// That is its way; see [`catch`].
pub fn fail(said: impl Display) -> ! {
    let said = said.to_string();
    // Backends append where in their own code it happened.
    let said = said.split("\nBacktrace").next().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ");
    resume_unwind(Box::new(Failed(said)))
}

/// Does some work that a device computes. What it changed is left as it stood when the device failed; other panics go on.
/// On a device with a memory of its own, `apart`, every panic counts as such: backends panic where a launch or an allocation cannot be made.
///
/// # Errors
/// What the device said when it failed.
pub fn catch<T>(apart: bool, work: impl FnOnce() -> T) -> Result<T, Failed> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| match panic.downcast::<Failed>() {
        Ok(failed) => *failed,
        Err(panic) if apart => Failed(message(panic.as_ref())),
        Err(panic) => resume_unwind(panic),
    })
}

/// The message of a panic.
pub fn message(panic: &(dyn Any + Send)) -> String {
    let said =
        panic.downcast_ref::<&str>().map(ToString::to_string).or_else(|| panic.downcast_ref::<String>().cloned());
    said.unwrap_or_else(|| "no message".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_caught_and_a_mistake_goes_on() {
        assert_eq!(catch(false, || 3), Ok(3));
        let failed = catch(false, || -> () { fail("out of\n  memory\nBacktrace:\n 0: somewhere") }).unwrap_err();
        assert!(failed.to_string().ends_with(": out of memory"), "{failed}");
        let mistake = catch_unwind(|| catch(false, || -> () { resume_unwind(Box::new("a mistake")) }));
        assert_eq!(message(mistake.unwrap_err().as_ref()), "a mistake");
        let panic = || -> () { resume_unwind(Box::new("no buffer")) };
        assert_eq!(catch(true, panic), Err(Failed("no buffer".into())), "a backend's");
    }

    #[test]
    fn a_failure_crosses_the_threads_of_workers() {
        for workers in [1, 3] {
            let work = || crate::worker::map(workers, 5, |index| if index == 3 { fail("gone") } else { index });
            assert_eq!(catch(false, work), Err(Failed("gone".into())));
        }
    }
}
