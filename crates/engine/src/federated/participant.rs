use crate::client::Client;

/// A client in a round, and how much its update counts.
#[derive(Clone, Debug)]
pub struct Participant {
    /// Whose samples are trained on.
    pub client: Client,
    /// Weight of its update relative to the other participants': its samples, or its effective samples. Above zero.
    pub weight: f64,
}

impl Participant {
    /// A client that counts by the number of its samples.
    pub fn by_samples(client: Client) -> Self {
        Self { weight: client.samples.len() as f64, client }
    }
}
