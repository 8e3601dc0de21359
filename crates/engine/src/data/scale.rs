//! From stored values to those that a model gets.

use super::shape::ImageShape;

/// Mean and deviation of each channel, on the scale on which a byte runs from 0 to 1.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Normalisation {
    /// One mean for each channel.
    pub mean: Vec<f32>,
    /// One deviation for each channel, above zero.
    pub deviation: Vec<f32>,
}

impl Normalisation {
    /// Mean and deviation of each channel over all `images` of this shape; a channel without contrast gets deviation 1.
    pub fn of_bytes(images: &[u8], shape: ImageShape) -> Self {
        let plane = shape.height * shape.width;
        let mut counts = vec![[0u64; 256]; shape.channels];
        for (index, pixels) in images.chunks_exact(plane.max(1)).enumerate() {
            for &byte in pixels {
                counts[index % shape.channels][usize::from(byte)] += 1;
            }
        }
        let moments = counts.iter().map(|counts| {
            let total = counts.iter().sum::<u64>().max(1) as f64;
            let moment = |power| {
                let weighted = counts.iter().enumerate().map(|(byte, &n)| n as f64 * (byte as f64 / 255.0).powi(power));
                weighted.sum::<f64>() / total
            };
            let mean = moment(1);
            let deviation = (moment(2) - mean * mean).max(0.0).sqrt();
            (mean as f32, if deviation > 1e-6 { deviation as f32 } else { 1.0 })
        });
        let (mean, deviation) = moments.unzip();
        Self { mean, deviation }
    }

    /// The values that the 256 bytes of each channel stand for: `table[channel][byte]`.
    pub fn table(&self) -> Vec<[f32; 256]> {
        self.mean
            .iter()
            .zip(&self.deviation)
            .map(|(mean, deviation)| std::array::from_fn(|byte| (byte as f32 / 255.0 - mean) / deviation))
            .collect()
    }
}

/// How stored values become those that a model gets: `(value - mean) / deviation` of their channel.
#[derive(Clone, Debug)]
pub struct Scale {
    /// Mean and deviation of each channel.
    pub normalisation: Normalisation,
    /// For kinds that store bytes: what the 256 of each channel stand for, as [`Normalisation::table`] has it.
    pub bytes: Vec<[f32; 256]>,
}

impl From<&Normalisation> for Scale {
    fn from(normalisation: &Normalisation) -> Self {
        Self { bytes: normalisation.table(), normalisation: normalisation.clone() }
    }
}
