//! Which instruction set runs.

use std::sync::OnceLock;

/// An instruction set that this build has kernels for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Plain Rust, vectorised by the compiler for the build's baseline.
    Portable,
    /// AVX2 with fused multiply-add: 8 lanes.
    Avx2,
    /// AVX-512 F: 16 lanes in the inner products, 8 in the transforms.
    Avx512,
}

/// The best level of this machine.
///
/// `IMFL_SIMD=portable|avx2|avx512` lowers it, for tests and for measuring what a level is worth. A level that
/// the machine lacks is never chosen.
pub fn level() -> Level {
    static LEVEL: OnceLock<Level> = OnceLock::new();
    *LEVEL.get_or_init(|| {
        let best = detect();
        let wanted = match std::env::var("IMFL_SIMD").as_deref() {
            Ok("portable") => Level::Portable,
            Ok("avx2") => Level::Avx2,
            _ => best,
        };
        wanted.min(best)
    })
}

#[cfg(target_arch = "x86_64")]
fn detect() -> Level {
    let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
    match (avx2, is_x86_feature_detected!("avx512f")) {
        (true, true) => Level::Avx512,
        (true, false) => Level::Avx2,
        _ => Level::Portable,
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn detect() -> Level {
    Level::Portable
}
