//! Files that survive crashes.
//!
//! A process can end between any two operations, and each operation can fail. Three shapes of data stay whole all the same:
//! a file that is [replaced](replace) in one rename, a [`Log`] that grows by whole lines, and a [sealed](seal) folder that
//! is there with everything or not at all. All of them go through [`FileSystem`], so that [`Faulty`] can fail each
//! operation in turn.

mod digest;
mod error;
mod faulty;
mod file_system;
mod lock;
mod log;
mod replace;
mod seal;

pub use digest::{Hasher, hex_digest};
pub use error::{Result, StorageError};
pub use faulty::{Fault, Faulty};
pub use file_system::{Disk, FileSystem, Handle};
pub use lock::Lock;
pub use log::{Log, Position};
pub use replace::replace;
pub use seal::{Parts, Sealed, seal, unseal};
