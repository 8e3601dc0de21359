/// One row of numbers for each image.
#[derive(Clone, Debug, PartialEq)]
pub struct Features {
    dimension: usize,
    values: Vec<f64>,
}

impl Features {
    /// Takes rows of `dimension` values, one behind the other; `None` if they are no whole rows.
    pub fn from_rows(dimension: usize, values: Vec<f64>) -> Option<Self> {
        (dimension > 0 && values.len().is_multiple_of(dimension)).then_some(Self { dimension, values })
    }

    /// Length of a row.
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.values.len() / self.dimension
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// One row.
    pub fn row(&self, index: usize) -> &[f64] {
        &self.values[index * self.dimension..(index + 1) * self.dimension]
    }

    /// All rows.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[f64]> {
        self.values.chunks_exact(self.dimension)
    }

    /// The first `count` rows, or all.
    pub fn head(&self, count: usize) -> Self {
        let values = self.values[..count.min(self.len()) * self.dimension].to_vec();
        Self { dimension: self.dimension, values }
    }
}

/// Squared Euclidean distance.
pub fn squared_distance(a: &[f64], b: &[f64]) -> f64 {
    sum_of(a, b, |x, y| (x - y) * (x - y))
}

/// Scalar product.
pub fn product(a: &[f64], b: &[f64]) -> f64 {
    sum_of(a, b, |x, y| x * y)
}

/// Sums in eight strands, which the compiler turns into vector instructions.
fn sum_of(a: &[f64], b: &[f64], term: impl Fn(f64, f64) -> f64) -> f64 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let mut strands = [0.0; 8];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..8 {
            strands[lane] += term(a[lane], b[lane]);
        }
    }
    strands.iter().sum::<f64>() + a_rest.iter().zip(b_rest).map(|(&x, &y)| term(x, y)).sum::<f64>()
}
