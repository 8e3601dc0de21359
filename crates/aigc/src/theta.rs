use imfl_engine::gradient::{distance, norm};

/// Gradients at one point of a trajectory: one flat gradient for each class, all of one length.
///
/// For a fair floor, `generated` and each half stand for as many images a class, and `authentic` is one of the halves or
/// as large: then a perfect generator's theta is the floor.
#[derive(Clone, Copy, Debug)]
pub struct GradientProbe<'a> {
    /// By class, on authentic images.
    pub authentic: &'a [Vec<f32>],
    /// By class, on generated images.
    pub generated: &'a [Vec<f32>],
    /// By class, on two disjoint sets of authentic images.
    pub halves: [&'a [Vec<f32>]; 2],
}

/// How far gradients on generated images are from those on authentic ones.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Theta {
    /// `g_data`, the longest class gradient on authentic images.
    pub g_data: f64,
    /// `g_diff`, the longest difference between a class's gradients on generated and on authentic images.
    pub g_diff: f64,
    /// `g_diff / (2 g_data)`: the share of a client's skew that is left when generated images replace missing ones.
    pub theta: f64,
    /// The same ratio between the two halves of authentic images: what sampling noise alone gives.
    pub theta_floor: f64,
}

impl Theta {
    /// The largest lengths over several measurements, and theta of them; `None` of none.
    pub fn over(measured: impl IntoIterator<Item = Self>) -> Option<Self> {
        measured.into_iter().reduce(|a, b| {
            let g_data = a.g_data.max(b.g_data);
            let g_diff = a.g_diff.max(b.g_diff);
            let floor = (a.theta_floor * a.g_data).max(b.theta_floor * b.g_data);
            Self { g_data, g_diff, theta: g_diff / (2.0 * g_data), theta_floor: floor / g_data }
        })
    }
}

/// Why theta has no value.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ThetaError {
    /// No point, or a point without classes.
    #[error("theta needs gradients of at least one class at one point of a trajectory")]
    Nothing,
    /// Numbers of classes or lengths of gradients differ.
    #[error("point {point}: {found} where {expected} were expected")]
    Mismatch {
        /// Which point.
        point: usize,
        /// What came.
        found: String,
        /// What the first point's authentic gradients ask for.
        expected: String,
    },
    /// A gradient that is NaN or infinite.
    #[error("point {point}: the gradient of class {class} is not finite")]
    NotFinite {
        /// Which point.
        point: usize,
        /// Which class.
        class: usize,
    },
    /// Authentic gradients are all zero.
    #[error("all gradients on authentic images are zero, so theta has no value")]
    NoGradient,
}

/// Measures theta over points of a trajectory of training on authentic images (arXiv 2406.08526, section III-B).
///
/// Norms are summed in f64.
///
/// ```
/// use imfl_aigc::{GradientProbe, theta};
///
/// // Two classes; the second class's generated images pull somewhat aside.
/// let authentic = [vec![3.0, 4.0], vec![0.0, 1.0]];
/// let generated = [vec![3.0, 4.0], vec![2.0, 1.0]];
/// let probe = GradientProbe { authentic: &authentic, generated: &generated, halves: [&authentic, &authentic] };
/// assert_eq!(theta(&[probe])?.theta, 2.0 / (2.0 * 5.0));
/// # Ok::<(), imfl_aigc::ThetaError>(())
/// ```
///
/// # Errors
/// [`ThetaError`] if there is nothing to measure, sizes differ or a value is not finite.
pub fn theta(points: &[GradientProbe]) -> Result<Theta, ThetaError> {
    let first = points.first().and_then(|point| point.authentic.first()).ok_or(ThetaError::Nothing)?;
    let (classes, length) = (points[0].authentic.len(), first.len());
    let mut longest = Longest::default();
    for (point, probe) in points.iter().enumerate() {
        for set in [probe.authentic, probe.generated, probe.halves[0], probe.halves[1]] {
            check(set, classes, length, point)?;
        }
        for class in 0..classes {
            longest
                .add(&Lengths {
                    authentic: norm(&probe.authentic[class]),
                    apart: distance(&probe.generated[class], &probe.authentic[class]),
                    halves: distance(&probe.halves[0][class], &probe.halves[1][class]),
                })
                .map_err(|NotFinite| ThetaError::NotFinite { point, class })?;
        }
    }
    longest.theta()
}

