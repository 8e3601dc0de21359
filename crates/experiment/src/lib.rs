#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod assess;
pub mod bench;
pub mod contest;
pub mod generator;
pub mod reproduce;
