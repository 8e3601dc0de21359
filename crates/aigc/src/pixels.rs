use imfl_engine::data::{Dataset, ImageShape, Kind, Normalisation, Samples, Scale};

/// How samples become the values that the denoiser sees, and back.
///
/// Each channel of pictures and each number of a table gets mean 0 and deviation [`PixelScale::SIGMA_DATA`], for which Karras et al. chose their
/// noise levels. Of a category the word that it is gets [`PixelScale::SIGMA_DATA`] and each other 0.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct PixelScale {
    /// Mean and deviation of each channel, of pictures on the scale on which a byte runs from 0 to 1.
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

    /// What [`PixelScale::values`] is asked with.
    pub fn scale(&self) -> Scale {
        Scale::from(&self.normalisation)
    }

    /// The values `[channels, height, width]` of one sample on this [`PixelScale::scale`].
    pub fn values(&self, data: &Dataset, index: usize, scale: &Scale) -> Vec<f32> {
        let mut values = Vec::with_capacity(data.shape.size());
        data.extend(&mut values, index, scale);
        values.iter_mut().for_each(|value| *value *= self.sigma_data as f32);
        values
    }

    /// The sample of a kind whose values `[channels, height, width]` come nearest, as it is stored. Rows keep to what the server's rows are, by the
    /// rule that holds for all rules that draw them ([`imfl_engine::data::Columns::nearest`]).
    pub fn nearest(&self, kind: &Kind, values: &[f32], shape: ImageShape) -> Vec<u8> {
        if !kind.is_bytes() {
            let values: Vec<f32> = values.iter().map(|value| value / self.sigma_data as f32).collect();
            return kind.nearest(&values, shape, &self.normalisation);
        }
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
        let values = scale.values(&data, 0, &scale.scale());
        let mean = values.iter().sum::<f32>() / 768.0;
        let square = values.iter().map(|value| value * value).sum::<f32>() / 768.0;
        assert!(mean.abs() < 1e-5 && (square - 0.25).abs() < 1e-4, "mean {mean}, square {square}");
        assert_eq!(scale.nearest(&Kind::Images, &values, shape), image);
        assert_eq!(scale.nearest(&Kind::Images, &[-9.0; 768], shape), [0; 768]);
        assert_eq!(scale.nearest(&Kind::Images, &[9.0; 768], shape), [255; 768]);
    }

    #[test]
    fn rows_survive_the_way_there_and_back_and_keep_to_what_was_seen() {
        let kind = crate::checkpoint::testing::untrained_rows(2).description.kind;
        let shape = kind.shape().unwrap();
        let row = [30f32, 2.0, 80.0].map(f32::to_le_bytes).concat();
        let names = vec!["x".to_string()];
        let data = Dataset::of_kind(kind.clone().into(), "t", shape, names, row.clone(), vec![0]).unwrap();
        let scale = PixelScale::of(&data);
        let values = scale.values(&data, 0, &scale.scale());
        assert_eq!(values, [-0.25, 0.0, 0.0, 0.5, 1.0]);
        assert_eq!(scale.nearest(&kind, &values, shape), row);
        let beyond = scale.nearest(&kind, &[9.0, 0.2, 0.1, -3.0, 0.26], shape);
        assert_eq!(beyond, [90f32, 0.0, 50.0].map(f32::to_le_bytes).concat());
    }
}
