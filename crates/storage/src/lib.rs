//! Files that survive crashes.
//!
//! A process can end between any two operations, and each operation can fail. Four shapes of data stay whole all the same:
//!
//! - a file that is [replaced](replace()) in one rename;
//! - a [`Log`] that grows by pieces, each on the disk before [`Log::append`] returns, and [`JsonLines`], whose pieces are values;
//! - a [sealed](seal()) folder that is there with everything or not at all, and vouches for every byte;
//! - [`Tensors`], numbers in the one format of this workspace, which are written by one of the above.
//!
//! All of them go through [`FileSystem`], so that [`Faulty`] can fail each operation in turn. A [`Lock`] keeps two processes from
//! writing one folder.
//!
//! ```
//! use imfl_storage::{Disk, Fault, Faulty, replace};
//!
//! # let folder = tempfile::tempdir()?;
//! let path = folder.path().join("settings.toml");
//! replace(&Disk, &path, b"rounds = 10")?;
//! // The disk is full at the first operation, the second, ...: the old file is there, whole.
//! for at in 0..4 {
//!     let files = Faulty::new(Some(at), Fault::NoSpace, true);
//!     assert!(replace(&files, &path, b"rounds = 20").is_err());
//!     assert_eq!(std::fs::read(&path)?, b"rounds = 10");
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod digest;
mod error;
mod faulty;
mod file_system;
mod lines;
mod lock;
mod log;
mod replace;
mod seal;
mod tensors;

pub use digest::{Hasher, hex_digest};
pub use error::{Result, StorageError};
pub use faulty::{Fault, Faulty};
pub use file_system::{Disk, FileSystem, Handle};
pub use lines::{JsonLines, Keep};
pub use lock::Lock;
pub use log::{Log, Position};
pub use replace::{remove, replace, replace_secret, replace_shared};
pub use seal::{Parts, Sealed, seal, unseal};
pub use tensors::{Stored, StoredError, Tensors};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
