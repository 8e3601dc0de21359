//! Clients: what the server measures about each, and what only the client knows.

mod entry;
mod file;
mod held;
mod population;
mod scale;
mod target;

pub use entry::{Client, ClientSpec};
pub(crate) use entry::{fine, micros_up, mode_cost};
pub use held::Held;
pub use population::{Population, SKEW_TOLERANCE};
pub use scale::{MAX_TOTAL_SAMPLES, NANOS};
pub use target::{SUM_TOLERANCE, Target, TargetChoice};
