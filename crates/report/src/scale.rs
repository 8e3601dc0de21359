//! From values to pixels, and the round values that an axis names.

/// One axis: which values lie between which pixels.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    /// The values at both ends.
    pub values: (f64, f64),
    /// The pixels at both ends.
    pub pixels: (f64, f64),
    /// Whether equal factors are equally long; both values are above 0 then.
    pub logarithmic: bool,
}

impl Scale {
    /// Where a value stands; what lies outside stands at the edge.
    pub fn at(&self, value: f64) -> f64 {
        let place = |value: f64| if self.logarithmic { value.max(f64::MIN_POSITIVE).ln() } else { value };
        let (low, high) = (place(self.values.0), place(self.values.1));
        let share = if high > low { ((place(value) - low) / (high - low)).clamp(0.0, 1.0) } else { 0.5 };
        self.pixels.0 + share * (self.pixels.1 - self.pixels.0)
    }

    /// About so many round values between the ends, with their names.
    pub fn ticks(&self, count: usize, name: impl Fn(f64) -> String) -> Vec<(f64, String)> {
        let (low, high) = self.values;
        let found = if self.logarithmic { factors(low, high, count) } else { steps(low, high, count) };
        found.into_iter().map(|value| (value, name(value))).collect()
    }
}

/// Multiples of 1, 2 or 5 times a power of ten.
fn steps(low: f64, high: f64, count: usize) -> Vec<f64> {
    let rough = (high - low) / count.max(1) as f64;
    if !(rough > 0.0 && rough.is_finite()) {
        return vec![low];
    }
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|factor| factor * power).find(|step| *step >= rough * 0.999);
    let step = step.unwrap_or(10.0 * power);
    let (first, last) = ((low / step - 1e-9).ceil() as i64, (high / step + 1e-9).floor() as i64);
    (first..=last).map(|index| index as f64 * step).collect()
}

/// Powers of ten; over less than two of them, 1, 2 and 5 times these.
fn factors(low: f64, high: f64, count: usize) -> Vec<f64> {
    let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
    let decades = (high / low).log10();
    let mantissas: &[f64] = if decades < 2.5 { &[1.0, 2.0, 5.0] } else { &[1.0] };
    let every = if decades < 2.5 { 1 } else { (decades / count.max(1) as f64).ceil().max(1.0) as usize };
    let powers = (first..=last).step_by(every);
    let found = powers.flat_map(|power| mantissas.iter().map(move |mantissa| mantissa * 10f64.powi(power)));
    let found: Vec<f64> = found.filter(|value| (low * 0.999..=high * 1.001).contains(value)).collect();
    if found.len() < 2 { steps(low, high, count) } else { found }
}

/// A number for a person: three significant digits, no power of ten while zeros can be counted.
pub fn number(value: f64) -> String {
    let size = value.abs();
    if size < 1e-300 {
        return "0".into();
    }
    if !(1e-5..1e7).contains(&size) {
        return format!("{value:.1e}").replace(".0e", "e");
    }
    let decimals = (2 - size.log10().floor() as i32).clamp(0, 7) as usize;
    let written = format!("{value:.decimals$}");
    if decimals > 0 { written.trim_end_matches('0').trim_end_matches('.').into() } else { grouped(&written) }
}

/// A share as percent, with a decimal where it is not whole.
pub fn percent(share: f64) -> String {
    let written = format!("{:.1}", share * 100.0);
    format!("{} %", written.strip_suffix(".0").unwrap_or(&written))
}

/// Thousands apart.
fn grouped(digits: &str) -> String {
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |rest| ("-", rest));
    let mut out = String::from(sign);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticks(values: (f64, f64), logarithmic: bool) -> Vec<String> {
        let scale = Scale { values, pixels: (0.0, 100.0), logarithmic };
        scale.ticks(5, number).into_iter().map(|(_, name)| name).collect()
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!(ticks((0.0, 1.0), false), ["0", "0.2", "0.4", "0.6", "0.8", "1"]);
        assert_eq!(ticks((0.0, 0.25), false), ["0", "0.05", "0.1", "0.15", "0.2", "0.25"]);
        assert_eq!(ticks((0.1, 10.0), true), ["0.1", "0.2", "0.5", "1", "2", "5", "10"]);
        assert_eq!(ticks((1.0, 25_000.0), true), ["1", "10", "100", "1,000", "10,000"]);
        assert_eq!(ticks((3.0, 3.5), true), ["3", "3.1", "3.2", "3.3", "3.4", "3.5"]);
        assert_eq!(ticks((2.0, 2.0), false), ["2"]);
    }

    #[test]
    fn numbers_have_three_digits_and_values_outside_stay_on_the_edge() {
        let written = [0.000194, 1.65734, 310.8, 25_000.0, 1e-9, 0.0].map(number);
        assert_eq!(written, ["0.000194", "1.66", "311", "25,000", "1e-9", "0"]);
        assert_eq!([0.905, 0.9, 1.0].map(percent), ["90.5 %", "90 %", "100 %"]);
        let scale = Scale { values: (1.0, 100.0), pixels: (200.0, 0.0), logarithmic: true };
        assert_eq!([0.0, 1.0, 10.0, 100.0, 1e9].map(|value| scale.at(value).round()), [200.0, 200.0, 100.0, 0.0, 0.0]);
    }
}
