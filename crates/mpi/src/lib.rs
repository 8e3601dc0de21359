#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

#[cfg(feature = "mpi")]
mod transport;

use imfl_ranks::Connect;

/// How [`imfl_ranks::start`] joins ranks over MPI; `None` in a build without the feature.
#[cfg(feature = "mpi")]
pub const CONNECT: Option<Connect> = Some(transport::connect);

/// How [`imfl_ranks::start`] joins ranks over MPI; `None` in a build without the feature.
#[cfg(not(feature = "mpi"))]
pub const CONNECT: Option<Connect> = None;
