//! From a sound to its picture.

use super::mel::Filters;
use super::settings::Spectrogram;
use realfft::{RealFftPlanner, RealToComplex, num_complex::Complex};
use std::sync::Arc;

/// What makes pictures of sounds; one for each thread.
pub struct Camera {
    settings: Spectrogram,
    weights: Vec<f64>,
    filters: Filters,
    transform: Arc<dyn RealToComplex<f64>>,
    frame: Vec<f64>,
    spectrum: Vec<Complex<f64>>,
    scratch: Vec<Complex<f64>>,
}

impl Camera {
    /// Takes settings that were [checked](Spectrogram::check).
    pub fn new(settings: Spectrogram) -> Self {
        let transform = RealFftPlanner::new().plan_fft_forward(settings.window);
        Self {
            weights: settings.weights(),
            filters: Filters::new(settings.rate, settings.window, settings.mels),
            frame: transform.make_input_vec(),
            spectrum: transform.make_output_vec(),
            scratch: transform.make_scratch_vec(),
            transform,
            settings,
        }
    }

    /// The picture of a sound at the rate of the settings.
    pub fn picture(&mut self, sound: &[f32]) -> Vec<u8> {
        let Spectrogram { mels, frames, samples, .. } = self.settings;
        let sound = &sound[..sound.len().min(samples)];
        // A sine wave of amplitude 1 has a peak of 1.
        let scale = (2.0 / self.weights.iter().sum::<f64>()).powi(2);
        let mut picture = vec![0; mels * frames];
        for (column, start) in self.settings.starts().enumerate() {
            for ((value, weight), at) in self.frame.iter_mut().zip(&self.weights).zip(start..) {
                let sample = usize::try_from(at).ok().and_then(|at| sound.get(at));
                *value = sample.map_or(0.0, |&sample| f64::from(sample) * weight);
            }
            let (frame, spectrum) = (&mut self.frame, &mut self.spectrum);
            if self.transform.process_with_scratch(frame, spectrum, &mut self.scratch).is_err() {
                unreachable!("the plan made these buffers");
            }
            let powers: Vec<f64> = spectrum.iter().map(|value| value.norm_sqr() * scale).collect();
            for (band, power) in self.filters.bands(&powers).enumerate() {
                picture[(mels - 1 - band) * frames + column] = self.settings.byte(power);
            }
        }
        picture
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::PI;

    fn tone(settings: &Spectrogram, frequency: f64, amplitude: f64) -> Vec<f32> {
        let step = 2.0 * PI * frequency / f64::from(settings.rate);
        (0..settings.samples).map(|n| (amplitude * (step * n as f64).sin()) as f32).collect()
    }

    #[test]
    fn a_tone_is_a_line_at_its_height_and_loudness() {
        let settings = Spectrogram::suited(8000, 6000);
        assert_eq!((settings.rate, settings.samples, settings.window), (8000, 6000, 512));
        settings.check().unwrap();
        let mut camera = Camera::new(settings);
        let rows = [200.0, 800.0, 3000.0].map(|frequency| {
            let picture = camera.picture(&tone(&settings, frequency, 0.1));
            let row = (0..32).max_by_key(|row| picture[row * 32 + 16]).unwrap();
            let decibels = -80.0 + 80.0 * f64::from(picture[row * 32 + 16]) / 255.0;
            assert!((-23.0..-16.0).contains(&decibels), "{frequency} Hz: {decibels} dB");
            assert!((1..31).all(|column| picture[row * 32 + column].abs_diff(picture[row * 32 + 16]) < 3));
            row
        });
        assert!(rows.is_sorted_by(|low, high| low > high), "{rows:?}");
        assert_eq!(camera.picture(&[]), [0; 1024], "silence is black");
    }

    #[test]
    fn a_short_sound_ends_in_silence() {
        let settings = Spectrogram::suited(8000, 6000);
        let picture = Camera::new(settings).picture(&tone(&settings, 800.0, 0.5)[..2000]);
        assert!((0..32).all(|row| picture[row * 32 + 20] == 0));
        assert!((0..32).any(|row| picture[row * 32 + 4] > 200));
    }
}
