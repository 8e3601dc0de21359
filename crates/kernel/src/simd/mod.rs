//! Vector instruction sets, chosen when the program runs.
//!
//! A kernel is written once over [`Simd`] as an `#[inline(always)]` function and compiled three times by
//! [`dispatch!`]: for AVX-512, for AVX2 with FMA, and portably. Which copy runs is decided by [`level`].

mod dispatch;
mod lanes;
mod level;
mod portable;
#[cfg(target_arch = "x86_64")]
mod x86;

pub(crate) use dispatch::dispatch;
pub use lanes::{Lanes8, Simd};
pub use level::{Level, level};
pub use portable::Portable;
#[cfg(target_arch = "x86_64")]
pub use x86::{Avx2, Avx512};
