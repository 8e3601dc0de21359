//! Numbers of 64 bits on devices that have only 32: IEEE 754 binary64, rounded to nearest with ties to even, and integers. Made of integer
//! operations, so that every device computes the bits that the CPU computes.
//!
//! What this engine never has is left out: results below 2^-1022 and above the largest number, and a NaN's payload. Operands that are not
//! finite give some number; whoever calls has to look for them.

use cubecl::prelude::*;

/// 64 bits in two halves.
#[derive(CubeType, CubeTypeMut, Clone, Copy)]
#[expand(derive(Clone, Copy))]
pub struct Wide {
    pub high: u32,
    pub low: u32,
}

#[cube]
pub fn wide(high: u32, low: u32) -> Wide {
    Wide { high, low }
}

/// Sum of two integers, wrapping.
#[cube]
pub fn add_integers(a: Wide, b: Wide) -> Wide {
    let low = a.low + b.low;
    let carry = u32::cast_from(low < a.low);
    Wide { high: a.high + b.high + carry, low }
}

/// Difference of two integers, wrapping.
#[cube]
pub fn subtract_integers(a: Wide, b: Wide) -> Wide {
    let borrow = u32::cast_from(a.low < b.low);
    Wide { high: a.high - b.high - borrow, low: a.low - b.low }
}

#[cube]
fn shift_left(a: Wide, by: u32) -> Wide {
    let mut high = a.high;
    let mut low = a.low;
    if by >= 32 {
        high = select(by >= 64, 0u32, low << (by & 31u32));
        low = 0u32;
    } else if by > 0 {
        high = (high << by) | (low >> (32u32 - by));
        low <<= by;
    }
    Wide { high, low }
}

/// Shifted right; whether a one was lost is kept in the last bit.
#[cube]
fn shift_right_sticky(a: Wide, by: u32) -> Wide {
    let mut high = a.high;
    let mut low = a.low;
    let mut lost = 0u32;
    if by >= 64 {
        lost = high | low;
        high = 0u32;
        low = 0u32;
    } else if by >= 32 {
        let rest = by & 31u32;
        lost = low;
        if rest > 0 {
            lost |= high << (32u32 - rest);
        }
        low = high >> rest;
        high = 0u32;
    } else if by > 0 {
        lost = low << (32u32 - by);
        low = (low >> by) | (high << (32u32 - by));
        high >>= by;
    }
    if lost != 0 {
        low |= 1u32;
    }
    Wide { high, low }
}

/// Leading zeros; 64 of zero.
#[cube]
fn leading_zeros(a: Wide) -> u32 {
    let mut zeros = a.high.leading_zeros();
    if a.high == 0 {
        zeros = 32u32 + a.low.leading_zeros();
    }
    zeros
}

/// The number of this sign and `mantissa * 2^(exponent - 1085)`, where the last bit of the mantissa may stand for all bits behind it.
#[cube]
fn pack(sign: u32, exponent: i32, mantissa: Wide) -> Wide {
    let mut high = sign;
    let mut low = 0u32;
    if mantissa.high != 0 || mantissa.low != 0 {
        let zeros = leading_zeros(mantissa);
        // The leading one is bit 63 now, 11 bits are too many, and the exponent is that of the leading one.
        let whole = shift_left(mantissa, zeros);
        let biased = exponent + 1i32 - i32::cast_from(zeros);
        let rest = whole.low & 0x7FFu32;
        let mut kept = shift_right_sticky(wide(whole.high, whole.low & 0xFFFF_F800u32), 11u32);
        let odd = kept.low & 1u32;
        if rest > 0x400u32 || (rest == 0x400u32 && odd == 1) {
            kept = add_integers(kept, wide(0u32, 1u32));
        }
        // The leading one adds itself to the exponent, and so does a mantissa that was rounded up to the next power of two.
        high = sign | (kept.high + (u32::cast_from(biased - 1i32) << 20u32));
        low = kept.low;
    }
    Wide { high, low }
}

/// A number of 32 bits, exactly.
#[cube]
pub fn from_single(value: f32) -> Wide {
    let bits = value.to_bits();
    let sign = bits & 0x8000_0000u32;
    let exponent = (bits >> 23u32) & 0xFFu32;
    let fraction = bits & 0x7F_FFFFu32;
    let mut high = sign;
    let mut low = 0u32;
    if exponent != 0 {
        high = sign | ((exponent + 896u32) << 20u32) | (fraction >> 3u32);
        low = fraction << 29u32;
    } else if fraction != 0 {
        // Too small for 32 bits' exponent, and not for that of 64: fraction * 2^-149.
        let packed = pack(sign, 936i32, wide(0u32, fraction));
        high = packed.high;
        low = packed.low;
    }
    Wide { high, low }
}

