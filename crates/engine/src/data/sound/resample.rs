//! From one rate to another, by a windowed sinc.

use std::f64::consts::PI;

/// Zero crossings of the sinc to each side that count.
const CROSSINGS: usize = 16;
/// Places of the sinc that are known from one zero crossing to the next; between them it is taken for straight.
const PLACES: usize = 512;
/// Where the filter cuts off, as a share of half the lower rate.
const CUTOFF: f64 = 0.95;

/// Takes samples from one rate to another: ideal interpolation below half of the lower rate, cut off by a Hann window.
pub(super) struct Resampler {
    /// One side of the windowed sinc.
    sinc: Vec<f32>,
}

impl Resampler {
    pub fn new() -> Self {
        let value = |place: usize| {
            let crossings = place as f64 / PLACES as f64;
            let sinc = if place == 0 { 1.0 } else { (PI * crossings).sin() / (PI * crossings) };
            (sinc * (PI * crossings / (2 * CROSSINGS) as f64).cos().powi(2)) as f32
        };
        // One value more, for the last straight line.
        Self { sinc: (0..=CROSSINGS * PLACES).map(value).chain([0.0]).collect() }
    }

    /// Zero crossings of the filter in a sample of the old rate.
    fn scale(from: u32, to: u32) -> f64 {
        CUTOFF * (f64::from(to) / f64::from(from)).min(1.0)
    }

    /// Samples of the old rate that the first `count` ones of the new rate look at.
    pub fn needed(from: u32, to: u32, count: usize) -> usize {
        let reach = (CROSSINGS as f64 / Self::scale(from, to)).ceil() as usize;
        (count as u128 * u128::from(from) / u128::from(to)) as usize + reach + 1
    }

    /// The same sound at the new rate, at most so many samples of it.
    pub fn convert(&self, sound: &[f32], from: u32, to: u32, most: usize) -> Vec<f32> {
        if from == to {
            return sound[..sound.len().min(most)].to_vec();
        }
        let scale = Self::scale(from, to);
        let reach = CROSSINGS as f64 / scale;
        let whole = (sound.len() as u128 * u128::from(to)).div_ceil(u128::from(from));
        let sample = |index: usize| {
            let place = index as u128 * u128::from(from);
            let part = (place % u128::from(to)) as f64 / f64::from(to);
            let at = (place / u128::from(to)) as f64 + part;
            let first = (at - reach).ceil().max(0.0) as usize;
            let last = ((at + reach).floor() as usize).min(sound.len().saturating_sub(1));
            let weighted = (first..=last).map(|other| {
                let place = (other as f64 - at).abs() * scale * PLACES as f64;
                let (below, part) = (place as usize, place.fract() as f32);
                sound[other] * (self.sinc[below] + (self.sinc[below + 1] - self.sinc[below]) * part)
            });
            weighted.sum::<f32>() * scale as f32
        };
        (0..whole.min(most as u128) as usize).map(sample).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(rate: u32, frequency: f64, count: usize) -> Vec<f32> {
        (0..count).map(|n| (2.0 * PI * frequency * n as f64 / f64::from(rate)).sin() as f32).collect()
    }

    #[test]
    fn a_tone_below_half_the_rate_stays_and_one_above_goes() {
        for (from, to) in [(44_100, 16_000), (8000, 16_000), (48_000, 8000), (11_025, 8000), (8000, 8000)] {
            let resampler = Resampler::new();
            let same = resampler.convert(&tone(from, 440.0, from as usize / 4), from, to, usize::MAX);
            assert_eq!(same.len(), (to / 4) as usize);
            let expected = tone(to, 440.0, same.len());
            let middle = same.len() / 4..same.len() * 3 / 4;
            let error = same[middle.clone()]
                .iter()
                .zip(&expected[middle.clone()])
                .map(|(a, b)| (a - b).abs())
                .fold(0.0, f32::max);
            assert!(error < 2e-3, "{from} to {to}: {error}");
            if f64::from(from) > 2.4 * f64::from(to) {
                let high = resampler.convert(&tone(from, f64::from(to) * 0.7, from as usize / 4), from, to, usize::MAX);
                assert!(high[middle].iter().all(|sample| sample.abs() < 2e-3), "{from} to {to}");
            }
        }
    }

    #[test]
    fn the_beginning_is_the_same_whatever_follows() {
        let (resampler, sound) = (Resampler::new(), tone(44_100, 1000.0, 20_000));
        for (from, to) in [(44_100, 16_000), (1000, 192_000), (191_999, 1000)] {
            let needed = Resampler::needed(from, to, 80).min(sound.len());
            let part = resampler.convert(&sound[..needed], from, to, 80);
            assert_eq!(part, resampler.convert(&sound, from, to, 80));
            assert!(resampler.convert(&[], from, to, 5).is_empty());
        }
    }
}
