use super::error::{QualityError, check};
use super::features::{Features, squared_distance};
use imfl_engine::worker;

/// How two sets cover each other, with balls around points that reach to their k-th nearest neighbour in their own set.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Manifold {
    /// Share of generated images inside some authentic image's ball (Kynkaanniemi et al. 2019).
    pub precision: f64,
    /// Share of authentic images inside some generated image's ball (Kynkaanniemi et al. 2019).
    pub recall: f64,
    /// Authentic balls that a generated image lies in, on average, over k; about 1 for equal distributions (Naeem et al. 2020).
    pub density: f64,
    /// Share of authentic images whose ball holds a generated one (Naeem et al. 2020).
    pub coverage: f64,
}

impl Manifold {
    /// Measures with `k` neighbours, over `workers` threads.
    ///
    /// # Errors
    /// [`QualityError`] for fewer than `k + 1` images in a set, or sets that do not fit.
    pub fn measure(generated: &Features, authentic: &Features, k: usize, workers: usize) -> Result<Self, QualityError> {
        check("precision, recall, density and coverage", k.max(1).saturating_add(1), generated, authentic)?;
        let k = k.max(1);
        let radius_of_authentic = radii(authentic, k, workers);
        let radius_of_generated = radii(generated, k, workers);
        let of_generated = worker::map(workers, generated.len(), |index| {
            let row = generated.row(index);
            let balls = authentic.rows().zip(&radius_of_authentic);
            balls.filter(|(center, radius)| squared_distance(row, center) < **radius).count()
        });
        // Inside a generated ball, and a generated image inside its own.
        let of_authentic = worker::map(workers, authentic.len(), |index| {
            let row = authentic.row(index);
            let own = radius_of_authentic[index];
            generated.rows().zip(&radius_of_generated).fold((false, false), |(inside, covered), (center, radius)| {
                let distance = squared_distance(row, center);
                (inside | (distance < *radius), covered | (distance < own))
            })
        });
        let share = |count: usize, of: &Features| count as f64 / of.len() as f64;
        Ok(Self {
            precision: share(of_generated.iter().filter(|balls| **balls > 0).count(), generated),
            recall: share(of_authentic.iter().filter(|(inside, _)| *inside).count(), authentic),
            density: share(of_generated.iter().sum(), generated) / k as f64,
            coverage: share(of_authentic.iter().filter(|(_, covered)| *covered).count(), authentic),
        })
    }
}

/// Squared distance of every row to its k-th nearest other row.
fn radii(set: &Features, k: usize, workers: usize) -> Vec<f64> {
    worker::map(workers, set.len(), |index| {
        let others = (0..set.len()).filter(|&other| other != index);
        let mut distances: Vec<f64> = others.map(|other| squared_distance(set.row(index), set.row(other))).collect();
        // There are more than k rows, as checked; all distances are finite.
        *distances.select_nth_unstable_by(k - 1, f64::total_cmp).1
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{normal, published};
    use super::*;

    #[test]
    fn the_published_values() {
        let (generated, authentic) = published();
        let expect = |k, precision, recall, density: f64, coverage| {
            for workers in [1, 3] {
                let found = Manifold::measure(&generated, &authentic, k, workers).unwrap();
                assert_eq!((found.precision, found.recall, found.coverage), (precision, recall, coverage), "k = {k}");
                assert!((found.density - density).abs() < 1e-12, "k = {k}: {}", found.density);
            }
        };
        expect(3, 1.0, 0.55, 1.0, 0.6);
        expect(5, 1.0, 0.85, 1.14, 0.85);
    }

    #[test]
    fn a_collapsed_generator_is_precise_and_covers_little() {
        let authentic = normal(1, 300, 2, 0.0, 1.0);
        let same = Manifold::measure(&normal(2, 300, 2, 0.0, 1.0), &authentic, 5, 2).unwrap();
        assert!(same.precision > 0.9 && same.recall > 0.9 && same.coverage > 0.9, "{same:?}");
        let collapsed = Manifold::measure(&normal(3, 300, 2, 0.0, 0.05), &authentic, 5, 2).unwrap();
        assert!(collapsed.precision > 0.95 && collapsed.recall < 0.1 && collapsed.coverage < 0.1, "{collapsed:?}");
    }
}
