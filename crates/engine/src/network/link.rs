/// What connects a client with the server.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Link {
    /// Bytes a second from the server.
    pub down: f64,
    /// Bytes a second to the server.
    pub up: f64,
    /// Seconds before the first byte of a message arrives.
    pub latency: f64,
}

/// Bytes a second of a megabit a second.
pub(super) const MEGABIT: f64 = 1e6 / 8.0;

impl Link {
    /// Messages arrive when they are sent.
    pub const INSTANT: Self = Self { down: f64::INFINITY, up: f64::INFINITY, latency: 0.0 };

    /// Seconds until a message of the server has arrived.
    pub fn receiving(&self, bytes: u64) -> f64 {
        self.latency + bytes as f64 / self.down
    }

    /// Seconds until a message to the server has arrived.
    pub fn sending(&self, bytes: u64) -> f64 {
        self.latency + bytes as f64 / self.up
    }
}
