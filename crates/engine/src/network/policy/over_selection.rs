use super::{Closing, PolicyRule};

/// Asks more clients than are wanted and goes on when as many as are wanted have delivered (Bonawitz et al. 2019, arXiv
/// 1902.01046, section 2.2, who ask 1.3 times as many).
pub struct OverSelection {
    /// How many times as many, at least 1.
    pub factor: f64,
}

impl PolicyRule for OverSelection {
    fn asks(&self, wanted: usize) -> usize {
        (wanted as f64 * self.factor).ceil() as usize
    }

    fn closing(&self, wanted: usize) -> Closing {
        Closing { arrivals: Some(wanted), ..Closing::default() }
    }
}
