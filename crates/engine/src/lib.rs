//! Federated training on Burn, with the client axis as a dimension of every tensor.
#![forbid(unsafe_code)]

pub mod attack;
pub mod batch;
pub mod client;
pub mod data;
pub mod device;
pub mod federated;
pub mod gradient;
pub mod launch;
pub mod layer;
pub mod model;
pub mod op;
pub mod parameters;
pub mod partition;
pub mod peak;
pub mod profile;
pub mod random;
pub mod stored;
pub mod worker;
