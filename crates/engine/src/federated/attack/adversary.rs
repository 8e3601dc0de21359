use crate::random::ChaCha8Rng;
use crate::update::ClientUpdate;

/// What the hostile clients of a round do to their updates, which they know of each other.
pub trait Adversary: Send + Sync {
    /// Changes the updates of the `hostile` clients. It may see the changes of all `honest` ones, and draw for a client from
    /// `random`, which starts anew for every client and round.
    fn strike(&self, hostile: &mut [&mut ClientUpdate], honest: &[&[f32]], random: &dyn Fn(u32) -> ChaCha8Rng);
}
