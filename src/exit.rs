//! The codes that a script sees. Clap itself exits with 2 on wrong usage.

use imfl_run::Kind;

/// The documented exit code of a kind of failure.
pub fn code(kind: Kind) -> u8 {
    match kind {
        Kind::Unexpected => 1,
        Kind::Usage => 2,
        Kind::Config => 3,
        Kind::Data => 4,
        Kind::Device => 5,
        Kind::Diverged => 6,
        Kind::Checkpoint => 7,
        Kind::Budget => 8,
        Kind::Interrupted => 130,
    }
}
