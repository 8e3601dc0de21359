//! Money as integers: [`Credits`] (micro-credits), and unit prices a million times finer ([`Rate`], [`Price`]).
//!
//! Nothing here wraps or saturates: an amount that leaves its range is an error. Decimal text is read exactly.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::printable::Printable;

/// Micro-credits in a credit.
pub const MICROS: i64 = 1_000_000;
/// Pico-credits in a credit.
pub const PICOS: u64 = 1_000_000_000_000;

/// An amount of money: an integer number of micro-credits. As JSON it is that integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Credits(i64);

impl Credits {
    /// No money.
    pub const ZERO: Credits = Credits(0);
    /// The largest amount, 9,223,372,036,854.775807 credits.
    pub const MAX: Credits = Credits(i64::MAX);
    /// One micro-credit, the smallest amount.
    pub const UNIT: Credits = Credits(1);

    /// So many micro-credits.
    pub const fn from_micros(micros: i64) -> Self {
        Credits(micros)
    }

    /// The number of micro-credits.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// The amount in credits, for display and statistics only.
    pub fn to_f64(self) -> f64 {
        self.0 as f64 / MICROS as f64
    }

    /// Sum, or `None` where it overflows.
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(sum) => Some(Credits(sum)),
            None => None,
        }
    }

    /// Difference, or `None` where it overflows.
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(difference) => Some(Credits(difference)),
            None => None,
        }
    }

    /// Sum of many amounts; `what` names the sum in the error.
    pub fn sum(amounts: impl IntoIterator<Item = Credits>, what: &'static str) -> Result<Credits> {
        let total: i128 = amounts.into_iter().map(|amount| i128::from(amount.0)).sum();
        Credits::narrow(total, what)
    }

    /// `micros` if it fits; `what` names the amount in the error.
    pub fn narrow(micros: i128, what: &'static str) -> Result<Credits> {
        i64::try_from(micros).map(Credits).map_err(|_| Error::Overflow(what))
    }
}

impl FromStr for Credits {
    type Err = Error;

    /// Reads decimal credits exactly: `12`, `-0.5`, `1.5e-3`; more than six decimals are an error, not rounded.
    fn from_str(text: &str) -> Result<Self> {
        let (micros, exact) = decimal(text, 6)?;
        if !exact {
            return Err(money(text, "is finer than a micro-credit (six decimals)"));
        }
        i64::try_from(micros).map(Credits).map_err(|_| money(text, "is more than 9.2e12 credits"))
    }
}

impl fmt::Display for Credits {
    /// Decimal credits, exact, without trailing zeros.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        fixed(f, sign, self.0.unsigned_abs(), MICROS as u64, 6)
    }
}

macro_rules! unit_price {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(u64);

        impl $name {
            /// Zero.
            pub const ZERO: $name = $name(0);
            /// The largest value, about 18.4 million credits per unit.
            pub const MAX: $name = $name(u64::MAX);

            /// So many pico-credits per unit.
            pub const fn from_picos(picos: u64) -> Self {
                $name(picos)
            }

            /// Pico-credits per unit.
            pub const fn picos(self) -> u64 {
                self.0
            }

            /// From credits per unit as a float: the shortest decimal that prints the float, to the nearest pico-credit.
            pub fn from_credits(credits: f64) -> Result<Self> {
                format!("{credits:e}").parse()
            }

            /// Credits per unit, for display and statistics only.
            pub fn to_f64(self) -> f64 {
                self.0 as f64 / PICOS as f64
            }
        }

        impl FromStr for $name {
            type Err = Error;

            /// Reads decimal credits per unit, to the nearest pico-credit (twelve decimals).
            fn from_str(text: &str) -> Result<Self> {
                let (picos, _) = decimal(text, 12)?;
                if picos < 0 {
                    return Err(money(text, "is negative; a cost or a price is at least 0"));
                }
                u64::try_from(picos).map($name).map_err(|_| money(text, "is more than 1.8e7 credits per unit"))
            }
        }

        impl fmt::Display for $name {
            /// Decimal credits per unit, exact, without trailing zeros.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fixed(f, "", self.0, PICOS, 12)
            }
        }
    };
}

unit_price! {
    /// A cost per sample, per generated sample or per client: an integer number of pico-credits (1e-12 credits).
    Rate
}
unit_price! {
    /// A posted price per effective sample: an integer number of pico-credits (1e-12 credits).
    Price
}

fn money(text: &str, problem: &'static str) -> Error {
    Error::Money { text: Printable(text.trim()).to_string(), problem }
}

