use super::{Closing, PolicyRule};

/// Goes on after so many seconds.
pub struct Deadline {
    /// Seconds from when the round began.
    pub seconds: f64,
    /// Whether an update that is late counts in the round in which it arrives, as it is; its client is busy until then.
    pub keeps: bool,
}

impl PolicyRule for Deadline {
    fn closing(&self, _wanted: usize) -> Closing {
        Closing { after: Some(self.seconds), ..Closing::default() }
    }

    fn keeps(&self) -> bool {
        self.keeps
    }
}