/// What theta takes of one class at one point; who measures class by class need not keep gradients of them all.
#[derive(Clone, Copy, Debug)]
pub struct Lengths {
    /// The gradient's length on authentic images.
    pub authentic: f64,
    /// Between the gradients on generated and on authentic images.
    pub apart: f64,
    /// Between those on two disjoint sets of authentic images.
    pub halves: f64,
}

/// A length is NaN or infinite.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("a gradient is not finite")]
pub struct NotFinite;

/// The longest of each over classes and points.
#[derive(Clone, Copy, Debug, Default)]
pub struct Longest {
    g_data: f64,
    g_diff: f64,
    floor: f64,
}

impl Longest {
    /// Takes in a class at a point.
    ///
    /// # Errors
    /// [`NotFinite`].
    pub fn add(&mut self, lengths: &Lengths) -> Result<(), NotFinite> {
        let Lengths { authentic, apart, halves } = *lengths;
        // `f64::max` would drop a NaN.
        if [authentic, apart, halves].iter().any(|length| !length.is_finite()) {
            return Err(NotFinite);
        }
        self.g_data = self.g_data.max(authentic);
        self.g_diff = self.g_diff.max(apart);
        self.floor = self.floor.max(halves);
        Ok(())
    }

    /// The longest of both.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self {
            g_data: self.g_data.max(other.g_data),
            g_diff: self.g_diff.max(other.g_diff),
            floor: self.floor.max(other.floor),
        }
    }

    /// Theta of what was taken in.
    ///
    /// # Errors
    /// [`ThetaError::NoGradient`] if nothing was, or authentic gradients are all zero.
    pub fn theta(&self) -> Result<Theta, ThetaError> {
        let Self { g_data, g_diff, floor } = *self;
        if g_data == 0.0 {
            return Err(ThetaError::NoGradient);
        }
        Ok(Theta { g_data, g_diff, theta: g_diff / (2.0 * g_data), theta_floor: floor / (2.0 * g_data) })
    }
}

/// theta without the noise of sampling: the squared difference of gradients is estimated by the product of two differences that share no image,
/// which noise leaves at zero on average.
#[derive(Clone, Copy, Debug, Default)]
pub struct AboveNoise {
    /// The longest authentic class gradient.
    longest: f64,
    /// The largest product so far.
    product: Option<f64>,
}

impl AboveNoise {
    /// Takes in a class at a point: its gradients on two disjoint sets of authentic images, and on two of generated ones.
    pub fn add(&mut self, authentic: [&[f32]; 2], generated: [&[f32]; 2]) {
        let ([a, b], [c, d]) = (authentic, generated);
        let terms = a.iter().zip(b).zip(c.iter().zip(d));
        let product = terms.map(|((a, b), (c, d))| (f64::from(*c) - f64::from(*a)) * (f64::from(*d) - f64::from(*b)));
        let product: f64 = product.sum();
        self.product = Some(self.product.map_or(product, |largest| largest.max(product)));
        self.longest = self.longest.max(norm(a)).max(norm(b));
    }

    /// The largest of both.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        let product = self.product.into_iter().chain(other.product).reduce(f64::max);
        Self { longest: self.longest.max(other.longest), product }
    }

    /// The largest over classes and points, over twice the longest authentic class gradient; 0 where the product is negative, which is as much as
    /// saying that no difference can be seen. None of nothing.
    pub fn theta(&self) -> Option<f64> {
        let product = self.product.filter(|product| product.is_finite() && self.longest > 0.0)?;
        Some(product.max(0.0).sqrt() / (2.0 * self.longest))
    }
}

