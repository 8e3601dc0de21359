use super::features::Features;

/// Why a measure has no value.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum QualityError {
    /// Too few samples.
    #[error("{measure} needs at least {needed} {which}, there are {found}")]
    TooFew {
        /// The measure.
        measure: &'static str,
        /// Of what there are too few.
        which: &'static str,
        /// The least number.
        needed: usize,
        /// The number there is.
        found: usize,
    },
    /// Rows of different length.
    #[error("generated images have {generated} features and authentic ones {authentic}; take both from one classifier")]
    Dimension {
        /// Of generated images.
        generated: usize,
        /// Of authentic images.
        authentic: usize,
    },
    /// A value that is NaN or infinite.
    #[error("a feature of {which} image {image} is not finite")]
    NotFinite {
        /// Which set.
        which: &'static str,
        /// Which image.
        image: usize,
    },
    /// Images that cannot be compared.
    #[error("{0}")]
    Mismatch(String),
}

/// Checks that both sets are large enough for a measure and fit each other.
pub fn check(
    measure: &'static str,
    needed: usize,
    generated: &Features,
    authentic: &Features,
) -> Result<(), QualityError> {
    for (which, images, set) in
        [("generated", "generated images", generated), ("authentic", "authentic images", authentic)]
    {
        if set.len() < needed {
            return Err(QualityError::TooFew { measure, which: images, needed, found: set.len() });
        }
        let finite = |row: &[f64]| row.iter().all(|value| value.is_finite());
        if let Some(image) = (0..set.len()).find(|&index| !finite(set.row(index))) {
            return Err(QualityError::NotFinite { which, image });
        }
    }
    match (generated.dimension(), authentic.dimension()) {
        (generated, authentic) if generated != authentic => Err(QualityError::Dimension { generated, authentic }),
        _ => Ok(()),
    }
}