/// An integer of 64 bits, rounded.
#[cube]
pub fn from_integer(value: Wide) -> Wide {
    let sign = value.high & 0x8000_0000u32;
    let mut magnitude = value;
    if sign != 0 {
        magnitude = subtract_integers(wide(0u32, 0u32), value);
    }
    pack(sign, 1085i32, magnitude)
}

/// The mantissa with its leading one, if the number is not zero.
#[cube]
fn mantissa(a: Wide) -> Wide {
    let exponent = (a.high >> 20u32) & 0x7FFu32;
    let leading = select(exponent == 0, 0u32, 0x10_0000u32);
    // Zero is the only number without a leading one here.
    Wide { high: (a.high & 0xF_FFFFu32) | leading, low: a.low }
}

#[cube]
fn exponent(a: Wide) -> i32 {
    i32::cast_from((a.high >> 20u32) & 0x7FFu32)
}

/// Sum of two numbers.
#[cube]
pub fn add(a: Wide, b: Wide) -> Wide {
    // The larger first.
    let a_size = a.high & 0x7FFF_FFFFu32;
    let b_size = b.high & 0x7FFF_FFFFu32;
    let swapped = b_size > a_size || (b_size == a_size && b.low > a.low);
    let large = Wide { high: select(swapped, b.high, a.high), low: select(swapped, b.low, a.low) };
    let small = Wide { high: select(swapped, a.high, b.high), low: select(swapped, a.low, b.low) };
    // Nine bits below the last, for what is shifted out.
    let left = shift_left(mantissa(large), 9u32);
    let distance = u32::cast_from(exponent(large) - exponent(small));
    let right = shift_right_sticky(shift_left(mantissa(small), 9u32), distance);
    let sign = large.high & 0x8000_0000u32;
    let mut sum = add_integers(left, right);
    if sign != (small.high & 0x8000_0000u32) {
        sum = subtract_integers(left, right);
    }
    let mut signed = sign;
    if sum.high == 0 && sum.low == 0 && (a.high & 0x8000_0000u32) != (b.high & 0x8000_0000u32) {
        // Numbers that cancel give the positive zero.
        signed = 0u32;
    }
    // A mantissa in its place is 2^52 and more times 2^(exponent - 1075); nine bits more and it is times 2^(exponent - 1084).
    pack(signed, exponent(large) + 1i32, sum)
}

/// `a - b`.
#[cube]
pub fn subtract(a: Wide, b: Wide) -> Wide {
    add(a, wide(b.high ^ 0x8000_0000u32, b.low))
}

/// Product of two numbers.
#[cube]
pub fn multiply(a: Wide, b: Wide) -> Wide {
    let sign = (a.high ^ b.high) & 0x8000_0000u32;
    let x = mantissa(a);
    let y = mantissa(b);
    // 106 bits in four words.
    let w0 = x.low * y.low;
    let first = x.low.mul_hi(y.low);
    let cross_low = x.low * y.high;
    let cross_high = x.low.mul_hi(y.high);
    let other_low = x.high * y.low;
    let other_high = x.high.mul_hi(y.low);
    let mut middle = add_integers(wide(0u32, first), wide(cross_high, cross_low));
    // Each summand is below 2^53: no carry out of 64 bits.
    middle = add_integers(middle, wide(other_high, other_low));
    let top_low = x.high * y.high;
    let top_high = x.high.mul_hi(y.high);
    let top = add_integers(wide(top_high, top_low), wide(0u32, middle.high));
    // The leading one is bit 104 or 105: bit 40 or 41 of the upper 64. Shifted to the top, with what is below as one bit.
    let mut product = shift_left(top, 22u32);
    product = Wide { high: product.high, low: product.low | (middle.low >> 10u32) };
    if (middle.low & 0x3FFu32) != 0 || w0 != 0 {
        product = Wide { high: product.high, low: product.low | 1u32 };
    }
    // The product is that times 2^(42 + e_a - 1075 + e_b - 1075).
    pack(sign, exponent(a) + exponent(b) - 1023i32, product)
}

