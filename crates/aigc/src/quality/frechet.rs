use super::error::{QualityError, check};
use super::features::Features;
use nalgebra::{DMatrix, DVector, SymmetricEigen};

/// Frechet inception distance (Heusel et al. 2017): the squared Frechet distance between the normal distributions with the
/// means and covariances of both sets, `|m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2))`.
///
/// Covariances are unbiased. Few samples inflate it: compare only values of equal numbers of images.
///
/// # Errors
/// [`QualityError`] for fewer than two images in a set, or sets that do not fit.
pub fn frechet_distance(generated: &Features, authentic: &Features) -> Result<f64, QualityError> {
    check("FID", 2, generated, authentic)?;
    let ((m1, c1), (m2, c2)) = (moments(generated), moments(authentic));
    // tr (C1 C2)^(1/2) = tr (R C2 R)^(1/2) with R the root of C1: the products have the same eigenvalues, and the second
    // is symmetric.
    let root = root(&c1);
    let eigenvalues = SymmetricEigen::new(symmetric(&root * &c2 * &root)).eigenvalues;
    let cross: f64 = eigenvalues.iter().map(|value| value.max(0.0).sqrt()).sum();
    Ok(((m1 - m2).norm_squared() + c1.trace() + c2.trace() - 2.0 * cross).max(0.0))
}

/// Mean and unbiased covariance.
fn moments(features: &Features) -> (DVector<f64>, DMatrix<f64>) {
    let (rows, dimension) = (features.len(), features.dimension());
    let mut mean = DVector::zeros(dimension);
    for row in features.rows() {
        mean += DVector::from_column_slice(row);
    }
    mean /= rows as f64;
    let centred = DMatrix::from_fn(dimension, rows, |column, row| features.row(row)[column] - mean[column]);
    let covariance = &centred * centred.transpose() / (rows - 1) as f64;
    (mean, covariance)
}

/// The symmetric root of a covariance; eigenvalues below zero are rounding.
fn root(covariance: &DMatrix<f64>) -> DMatrix<f64> {
    let SymmetricEigen { eigenvectors, eigenvalues } = SymmetricEigen::new(symmetric(covariance.clone()));
    let roots = DMatrix::from_diagonal(&eigenvalues.map(|value| value.max(0.0).sqrt()));
    &eigenvectors * roots * eigenvectors.transpose()
}

fn symmetric(matrix: DMatrix<f64>) -> DMatrix<f64> {
    let transpose = matrix.transpose();
    (matrix + transpose) * 0.5
}

#[cfg(test)]
mod tests {
    use super::super::testing::{normal, published};
    use super::*;

    #[test]
    fn the_published_value() {
        let (generated, authentic) = published();
        let fid = frechet_distance(&generated, &authentic).unwrap();
        assert!((fid - 0.511_970_489_73).abs() < 1e-9, "{fid}");
        assert!(frechet_distance(&generated, &generated).unwrap() < 1e-9);
    }

    #[test]
    fn normal_distributions_have_their_closed_form() {
        // For N(a, s^2 I) and N(b, t^2 I) in d dimensions: d ((a - b)^2 + (s - t)^2).
        let fid = frechet_distance(&normal(1, 40_000, 4, 1.0, 2.0), &normal(2, 40_000, 4, 0.5, 1.0)).unwrap();
        assert!((fid - 4.0 * (0.25 + 1.0)).abs() < 0.1, "{fid}");
        // Correlated and exact: columns x and 2x, so C1 = v [[1, 2], [2, 4]]; scaling a set by 3 gives tr C1 (3 - 1)^2.
        let line = |scale: f64| {
            let values = (0..5).flat_map(|i| [scale * f64::from(i - 2), 2.0 * scale * f64::from(i - 2)]).collect();
            Features::from_rows(2, values).unwrap()
        };
        let fid = frechet_distance(&line(3.0), &line(1.0)).unwrap();
        assert!((fid - 2.5 * 5.0 * 4.0).abs() < 1e-6, "{fid}");
    }
}
