//! What generated images are worth, each measure with its definition and source.
//!
//! Distances between distributions ([`frechet_distance`], [`kernel_distance`], [`Manifold`]) compare [`Features`], rows of
//! numbers that a [`Classifier`] trained on authentic images sees in each image. Such values compare only with values from
//! the same classifier: they are not those of the Inception network that papers report. All are computed in f64.

mod classifier;
mod error;
mod features;
mod frechet;
mod kernel;
mod manifold;
mod memorisation;

pub use classifier::{Classifier, ClassifierConfig};
pub use error::QualityError;
pub use features::Features;
pub use frechet::frechet_distance;
pub use kernel::kernel_distance;
pub use manifold::Manifold;
pub use memorisation::Memorisation;

#[cfg(test)]
pub(crate) mod testing {
    use super::Features;

    /// Twenty generated points (sin i, cos 2i) and as many authentic ones (1.5 sin 3i + 0.5, cos i - 0.25), for which
    /// reference implementations of every measure agree on the values that the tests expect.
    pub fn published() -> (Features, Features) {
        let points = |of: fn(f64) -> [f64; 2]| Features::from_rows(2, (0..20).flat_map(|i| of(f64::from(i))).collect());
        let generated = points(|i| [i.sin(), (2.0 * i).cos()]);
        let authentic = points(|i| [1.5 * (3.0 * i).sin() + 0.5, i.cos() - 0.25]);
        (generated.unwrap(), authentic.unwrap())
    }

    /// Independent normal values.
    pub fn normal(seed: u64, rows: usize, dimension: usize, mean: f64, deviation: f64) -> Features {
        use imfl_engine::random::{Purpose, keyed};
        use rand::RngExt;
        let mut random = keyed(seed, Purpose::Benchmark, 0, 0, 0);
        let values = (0..rows * dimension)
            .map(|_| mean + deviation * random.sample::<f64, _>(rand_distr::StandardNormal))
            .collect();
        Features::from_rows(dimension, values).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{normal, published};
    use super::*;

    #[test]
    fn sets_that_cannot_be_compared_say_why() {
        let (generated, authentic) = published();
        let one = generated.head(1);
        let error = frechet_distance(&one, &authentic).unwrap_err().to_string();
        assert_eq!(error, "FID needs at least 2 generated images, there are 1");
        let error = kernel_distance(&generated, &authentic.head(1)).unwrap_err().to_string();
        assert!(error.contains("2 authentic images, there are 1"), "{error}");
        let error = Manifold::measure(&generated.head(5), &authentic, 5, 1).unwrap_err().to_string();
        assert!(error.contains("at least 6 generated"), "{error}");
        let wider = normal(1, 20, 3, 0.0, 1.0);
        assert!(matches!(frechet_distance(&wider, &authentic), Err(QualityError::Dimension { .. })));
        let broken = Features::from_rows(2, [vec![0.0; 39], vec![f64::NAN]].concat()).unwrap();
        let expected = QualityError::NotFinite { which: "generated", image: 19 };
        assert_eq!(frechet_distance(&broken, &authentic), Err(expected));
    }
}
