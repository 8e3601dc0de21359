//! What a program that trains usually names: `use imfl_engine::prelude::*;`.

pub use crate::choice::{Choice, Named, UnknownName};
pub use crate::client::{Client, Images, Sample};
pub use crate::data::{self, Dataset, ImageShape, Samples};
pub use crate::device::{Compute, DeviceName};
pub use crate::federated::aggregation::by_value::{by_value, weighted_mean};
pub use crate::federated::{
    Adversary, Aggregation, AggregationRule, Attack, Availability, ClientAlgorithm, ClientUpdate, CohortSampling,
    Evaluation, Federation, Hostility, LocalAlgorithm, LocalSgd, Memory, Participant, RoundReport, Schedule, Server,
    ServerRule, ServerState, Step, Trained, TrainingError, Variates,
};
pub use crate::layer::{Conv2d, Dropout, Embedding, GroupNorm, Linear, MaxPool2d, Pass, flatten};
pub use crate::model::{Architecture, Model};
pub use crate::network::{Closing, Codec, Compression, Crowd, Link, LinkSource, Network, Policy, PolicyRule, Presence};
pub use crate::parameters::{Initialiser, Layout, Stacked, Weights};
pub use crate::partition::Scheme;
pub use crate::random::ChaCha8Rng;
pub use burn::tensor::{Device, Tensor, activation::relu};
