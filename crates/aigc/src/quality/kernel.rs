use super::error::{QualityError, check};
use super::features::{Features, product};

/// Kernel inception distance (Binkowski et al. 2018): the unbiased estimate of the squared maximum mean discrepancy under
/// the kernel `(x.y / d + 1)^3`, over all pairs.
///
/// It has no bias from few samples, and may be a little below zero.
///
/// # Errors
/// [`QualityError`] for fewer than two images in a set, or sets that do not fit.
pub fn kernel_distance(generated: &Features, authentic: &Features) -> Result<f64, QualityError> {
    check("KID", 2, generated, authentic)?;
    let within = |set: &Features| {
        let pairs = (set.len() * (set.len() - 1)) as f64;
        // Each pair counts twice.
        let sum: f64 = (0..set.len()).map(|i| (0..i).map(|j| kernel(set.row(i), set.row(j))).sum::<f64>()).sum();
        2.0 * sum / pairs
    };
    let across = generated.rows().map(|x| authentic.rows().map(|y| kernel(x, y)).sum::<f64>()).sum::<f64>();
    let across = across / (generated.len() * authentic.len()) as f64;
    Ok(within(generated) + within(authentic) - 2.0 * across)
}

fn kernel(x: &[f64], y: &[f64]) -> f64 {
    (product(x, y) / x.len() as f64 + 1.0).powi(3)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{normal, published};
    use super::*;

    #[test]
    fn the_published_value() {
        let (generated, authentic) = published();
        let kid = kernel_distance(&generated, &authentic).unwrap();
        assert!((kid - 1.313_707_093_58).abs() < 1e-9, "{kid}");
    }

    #[test]
    fn equal_distributions_score_zero_on_average_and_others_do_not() {
        let mean = (0..40).map(|seed| {
            let sets = (normal(2 * seed, 50, 3, 0.0, 1.0), normal(2 * seed + 1, 50, 3, 0.0, 1.0));
            kernel_distance(&sets.0, &sets.1).unwrap() / 40.0
        });
        let mean: f64 = mean.sum();
        assert!(mean.abs() < 0.03, "{mean}");
        assert!(kernel_distance(&normal(1, 200, 3, 0.5, 1.0), &normal(2, 200, 3, 0.0, 1.0)).unwrap() > 0.2);
    }
}
