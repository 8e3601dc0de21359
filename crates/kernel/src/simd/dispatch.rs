//! One copy of a kernel for each instruction set.

/// Compiles `$body::<S>(args)` for every level and defines `$name(args)`, which runs the best one.
///
/// `vectors` gives `S` the widest vectors of the level; `lanes8` always eight lanes, for the transforms.
/// The defined function is `unsafe` with the contract of `$body`, less the machine's features. `plain` is for a safe
/// `$body(args)` without `S`, whose loops the compiler makes vectors of; the defined function is then safe too.
macro_rules! dispatch {
    ($(#[$doc:meta])* $vis:vis fn $name:ident($($arg:ident: $ty:ty),* $(,)?) $(-> $out:ty)? = $body:ident, plain) => {
        $(#[$doc])*
        $vis fn $name($($arg: $ty),*) $(-> $out)? {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2,fma")]
                fn avx2($($arg: $ty),*) $(-> $out)? {
                    $body($($arg),*)
                }
                #[target_feature(enable = "avx2,fma,avx512f")]
                fn avx512($($arg: $ty),*) $(-> $out)? {
                    $body($($arg),*)
                }
                match $crate::simd::level() {
                    // SAFETY: `level` names only what the machine has.
                    $crate::simd::Level::Avx512 => return unsafe { avx512($($arg),*) },
                    // SAFETY: as above.
                    $crate::simd::Level::Avx2 => return unsafe { avx2($($arg),*) },
                    $crate::simd::Level::Portable => {}
                }
            }
            $body($($arg),*)
        }
    };
    ($(#[$doc:meta])* $vis:vis fn $name:ident($($arg:ident: $ty:ty),* $(,)?) = $body:ident, vectors) => {
        dispatch!(@define $(#[$doc])* $vis $name($($arg: $ty),*) $body Avx512 "avx2,fma,avx512f");
    };
    ($(#[$doc:meta])* $vis:vis fn $name:ident($($arg:ident: $ty:ty),* $(,)?) = $body:ident, lanes8) => {
        dispatch!(@define $(#[$doc])* $vis $name($($arg: $ty),*) $body Avx2 "avx2,fma,avx512f");
    };
    (@define $(#[$doc:meta])* $vis:vis $name:ident($($arg:ident: $ty:ty),*) $body:ident $wide:ident $features:literal) => {
        $(#[$doc])*
        #[allow(clippy::too_many_arguments)]
        $vis unsafe fn $name($($arg: $ty),*) {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2,fma")]
                #[allow(clippy::too_many_arguments)]
                unsafe fn avx2($($arg: $ty),*) {
                    $body::<$crate::simd::Avx2>($($arg),*)
                }
                #[target_feature(enable = $features)]
                #[allow(clippy::too_many_arguments)]
                unsafe fn avx512($($arg: $ty),*) {
                    $body::<$crate::simd::$wide>($($arg),*)
                }
                // Sound: `level` names only what the machine has; the rest is this function's own contract.
                match $crate::simd::level() {
                    $crate::simd::Level::Avx512 => return avx512($($arg),*),
                    $crate::simd::Level::Avx2 => return avx2($($arg),*),
                    $crate::simd::Level::Portable => {}
                }
            }
            $body::<$crate::simd::Portable>($($arg),*)
        }
    };
}
pub(crate) use dispatch;
