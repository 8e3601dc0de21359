//! One module for each command.

pub mod aigc;
pub mod bench;
pub mod data;
pub mod devices;
pub mod forecast;
pub mod manual;
pub mod mechanism;
pub mod privacy;
pub mod report;
pub mod reproduce;
pub mod run;
pub mod sweep;
