//! How fast a machine is at the work that runs are made of.

pub mod generate;
pub mod memory;
pub mod network;
pub mod ranks;
pub mod roofline;
pub mod train;
