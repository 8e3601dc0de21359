//! How a sound becomes a picture.

use super::mel::Filters;
use crate::data::shape::ImageShape;
use serde::{Deserialize, Serialize};
use std::f64::consts::PI;
use std::ops::RangeInclusive;

/// Rates that sounds may be brought to, and those of files, in samples a second.
pub const RATES: RangeInclusive<u32> = 1_000..=192_000;
/// The most samples of a sound.
const LONGEST: usize = 1 << 24;
/// The longest window.
const WIDEST: usize = 1 << 16;
/// The most bands, and the most frames.
const MOST: usize = 512;
/// The highest rate that is chosen where nobody says one.
const CHOSEN_RATE: u32 = 16_000;
/// The longest sound where nobody says how long: seconds.
const CHOSEN_SECONDS: u64 = 4;

/// What is kept of a sound: the power in bands that are as wide as hearing has them, at equal times, in decibels, each as a byte.
///
/// The picture is `[1, mels, frames]`: the highest band is the first row, the beginning is the first column.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spectrogram {
    /// Samples a second that sounds are brought to.
    pub rate: u32,
    /// Samples of a sound at that rate: a longer one is cut, a shorter one ends in silence.
    pub samples: usize,
    /// Samples that a frame looks at, a power of two.
    pub window: usize,
    /// Bands between 0 Hz and half the rate.
    pub mels: usize,
    /// Times that are looked at.
    pub frames: usize,
    /// Decibels of full scale that become byte 0, and those that become byte 255: a sine wave that fills the range of samples has 0.
    pub decibels: [f32; 2],
    /// Loudnesses that are told apart within that range: what they stand for is a byte, but fewer than 256 make smaller files.
    #[serde(default = "levels")]
    pub levels: u16,
}

/// 1.25 dB of 80.
fn levels() -> u16 {
    64
}

impl Spectrogram {
    /// 32 bands at 32 times of sounds with this rate and this many samples, or with less of both where that is a lot: at most 16,000 samples a
    /// second, and at most four seconds. A window is twice as long as a frame and at least 40 ms.
    pub fn suited(rate: u32, samples: u64) -> Self {
        let kept = rate.clamp(*RATES.start(), CHOSEN_RATE);
        let (mels, frames) = (32, 32);
        let whole = u128::from(samples) * u128::from(kept) / u128::from(rate.max(1));
        let longest = CHOSEN_SECONDS * u64::from(kept);
        // Within `longest`, so that nothing is lost.
        let samples = whole.min(u128::from(longest)).max(frames as u128) as usize;
        let window = (2 * samples / frames).max(kept as usize / 25).next_power_of_two();
        Self { rate: kept, samples, window, mels, frames, decibels: [-80.0, 0.0], levels: levels() }
    }

    /// What a model gets.
    pub fn shape(&self) -> ImageShape {
        ImageShape { channels: 1, height: self.mels, width: self.frames }
    }

    /// Length in seconds.
    pub fn seconds(&self) -> f64 {
        self.samples as f64 / f64::from(self.rate)
    }

    /// Checks that a picture can be made so.
    ///
    /// # Errors
    /// A sentence that names the setting.
    pub fn check(&self) -> Result<(), String> {
        let Self { rate, samples, window, mels, frames, decibels: [low, high], levels } = *self;
        if !RATES.contains(&rate) {
            return Err(format!(
                "`rate` is {rate}; from {} to {} samples a second are read",
                RATES.start(),
                RATES.end()
            ));
        }
        for (key, size) in [("mels", mels), ("frames", frames)] {
            if size == 0 || size > MOST {
                return Err(format!("`{key}` is {size}; it is from 1 to {MOST}"));
            }
        }
        if samples < frames || samples > LONGEST {
            return Err(format!("`samples` is {samples}; it is from the number of frames, {frames}, to {LONGEST}"));
        }
        if !window.is_power_of_two() || !(16..=WIDEST).contains(&window) {
            return Err(format!("`window` is {window}; it is a power of two from 16 to {WIDEST}"));
        }
        if !(low.is_finite() && high.is_finite() && low < high) {
            return Err(format!("`decibels` is [{low}, {high}]; the first is less than the second"));
        }
        if !(2..=256).contains(&levels) {
            return Err(format!("`levels` is {levels}; it is from 2 to 256"));
        }
        match Filters::new(rate, window, mels).empty() {
            Some(band) => Err(format!(
                "band {band} of {mels} is narrower than a window of {window} samples can tell; take fewer `mels` or a longer `window`"
            )),
            None => Ok(()),
        }
    }

    /// Where the window of each frame begins; negative before the sound.
    pub(super) fn starts(&self) -> impl Iterator<Item = isize> {
        let Self { samples, frames, window, .. } = *self;
        (0..frames).map(move |frame| ((2 * frame + 1) * samples / (2 * frames)) as isize - (window / 2) as isize)
    }

    /// The Hann window.
    pub(super) fn weights(&self) -> Vec<f64> {
        (0..self.window).map(|n| (PI * n as f64 / self.window as f64).sin().powi(2)).collect()
    }

    /// The power that a byte stands for.
    pub(super) fn power(&self, byte: u8) -> f64 {
        let [low, high] = self.decibels.map(f64::from);
        10f64.powf((low + (high - low) * f64::from(byte) / 255.0) / 10.0)
    }

    /// The byte that stands for a power.
    pub(super) fn byte(&self, power: f64) -> u8 {
        let [low, high] = self.decibels.map(f64::from);
        // Of silence, minus infinity.
        let share = ((10.0 * power.log10() - low) / (high - low)).clamp(0.0, 1.0);
        let steps = f64::from(self.levels) - 1.0;
        (255.0 * (share * steps).round() / steps).round() as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_files_have_is_bounded() {
        let long = Spectrogram::suited(44_100, 44_100 * 36_000);
        assert_eq!((long.rate, long.samples, long.window), (16_000, 64_000, 4096));
        long.check().unwrap();
        for (rate, samples) in [(1, 1), (8000, 1), (1000, 500), (192_000, u64::MAX), (11_025, 30_000)] {
            Spectrogram::suited(rate, samples).check().unwrap();
        }
    }

    #[test]
    fn each_fault_is_named() {
        let good = Spectrogram::suited(8000, 6000);
        let wrong = [
            ("`rate` is 0", Spectrogram { rate: 0, ..good }),
            ("`samples` is 8", Spectrogram { samples: 8, ..good }),
            ("`window` is 500", Spectrogram { window: 500, ..good }),
            ("`mels` is 0", Spectrogram { mels: 0, ..good }),
            ("`frames` is 4096", Spectrogram { frames: 4096, ..good }),
            ("`decibels` is [0, 0]", Spectrogram { decibels: [0.0, 0.0], ..good }),
            ("`levels` is 1", Spectrogram { levels: 1, ..good }),
            ("narrower than a window of 64", Spectrogram { window: 64, ..good }),
        ];
        for (problem, settings) in wrong {
            let error = settings.check().unwrap_err();
            assert!(error.contains(problem), "{error}");
        }
    }
}
