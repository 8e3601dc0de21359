use imfl_engine::data::{Dataset, ImageShape, Normalisation};

/// How bytes become the values that the denoiser sees, and back.
///
/// Each channel gets mean 0 and deviation [`PixelScale::SIGMA_DATA`], for which Karras et al. chose their noise levels.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct PixelScale {
    /// Mean and deviation of each channel, on the scale on which a byte runs from 0 to 1.
    pub normalisation: Normalisation,
    /// Deviation of the values.
    pub sigma_data: f64,
}

impl PixelScale {
    /// Deviation of the values that [`PixelScale::of`] makes.
    pub const SIGMA_DATA: f64 = 0.5;

    /// The scale that fits a dataset.
    pub fn of(data: &Dataset) -> Self {
        Self { normalisation: data.normalisation(), sigma_data: Self::SIGMA_DATA }
    }

    /// Whether it is a scale for images of `shape`.
    pub fn fits(&self, shape: ImageShape) -> bool {
        let Normalisation { mean, deviation } = &self.normalisation;
        mean.len() == shape.channels
            && deviation.len() == shape.channels
            && mean.iter().all(|mean| mean.is_finite())
            && deviation.iter().all(|deviation| deviation.is_finite() && *deviation > 0.0)
            && self.sigma_data.is_finite()
            && self.sigma_data > 0.0
    }

    /// The values of the 256 bytes, for each channel.
    pub fn table(&self) -> Vec<[f32; 256]> {
        let mut table = self.normalisation.table();
        table.iter_mut().flatten().for_each(|value| *value *= self.sigma_data as f32);
        table
    }

    /// Values `[channels, height, width]` of one image as the nearest bytes.
    pub fn bytes(&self, values: &[f32], shape: ImageShape) -> Vec<u8> {
        let plane = shape.height * shape.width;
        let Normalisation { mean, deviation } = &self.normalisation;
        let scales = mean.iter().zip(deviation).map(|(&mean, &deviation)| (mean, deviation / self.sigma_data as f32));
        let mut bytes = Vec::with_capacity(values.len());
        for (pixels, (mean, scale)) in values.chunks_exact(plane).zip(scales) {
            // The cast saturates, so that values beyond black and white become black and white.
            bytes.extend(pixels.iter().map(|value| (255.0 * (value * scale + mean)).round() as u8));
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_survive_the_way_there_and_back() {
        let shape = ImageShape { channels: 3, height: 16, width: 16 };
        let image: Vec<u8> =
            (0..3).flat_map(|channel| (0..=255u8).map(move |byte| byte.rotate_left(channel))).collect();
        let data = Dataset::new("t", shape, vec!["0".into()], image.clone(), vec![0]).unwrap();
        let scale = PixelScale::of(&data);
        let table = scale.table();
        let values: Vec<f32> = image.iter().enumerate().map(|(i, &byte)| table[i / 256][usize::from(byte)]).collect();
        let mean = values.iter().sum::<f32>() / 768.0;
        let square = values.iter().map(|value| value * value).sum::<f32>() / 768.0;
        assert!(mean.abs() < 1e-5 && (square - 0.25).abs() < 1e-4, "mean {mean}, square {square}");
        assert_eq!(scale.bytes(&values, shape), image);
        assert_eq!(scale.bytes(&[-9.0; 768], shape), [0; 768]);
        assert_eq!(scale.bytes(&[9.0; 768], shape), [255; 768]);
    }
}