fn fixed(f: &mut fmt::Formatter<'_>, sign: &str, value: u64, scale: u64, digits: usize) -> fmt::Result {
    let (whole, part) = (value / scale, value % scale);
    let text = if part == 0 {
        format!("{sign}{whole}")
    } else {
        let part = format!("{part:0digits$}");
        format!("{sign}{whole}.{}", part.trim_end_matches('0'))
    };
    f.pad_integral(true, "", &text)
}

/// `text` times 10^`digits`, to the nearest integer (halves away from zero), and whether that is exact.
pub(crate) fn decimal(text: &str, digits: i32) -> Result<(i128, bool)> {
    let whole = text.trim();
    let fail = |problem| Err(money(text, problem));
    let (negative, rest) = match whole.as_bytes().first() {
        Some(b'-') => (true, &whole[1..]),
        Some(b'+') => (false, &whole[1..]),
        _ => (false, whole),
    };
    if rest.eq_ignore_ascii_case("nan") || rest.eq_ignore_ascii_case("inf") || rest.eq_ignore_ascii_case("infinity") {
        return fail("is not a finite number");
    }
    let (mantissa, exponent) = match rest.find(['e', 'E']) {
        Some(at) => match rest[at + 1..].parse::<i32>() {
            Ok(exponent) if exponent.abs() <= 400 => (&rest[..at], exponent),
            _ => return fail("is not a decimal number"),
        },
        None => (rest, 0),
    };
    let (units, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = || units.bytes().chain(fraction.bytes());
    if all().count() == 0 || !all().all(|byte| byte.is_ascii_digit()) {
        return fail("is not a decimal number");
    }
    // The value is `all digits` x 10^shift; digits beyond the scale only decide the rounding.
    let shift = exponent + digits - fraction.len() as i32;
    let keep = (all().count() as i32 + shift.min(0)).max(-1);
    let mut value: i128 = 0;
    let (mut exact, mut round_up) = (true, false);
    for (at, digit) in all().map(|byte| i128::from(byte - b'0')).enumerate() {
        let at = at as i32;
        if at < keep {
            value = match value.checked_mul(10).and_then(|value| value.checked_add(digit)) {
                Some(value) => value,
                None => return fail("is too large"),
            };
        } else {
            round_up |= at == keep && digit >= 5;
            exact &= digit == 0;
        }
    }
    for _ in 0..shift.max(0) {
        if value == 0 {
            break;
        }
        value = match value.checked_mul(10) {
            Some(value) => value,
            None => return fail("is too large"),
        };
    }
    value += i128::from(round_up);
    Ok((if negative { -value } else { value }, exact))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn decimals_are_read_exactly() {
        let micros = |text: &str| text.parse::<Credits>().map(Credits::micros);
        assert_eq!(micros("1").unwrap(), 1_000_000);
        assert_eq!(micros("-0.5").unwrap(), -500_000);
        assert_eq!(micros("1.5e-3").unwrap(), 1_500);
        assert_eq!(micros("2e3").unwrap(), 2_000_000_000);
        assert_eq!(micros("0.1234560").unwrap(), 123_456);
        for bad in ["", ".", "nan", "inf", "-inf", "1,5", "0x1", "1e", "0.1234567", "1e400", "9223372036854.775808"] {
            assert!(bad.parse::<Credits>().is_err(), "{bad}");
        }
        assert_eq!("1e-5".parse::<Rate>().unwrap().picos(), 10_000_000);
        assert_eq!("0.0000000000005".parse::<Rate>().unwrap().picos(), 1);
        assert_eq!("0.00000000000049".parse::<Rate>().unwrap().picos(), 0);
        assert_eq!("1e-20".parse::<Rate>().unwrap().picos(), 0);
        assert_eq!("9e-13".parse::<Rate>().unwrap().picos(), 1);
        assert!("-1e-3".parse::<Rate>().is_err());
        assert!("1e9".parse::<Rate>().is_err());
        assert_eq!(Rate::from_credits(0.1).unwrap().picos(), PICOS / 10);
        assert!(Rate::from_credits(f64::NAN).is_err());
        assert_eq!(format!("{:>6}|", Credits::from_micros(1_500_000)), "   1.5|");
    }

    proptest! {
        #[test]
        fn printed_credits_read_back(micros: i64) {
            prop_assert_eq!(Credits(micros).to_string().parse::<Credits>().unwrap(), Credits(micros));
        }

        #[test]
        fn printed_rates_read_back(picos: u64) {
            prop_assert_eq!(Rate(picos).to_string().parse::<Rate>().unwrap(), Rate(picos));
        }
    }
}
