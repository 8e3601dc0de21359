/// Mean and deviation of each channel, on the scale on which a byte runs from 0 to 1.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Normalisation {
    /// One mean for each channel.
    pub mean: Vec<f32>,
    /// One deviation for each channel, above zero.
    pub deviation: Vec<f32>,
}

impl Normalisation {
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