/// The nearest number of 32 bits; those below 2^-126 with their fewer bits, those above the largest as infinite.
#[cube]
pub fn to_single(a: Wide) -> f32 {
    let sign = a.high & 0x8000_0000u32;
    let biased = exponent(a) - 896i32;
    let mut bits = sign;
    if biased >= 255 {
        bits = sign | 0x7F80_0000u32;
    } else if exponent(a) > 0 {
        // 29 bits too many, and one more for each power of two below the least exponent.
        let mut by = 29u32;
        if biased < 1 {
            by = u32::cast_from(30i32 - biased);
        }
        // Three bits stay for rounding: half, and whether anything is behind it.
        let kept = shift_right_sticky(shift_left(mantissa(a), 2u32), by);
        let rest = kept.low & 3u32;
        let mut whole = kept.low >> 2u32;
        if rest == 3 || (rest == 2 && (whole & 1u32) == 1) {
            whole += 1u32;
        }
        let mut above = 0u32;
        if biased >= 1 {
            above = u32::cast_from(biased - 1i32) << 23u32;
        }
        bits = sign | (whole + above);
    }
    f32::from_bits(bits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::testing::{gpus, words};
    use crate::gpu::{grid, memory};
    use crate::random::{Purpose, keyed};
    use burn::tensor::{Int, Tensor};
    use rand::{Rng, RngExt};

    /// Sum, difference and product of numbers, and the first as 32 bits; and as an integer, rounded.
    const OPERATIONS: usize = 5;

    #[cube(launch)]
    fn operations(a: &[u32], b: &[u32], results: &mut [u32]) {
        let at = ABSOLUTE_POS;
        if 2 * at < a.len() {
            let x = wide(a[2 * at], a[2 * at + 1]);
            let y = wide(b[2 * at], b[2 * at + 1]);
            let out = 2 * at * comptime!(OPERATIONS);
            let sum = add(x, y);
            let difference = subtract(x, y);
            let product = multiply(x, y);
            let single = from_single(to_single(x));
            let integer = from_integer(x);
            results[out] = sum.high;
            results[out + 1] = sum.low;
            results[out + 2] = difference.high;
            results[out + 3] = difference.low;
            results[out + 4] = product.high;
            results[out + 5] = product.low;
            results[out + 6] = single.high;
            results[out + 7] = single.low;
            results[out + 8] = integer.high;
            results[out + 9] = integer.low;
        }
    }

    /// Pairs that are unrelated, close, far apart, or have few bits.
    fn pairs() -> Vec<[f64; 2]> {
        let mut random = keyed(2, Purpose::Experiment, 0, 0, 0);
        let mut pairs = vec![[0.0, 0.0], [-0.0, 0.0], [-0.0, -0.0], [1.0, -1.0], [1.0, f64::EPSILON / 2.0]];
        for _ in 0..20_000 {
            // Exponents from 2^-300 to 2^300, so that products stay in range.
            let sized = |random: &mut rand_chacha::ChaCha8Rng| {
                let exponent = random.random_range(723..1323u64);
                f64::from_bits(exponent << 52 | random.next_u64() >> 12 | (random.next_u64() & 1 << 63))
            };
            let x = sized(&mut random);
            pairs.push([x, sized(&mut random)]);
            pairs.push([
                x,
                f64::from_bits(x.to_bits() ^ (random.next_u64() >> random.random_range(0..60u32) & !(0x7FF << 52))),
            ]);
            pairs.push([x, x * f64::exp2(random.random_range(-60..60i32).into()) * -1.5]);
            let few = f64::from(random.random::<f32>()) * f64::exp2(random.random_range(-170..10i32).into());
            pairs.push([few, f64::from(random.next_u32() as i32 >> random.random_range(0..31u32))]);
        }
        pairs
    }

    #[test]
    fn every_operation_is_that_of_the_cpu_to_the_bit() {
        let pairs = pairs();
        let side = |side: usize| -> Vec<u32> {
            pairs.iter().flat_map(|pair| [(pair[side].to_bits() >> 32) as u32, pair[side].to_bits() as u32]).collect()
        };
        for device in gpus() {
            let results = Tensor::<1, Int>::zeros([2 * OPERATIONS * pairs.len()], &device);
            let output = memory(results.clone());
            let (count, dim) = grid(&output, pairs.len());
            let [a, b] = [0, 1].map(|which| memory(words(&side(which), &device)).into_buffer_arg());
            operations::launch(&output.client.clone(), count, dim, a, b, output.into_buffer_arg());
            let results = results.into_data().try_to_vec::<i32>().unwrap();
            for (&[x, y], found) in pairs.iter().zip(results.chunks(2 * OPERATIONS)) {
                let integer = x.to_bits() as i64 as f64;
                let expected = [x + y, x - y, x * y, f64::from(x as f32), integer];
                for (operation, (pair, expected)) in found.chunks(2).zip(expected).enumerate() {
                    let bits = u64::from(pair[0] as u32) << 32 | u64::from(pair[1] as u32);
                    // What overflows 32 bits is infinite there, and has no number in 64 here.
                    if expected.is_finite() {
                        assert_eq!(bits, expected.to_bits(), "operation {operation} of {x:e} and {y:e}");
                    }
                }
            }
        }
    }
}