fn check(set: &[Vec<f32>], classes: usize, length: usize, point: usize) -> Result<(), ThetaError> {
    let mismatch = |found, expected| Err(ThetaError::Mismatch { point, found, expected });
    if set.len() != classes {
        return mismatch(format!("gradients of {} classes", set.len()), format!("{classes}"));
    }
    match set.iter().find(|gradient| gradient.len() != length) {
        Some(gradient) => mismatch(format!("a gradient of {} values", gradient.len()), format!("{length}")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn gradients(values: &[[f32; 2]]) -> Vec<Vec<f32>> {
        values.iter().map(|value| value.to_vec()).collect()
    }

    #[test]
    fn the_largest_over_classes_and_points_counts() {
        let authentic = gradients(&[[3.0, 4.0], [0.0, 1.0]]);
        let generated = gradients(&[[3.0, 4.0], [2.0, 1.0]]);
        let other = gradients(&[[3.0, 3.0], [0.0, 1.0]]);
        let probe = GradientProbe { authentic: &authentic, generated: &generated, halves: [&authentic, &other] };
        let expected = Theta { g_data: 5.0, g_diff: 2.0, theta: 0.2, theta_floor: 0.1 };
        assert_eq!(theta(&[probe]), Ok(expected));
        let longer = gradients(&[[0.0, 0.0], [6.0, 8.0]]);
        let same = GradientProbe { authentic: &longer, generated: &longer, halves: [&longer, &longer] };
        let both = Theta { g_data: 10.0, g_diff: 2.0, theta: 0.1, theta_floor: 0.05 };
        assert_eq!(theta(&[probe, same]), Ok(both));
        assert_eq!(Theta::over([theta(&[probe]).unwrap(), theta(&[same]).unwrap()]), Some(both));
        assert_eq!(Theta::over([]), None);
    }

    #[test]
    fn what_cannot_be_measured_says_why() {
        let good = gradients(&[[3.0, 4.0]]);
        let probe =
            |generated: &[Vec<f32>]| theta(&[GradientProbe { authentic: &good, generated, halves: [&good, &good] }]);
        assert_eq!(theta(&[]), Err(ThetaError::Nothing));
        assert!(matches!(probe(&[]), Err(ThetaError::Mismatch { point: 0, .. })));
        assert!(probe(&[vec![1.0]]).unwrap_err().to_string().contains("1 values where 2"));
        assert_eq!(probe(&[vec![f32::NAN, 0.0]]), Err(ThetaError::NotFinite { point: 0, class: 0 }));
        let zero = gradients(&[[0.0, 0.0]]);
        let flat = GradientProbe { authentic: &zero, generated: &zero, halves: [&zero, &zero] };
        assert_eq!(theta(&[flat]), Err(ThetaError::NoGradient));
    }

    proptest! {
        /// Two differences of noise alone have a product around zero; what both have in common stays.
        #[test]
        fn noise_is_left_out(values in prop::collection::vec(-1f32..1.0, 4000), shift in 0.2f32..1.0) {
            let parts: Vec<&[f32]> = values.chunks(1000).collect();
            let moved = |part: &[f32]| part.iter().map(|value| value + shift).collect::<Vec<f32>>();
            let (c, d) = (moved(parts[2]), moved(parts[3]));
            let longest = norm(parts[0]).max(norm(parts[1]));
            let of = |c: &[f32], d: &[f32]| {
                let mut above = AboveNoise::default();
                above.add([parts[0], parts[1]], [c, d]);
                above
            };
            let (same, apart) = (of(parts[2], parts[3]), of(&c, &d));
            let unit = 1000f64.sqrt() / (2.0 * longest);
            // with noise in it the first would be 0.8 units
            prop_assert!(same.theta().unwrap() < 0.35 * unit);
            prop_assert!((apart.theta().unwrap() / unit - f64::from(shift)).abs() < 0.3);
            prop_assert_eq!(same.with(apart).theta(), apart.theta());
            prop_assert_eq!(AboveNoise::default().theta(), None);
        }

        #[test]
        fn scaling_all_gradients_changes_no_ratio(
            values in prop::collection::vec(-1f32..1.0, 24), exponent in -8i32..8,
        ) {
            let sets = |scale: f32| -> Vec<Vec<Vec<f32>>> {
                let gradient = |set: &[f32]| set.chunks(3).map(|one| one.iter().map(|v| v * scale).collect()).collect();
                values.chunks(6).map(gradient).collect()
            };
            let measure = |sets: Vec<Vec<Vec<f32>>>| {
                let halves = [sets[2].as_slice(), sets[3].as_slice()];
                theta(&[GradientProbe { authentic: &sets[0], generated: &sets[1], halves }]).unwrap()
            };
            // A power of two scales without rounding.
            let (one, other) = (measure(sets(1.0)), measure(sets(2f32.powi(exponent))));
            prop_assert_eq!((one.theta, one.theta_floor), (other.theta, other.theta_floor));
            prop_assert_eq!(one.g_data * 2f64.powi(exponent), other.g_data);
        }
    }
}
