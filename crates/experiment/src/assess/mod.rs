//! What a generator's images are worth, by every measure.

mod measure;
mod report;
mod settings;

pub use measure::measure;
pub use report::Report;
pub use settings::{Overlay, Part, Settings};
