#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod canvas;
pub mod chart;
pub mod comparison;
pub mod figure;
mod frame;
pub mod grid;
pub mod learning;
pub mod live;
pub mod market;
mod network;
mod page;
pub mod palette;
pub mod plot;
mod run;
mod scale;
mod section;
mod sheet;
mod sound;
pub mod table;
mod texts;
pub mod theme;
mod worth;

pub use figure::Figure;
pub use run::write;
pub use table::Table;
