//! The resolutions at which clients are measured.

use crate::money::decimal;

/// Resolution of skews, label shares and theta: one part in 10^9.
pub const NANOS: u64 = 1_000_000_000;
/// The largest number of samples in a market, all clients together. It keeps every sum of the allocation in 128 bits.
pub const MAX_TOTAL_SAMPLES: u64 = 1_000_000_000_000;

/// `text` in parts of 1e9, if it lies in [0, `max`].
pub(crate) fn nanos(text: &str, max: u64) -> std::result::Result<u64, String> {
    let value = decimal(text, 9).map_err(|error| error.to_string())?.0;
    let top = i128::from(max * NANOS);
    if (0..=top).contains(&value) { Ok(value as u64) } else { Err(format!("{} is outside [0, {max}]", text.trim())) }
}
