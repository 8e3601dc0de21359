//! Sums of masked vectors: the server learns the sum of the clients' integers and nothing else about them.
//!
//! The protocol of Bonawitz et al. 2017 in its version for parties that keep to it, over integers modulo 2^64.
//! Every pair of clients agrees on a key (X25519, HKDF-SHA256) and expands it (ChaCha20) to a vector that one adds
//! and the other subtracts, so that the sum over all clients is the plain one **bit for bit**. Clients that drop
//! out leave their halves behind; before anybody sends anything masked, each has therefore dealt shares (Shamir) of
//! its secrets to all, of which a threshold reconstructs them. A second vector, a client's own, keeps an update
//! that arrived late secret even if the pair masks of its sender were reconstructed meanwhile.
//!
//! A round, with fresh keys:
//!
//! 1. every client: [`Joining::new`], sends its [`Advertisement`]; the server sends [`Server::roster`] to all;
//! 2. every client: [`Joining::share`], sends one [`SealedShares`] for each client, itself included; the server
//!    hands them out;
//! 3. every client: [`Sharing::mask`], sends its masked vector; the server adds them up: [`Server::add`];
//! 4. every client left: [`Masked::reveal`] for [`Server::survivors`], sends the [`Revealed`];
//!    [`Server::finish`] takes the masks off, or says that too few clients are left: the round's sum then stays hidden.
//!
//! **Against whom.** The server, and clients fewer than the threshold, may put together everything they see, but
//! keep to the protocol; the rest of a sum of n clients of whom c tell all is hidden among the n - c others.
//! Thresholds above half the clients keep a server from asking two halves for the two secrets of one client; each
//! client answers once. *Not* held off: a server that hands out keys of its own making (that takes signed keys and
//! somebody who vouches for them), one that tells clients different lists of who is left, a client that sends
//! nonsense (it spoils the sum, though nobody's secret; a sum of vectors nobody sees cannot be checked for
//! outliers), and what the sum itself reveals: that takes noise, see [`crate::noise`], which here the server adds
//! to the sum that it sees.
//!
//! Nothing here is a cipher of our own: key agreement, derivation, expansion and sealing are RustCrypto's and
//! dalek's, and shares live in the prime field of dalek's scalars.
//!
//! ```
//! use imfl_privacy::masks::{Joining, Server};
//! use rand::SeedableRng;
//! use chacha20::ChaCha20Rng; // In earnest: the operating system's.
//!
//! # fn main() -> imfl_privacy::Result<()> {
//! let mut rng = ChaCha20Rng::seed_from_u64(1);
//! let vectors = [[1, -2], [30, 40], [500, 600]];
//! let mut server = Server::new(7, 2, 2)?;
//! let (joining, advertisements): (Vec<_>, Vec<_>) = (0..3).map(|client| Joining::new(7, client, &mut rng)).unzip();
//! let roster = server.roster(advertisements)?.to_vec();
//! let mut boxes = vec![Vec::new(); 3];
//! let mut sharing = Vec::new();
//! for client in joining {
//!     let (next, sealed) = client.share(&roster, 2, &mut rng)?;
//!     sharing.push(next);
//!     sealed.into_iter().for_each(|shares| boxes[shares.to as usize].push(shares));
//! }
//! let mut masked = Vec::new();
//! for (k, (client, sealed)) in sharing.into_iter().zip(boxes).enumerate() {
//!     let mut vector = vectors[k];
//!     masked.push(client.mask(sealed, &mut vector)?);
//!     // Client 1 drops out.
//!     if k != 1 {
//!         server.add(k as u64, &vector)?;
//!     }
//! }
//! masked.remove(1);
//! let survivors = server.survivors();
//! let revealed = masked.into_iter().map(|client| client.reveal(&survivors)).collect::<Result<_, _>>()?;
//! assert_eq!(server.finish(revealed)?, [501, 598]);
//! # Ok(())
//! # }
//! ```

mod client;
mod key;
mod message;
mod server;
mod shamir;

pub use client::{Joining, Masked, Sharing};
pub use message::{Advertisement, Revealed, RevealedShare, SealedShares, Secret};
pub use server::Server;
