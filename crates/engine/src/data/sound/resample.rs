//! From one rate to another, by a windowed sinc.

use std::f64::consts::PI;

/// Zero crossings of the sinc to each side that count.
const CROSSINGS: f64 = 16.0;
/// Where the filter cuts off, as a share of half the lower rate.
const CUTOFF: f64 = 0.95;

/// Takes samples from one rate to another: ideal interpolation cut off by a Hann window, below half of the lower rate.
pub(super) struct Resampler {
    from: usize,
    to: usize,
    /// Samples to each side that count.
    reach: usize,
    /// For each place between two samples, in steps of `1 / to`, the weights of the samples around it.
    phases: Vec<f32>,
}

impl Resampler {
    pub fn new(from: u32, to: u32) -> Self {
        let divisor = common_divisor(from, to);
        let (from, to) = ((from / divisor) as usize, (to / divisor) as usize);
        let scale = CUTOFF * (to as f64 / from as f64).min(1.0);
        let reach = (CROSSINGS / scale).ceil() as usize;
        let mut phases = Vec::with_capacity(to * 2 * reach);
        for phase in 0..to {
            let place = phase as f64 / to as f64;
            let weights = (0..2 * reach).map(|tap| {
                let distance = tap as f64 - (reach - 1) as f64 - place;
                let angle = PI * scale * distance;
                let sinc = if angle == 0.0 { 1.0 } else { angle.sin() / angle };
                let window = if distance.abs() < reach as f64 {
                    (PI * distance / (2 * reach) as f64).cos().powi(2)
                } else {
                    0.0
                };
                scale * sinc * window
            });
            let weights: Vec<f64> = weights.collect();
            // A constant stays what it is.
            let sum: f64 = weights.iter().sum();
            phases.extend(weights.iter().map(|weight| (weight / sum) as f32));
        }
        Self { from, to, reach, phases }
    }

    /// Samples of the old rate that `count` ones of the new rate look at.
    pub fn needed(&self, count: usize) -> usize {
        (count as u128 * self.from as u128 / self.to as u128) as usize + self.reach + 1
    }

    /// The same sound at the new rate, at most so many samples of it.
    pub fn convert(&self, sound: &[f32], most: usize) -> Vec<f32> {
        if self.from == self.to {
            return sound[..sound.len().min(most)].to_vec();
        }
        let whole = (sound.len() as u128 * self.to as u128).div_ceil(self.from as u128);
        let count = whole.min(most as u128) as usize;
        (0..count)
            .map(|index| {
                let place = index as u128 * self.from as u128;
                let (at, phase) = ((place / self.to as u128) as usize, (place % self.to as u128) as usize);
                let weights = &self.phases[phase * 2 * self.reach..][..2 * self.reach];
                // The first weight is that of sample `at + 1 - reach`; there is silence before and after.
                let skip = (self.reach - 1).saturating_sub(at);
                let first = (at + 1).saturating_sub(self.reach);
                sound[first.min(sound.len())..]
                    .iter()
                    .zip(&weights[skip..])
                    .map(|(sample, weight)| sample * weight)
                    .sum()
            })
            .collect()
    }
}

fn common_divisor(mut a: u32, mut b: u32) -> u32 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a.max(1)
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
            let resampler = Resampler::new(from, to);
            let same = resampler.convert(&tone(from, 440.0, from as usize / 4), usize::MAX);
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
                let high = resampler.convert(&tone(from, f64::from(to) * 0.7, from as usize / 4), usize::MAX);
                assert!(high[middle].iter().all(|sample| sample.abs() < 2e-3), "{from} to {to}");
            }
        }
    }

    #[test]
    fn the_beginning_is_the_same_whatever_follows() {
        let resampler = Resampler::new(44_100, 16_000);
        let sound = tone(44_100, 1000.0, 20_000);
        let part = resampler.convert(&sound[..resampler.needed(1000)], 1000);
        assert_eq!(part, resampler.convert(&sound, 1000));
        assert!(resampler.convert(&[], 5).is_empty());
    }
}
