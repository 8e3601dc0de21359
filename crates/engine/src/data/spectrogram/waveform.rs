//! From a picture back to a sound that has it.

use super::mel::Filters;
use super::settings::Spectrogram;
use realfft::RealFftPlanner;
use realfft::num_complex::Complex;
use std::f64::consts::PI;

/// Rounds of estimating phases.
const ROUNDS: usize = 60;

impl Spectrogram {
    /// A sound with nearly this picture `[1, mels, frames]`, as samples between -1 and 1 at [`Spectrogram::rate`]. The picture says neither how
    /// power is spread inside a band nor a phase: powers of bins are found by multiplicative updates, phases by alternating between spectra with
    /// these powers and those of real sounds (Griffin and Lim 1984). Phases start as those of steady tones.
    pub fn waveform(&self, picture: &[u8]) -> Vec<f32> {
        let &Self { mels, frames, samples, window, .. } = self;
        let (filters, weights) = (Filters::new(self.rate, window, mels), self.weights());
        let starts: Vec<isize> = self.starts().collect();
        let bins = window / 2 + 1;
        let peak = weights.iter().sum::<f64>() / 2.0;
        let lengths: Vec<Vec<f64>> = (0..frames)
            .map(|column| {
                // Byte 0 is anything from silence to the floor: silence.
                let band = |band: usize| match picture[(mels - 1 - band) * frames + column] {
                    0 => 0.0,
                    byte => self.power(byte),
                };
                let powers = filters.bins(&(0..mels).map(band).collect::<Vec<f64>>());
                powers.into_iter().map(|power| power.sqrt() * peak).collect()
            })
            .collect();
        let turn = |start: isize, bin: usize| {
            let steps = (start.rem_euclid(window as isize) as usize * bin) % window;
            Complex::from_polar(1.0, 2.0 * PI * steps as f64 / window as f64)
        };
        let mut phases: Vec<Vec<Complex<f64>>> =
            starts.iter().map(|&start| (0..bins).map(|bin| turn(start, bin)).collect()).collect();

        let mut planner = RealFftPlanner::<f64>::new();
        let (forward, inverse) = (planner.plan_fft_forward(window), planner.plan_fft_inverse(window));
        let (mut frame, mut spectrum) = (forward.make_input_vec(), forward.make_output_vec());
        let mut scratch = vec![Complex::default(); forward.get_scratch_len().max(inverse.get_scratch_len())];
        // What windows add up to at each sample.
        let inside =
            |start: isize, offset: usize| usize::try_from(start + offset as isize).ok().filter(|&at| at < samples);
        let mut coverage = vec![0.0; samples];
        for &start in &starts {
            for (offset, weight) in weights.iter().enumerate() {
                if let Some(at) = inside(start, offset) {
                    coverage[at] += weight * weight;
                }
            }
        }
        let mut sound = vec![0.0; samples];
        for round in 0..=ROUNDS {
            sound.fill(0.0);
            for ((&start, lengths), phases) in starts.iter().zip(&lengths).zip(&phases) {
                let values = lengths.iter().zip(phases).map(|(length, phase)| phase * length);
                spectrum.iter_mut().zip(values).for_each(|(bin, value)| *bin = value);
                // The first and the last bin of a real sound are real.
                spectrum[0].im = 0.0;
                spectrum[bins - 1].im = 0.0;
                if inverse.process_with_scratch(&mut spectrum, &mut frame, &mut scratch).is_err() {
                    unreachable!("the plan made these buffers");
                }
                for (offset, (value, weight)) in frame.iter().zip(&weights).enumerate() {
                    if let Some(at) = inside(start, offset) {
                        sound[at] += value * weight / window as f64;
                    }
                }
            }
            sound.iter_mut().zip(&coverage).for_each(|(sample, coverage)| *sample /= coverage.max(1e-3));
            if round == ROUNDS {
                break;
            }
            for (&start, phases) in starts.iter().zip(&mut phases) {
                for (offset, (value, weight)) in frame.iter_mut().zip(&weights).enumerate() {
                    *value = inside(start, offset).map_or(0.0, |at| sound[at] * weight);
                }
                if forward.process_with_scratch(&mut frame, &mut spectrum, &mut scratch).is_err() {
                    unreachable!("the plan made these buffers");
                }
                for (phase, bin) in phases.iter_mut().zip(&spectrum) {
                    let length = bin.norm();
                    if length > 1e-12 {
                        *phase = bin / length;
                    }
                }
            }
        }
        sound.into_iter().map(|sample| sample.clamp(-1.0, 1.0) as f32).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::camera::Camera;
    use super::*;

    /// The frequency with the most power, in Hz.
    fn loudest(sound: &[f32], rate: u32) -> f64 {
        let transform = RealFftPlanner::<f64>::new().plan_fft_forward(sound.len());
        let mut input: Vec<f64> = sound.iter().map(|&sample| f64::from(sample)).collect();
        let mut spectrum = transform.make_output_vec();
        transform.process(&mut input, &mut spectrum).unwrap();
        let bin = (1..spectrum.len()).max_by(|&a, &b| spectrum[a].norm().total_cmp(&spectrum[b].norm())).unwrap();
        bin as f64 * f64::from(rate) / sound.len() as f64
    }

    #[test]
    fn a_tone_comes_back_at_its_height_and_loudness() {
        let settings = Spectrogram::suited(8000, 6000);
        for frequency in [150.0, 440.0, 1000.0, 2500.0] {
            let step = 2.0 * PI * frequency / 8000.0;
            let sound: Vec<f32> = (0..6000).map(|n| (0.3 * (step * f64::from(n)).sin()) as f32).collect();
            let picture = Camera::new(settings).picture(&sound);
            let back = settings.waveform(&picture);
            assert_eq!(back.len(), 6000);
            // A band is that wide: 65 of 2,146 mel.
            let width = (frequency + 700.0) * 0.06;
            let found = loudest(&back, 8000);
            assert!((found - frequency).abs() < width, "{frequency} Hz came back as {found} Hz");
            let power = |sound: &[f32]| sound.iter().map(|s| f64::from(s * s)).sum::<f64>() / 6000.0;
            let louder = 10.0 * (power(&back) / power(&sound)).log10();
            assert!(louder.abs() < 6.0, "{frequency} Hz: {louder} dB louder");
            let again = Camera::new(settings).picture(&back);
            let error = again.iter().zip(&picture).map(|(a, b)| f64::from(a.abs_diff(*b))).sum::<f64>() / 1024.0;
            assert!(error < 40.0, "{frequency} Hz: pictures differ by {error}");
        }
        assert!(settings.waveform(&[0; 1024]).iter().all(|sample| *sample == 0.0), "black is silence");
    }
}
