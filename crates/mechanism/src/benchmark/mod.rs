//! Mechanisms to compare with: each leaves out one thing that the others use. The seventh, [`crate::posted::FixedPrice`], is a rule of
//! its own.

mod known;
mod natural;
mod selection;
mod simple_price;

pub use natural::{fixed_price, random_participants, top_k};
pub use selection::{EveryoneAtCost, EveryoneAugmented, RandomParticipants, TopK};
pub(crate) use simple_price::without_generation;
pub use simple_price::{NoGeneration, QualityBlind};
