//! One module for each command.

pub mod data;
pub mod devices;
pub mod run;
