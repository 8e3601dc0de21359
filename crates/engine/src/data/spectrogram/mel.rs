//! Bands as wide as hearing has them: triangles that are equally wide in mel, `2595 log10(1 + f / 700)` (O'Shaughnessy 1987).

/// Iterations of the way back.
const ITERATIONS: usize = 60;

/// The bands of a spectrogram, from the lowest.
pub struct Filters {
    /// Of each band, the first bin of the spectrum that counts, and the weight of that and the next ones.
    bands: Vec<(usize, Vec<f64>)>,
    /// Bins of a spectrum.
    bins: usize,
}

impl Filters {
    /// So many bands between 0 Hz and half the rate, for spectra of windows of so many samples.
    pub fn new(rate: u32, window: usize, mels: usize) -> Self {
        let (bins, nyquist) = (window / 2 + 1, f64::from(rate) / 2.0);
        let mel = |hertz: f64| 2595.0 * (1.0 + hertz / 700.0).log10();
        let hertz = |mel: f64| 700.0 * (10f64.powf(mel / 2595.0) - 1.0);
        // Where bands begin, peak and end, in bins.
        let edge = |index: usize| hertz(mel(nyquist) * index as f64 / (mels + 1) as f64) / nyquist * (bins - 1) as f64;
        let band = |band: usize| {
            let [low, peak, high] = [edge(band), edge(band + 1), edge(band + 2)];
            let weight = |bin: usize| {
                let bin = bin as f64;
                ((bin - low) / (peak - low)).min((high - bin) / (high - peak)).max(0.0)
            };
            let first = (low.floor() as usize + 1).min(bins - 1);
            (first, (first..bins).take_while(|&bin| (bin as f64) < high).map(weight).collect())
        };
        Self { bands: (0..mels).map(band).collect(), bins }
    }

    /// The first band that no bin falls into.
    pub fn empty(&self) -> Option<usize> {
        self.bands.iter().position(|(_, weights)| weights.iter().sum::<f64>() < 1e-9)
    }

    /// The power in each band.
    pub fn bands<'a>(&'a self, powers: &'a [f64]) -> impl Iterator<Item = f64> + 'a {
        self.bands.iter().map(|(first, weights)| weights.iter().zip(&powers[*first..]).map(|(w, p)| w * p).sum())
    }

    /// Powers of bins, none negative, that come near to these of bands: Lee and Seung 2001 (multiplicative updates for squared error), from
    /// equal powers inside each band.
    pub fn bins(&self, bands: &[f64]) -> Vec<f64> {
        let spread = |bands: &mut dyn Iterator<Item = f64>| {
            let mut bins = vec![0.0; self.bins];
            for ((first, weights), power) in self.bands.iter().zip(bands) {
                weights.iter().zip(&mut bins[*first..]).for_each(|(weight, bin)| *bin += weight * power);
            }
            bins
        };
        let wanted = spread(&mut bands.iter().copied());
        let sums = self.bands.iter().map(|(_, weights)| weights.iter().sum::<f64>());
        let mut powers = spread(&mut bands.iter().zip(sums).map(|(power, sum)| power / sum));
        for _ in 0..ITERATIONS {
            let own: Vec<f64> = self.bands(&powers).collect();
            let have = spread(&mut own.into_iter());
            powers.iter_mut().zip(wanted.iter().zip(&have)).for_each(|(power, (wanted, have))| {
                *power *= if *have > 0.0 { wanted / have } else { 0.0 };
            });
        }
        powers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_overlap_to_one_and_powers_come_back() {
        let filters = Filters::new(8000, 512, 32);
        let mut sums = vec![0.0; filters.bins];
        for (first, weights) in &filters.bands {
            weights.iter().zip(&mut sums[*first..]).for_each(|(weight, sum)| *sum += weight);
        }
        // Between the peaks of the first and of the last band.
        assert!(sums[4..240].iter().all(|sum| (sum - 1.0).abs() < 1e-9), "{sums:?}");
        let bands: Vec<f64> = (0..32).map(|band| 1.0 + f64::from(band % 5)).collect();
        let bins = filters.bins(&bands);
        let error: f64 = filters.bands(&bins).zip(&bands).map(|(own, band)| ((own - band) / band).abs()).sum();
        assert!(error / 32.0 < 0.05, "{error}");
        assert!(bins.iter().all(|power| *power >= 0.0));
    }
}
