//! Differential privacy for federated learning: accounts, exact noise, clipping, masked sums.
//!
//! - [`account`]: epsilon before a training ([`account::Report`]), its noise for an epsilon, a budget kept round by
//!   round ([`account::Accountant`]); by [`rdp`] and by [`pld`];
//! - [`ftrl`]: correlated noise for cohorts that cannot be sampled;
//! - [`noise`]: the discrete Gaussian, drawn without floating-point numbers;
//! - [`clip`]: bounds on contributions, exact for integers, fixed or following a quantile;
//! - [`masks`]: sums of which the server sees nothing but the sum.
//!
//! # A private round
//!
//! Neighbouring data sets differ by one client, added or removed. For an account to say the truth about a training,
//! every round has to be this, in this order:
//!
//! 1. **Budget.** [`account::Accountant::spend`] before anything is released. It refuses the round that would pass
//!    the budget; the accountant is part of a checkpoint.
//! 2. **Cohort.** Every client is in with probability `rate`, by a coin of its own. A cohort of a fixed size is
//!    *not* Poisson sampling, and accounted as if it were, epsilon is wrong. Who took part, and how many, is
//!    secret.
//! 3. **Contribution.** A client's change of the model as integers in a fixed unit, say 2^-40; then [`clip::clip`]
//!    to a whole number of units, the *sensitivity*. One client counts once and with weight one, however many
//!    samples it has. A client that fails or sends what is refused contributes nothing, which is a clipped
//!    contribution too.
//! 4. **Sum** of integers, and **noise** once: [`noise::DiscreteGaussian`] for [`noise::Variance::scaled`]`(noise,
//!    sensitivity)`, after all parts of the sum have come together. An empty cohort is a sum of zeros and gets
//!    noise like any other.
//! 5. **Mean**: divided by the *expected* cohort, `rate` times the number of clients, since the true one is secret.
//! 6. With [`clip::AdaptiveClip`]: the sum of votes with its own noise, and updates with
//!    [`clip::AdaptiveClip::update_noise`].
//!
//! Whatever else looks at clients' data and is released (histograms, probes of gradients, losses, an early stop by
//! them) is either an event of the account or outside the promise.
//!
//! # Randomness
//!
//! Whoever can work out the coins or the noise has the plain sum. Both come from a generator that the caller hands
//! over; it has to be keyed by a secret of at least 128 bits that is never released, and a run's public seed is
//! none. Addressed by (secret, purpose, round, slice of the sum), the same run draws the same bits, on any number
//! of threads or machines, and a round that is repeated after a crash releases the same sum once more and spends
//! nothing new. A run in which anything else was changed needs a new secret: two sums with the same noise give away
//! their difference.
//!
//! # Command lines
//!
//! [`account::Question`] has the fields that a command line asks for, [`account::Report`] is the JSON that it
//! prints, and every [`Error`] is a sentence that says what was wrong and what to do.
#![forbid(unsafe_code)]

pub mod account;
pub mod clip;
pub mod ftrl;
pub mod masks;
pub mod noise;
pub mod pld;
pub mod rdp;
pub mod secret;

mod error;
mod event;
mod normal;

pub use error::{Error, Result};

/// The examples of the README are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
