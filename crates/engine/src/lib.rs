//! Federated training on Burn, with the client axis as a dimension of every tensor.
#![forbid(unsafe_code)]

pub mod data;
pub mod layer;
pub mod model;
pub mod parameters;
pub mod random;
