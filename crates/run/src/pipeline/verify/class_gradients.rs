//! Class gradients of the server's own images, and what they tell of another gradient: its label shares, and how much of it they leave unexplained.

/// What is added to the variance of a parameter, as a share of the mean of all.
const LEAST_VARIANCE: f32 = 1e-3;

/// Class gradients, ready to read label shares off another gradient. Parameters count by the inverse of their variance between images of a class.
pub struct ClassGradients {
    plain: Vec<Vec<f32>>,
    /// Times the weights of parameters.
    weighted: Vec<Vec<f32>>,
    weight: Vec<f32>,
    /// Their products.
    gram: Vec<Vec<f64>>,
    /// Variance of one image's gradient, by class, weighted.
    variance: Vec<f64>,
    /// Images of each class.
    images: Vec<usize>,
    /// Draws the sum of shares to 1.
    pull: f64,
}

impl ClassGradients {
    /// From the class gradients of two halves of so many images each, `[classes]`.
    pub fn new(halves: [&[Vec<f32>]; 2], images: [&[usize]; 2]) -> Self {
        let [first, second] = halves;
        let parameters = first.first().map_or(0, Vec::len);
        let mut spread = vec![0.0f32; parameters];
        for (a, b) in first.iter().zip(second) {
            spread.iter_mut().zip(a.iter().zip(b)).for_each(|(sum, (a, b))| *sum += (a - b).powi(2));
        }
        let least = LEAST_VARIANCE * spread.iter().sum::<f32>() / parameters.max(1) as f32;
        let weight: Vec<f32> = spread.iter().map(|own| 1.0 / (own + least).max(f32::MIN_POSITIVE)).collect();
        let weighted = |class: &Vec<f32>| class.iter().zip(&weight).map(|(value, weight)| value * weight).collect();
        let pair = |(a, b): (&Vec<f32>, &Vec<f32>), mix: fn(f32, f32) -> f32| -> Vec<f32> {
            a.iter().zip(b).map(|(a, b)| mix(*a, *b)).collect()
        };
        let halves = || first.iter().zip(second);
        let plain: Vec<Vec<f32>> = halves().map(|both| pair(both, |a, b| (a + b) / 2.0)).collect();
        let sizes = images[0].iter().zip(images[1]);
        // two means of n and m differ by the variance of one times 1/n + 1/m
        let variance = halves().zip(sizes.clone()).map(|(both, (&n, &m))| {
            let between = pair(both, |a, b| a - b);
            let heavy: Vec<f32> = weighted(&between);
            product(&heavy, &between) / (1.0 / n.max(1) as f64 + 1.0 / m.max(1) as f64)
        });
        let variance = variance.collect();
        let images = sizes.map(|(n, m)| n + m).collect();
        let heavy: Vec<Vec<f32>> = plain.iter().map(weighted).collect();
        let gram: Vec<Vec<f64>> = heavy.iter().map(|a| plain.iter().map(|b| product(a, b)).collect()).collect();
        let pull = 10.0 * gram.iter().enumerate().map(|(at, row)| row[at]).fold(0.0, f64::max);
        Self { plain, weighted: heavy, weight, gram, variance, images, pull }
    }

    /// Label shares, at least 0, by non-negative least squares.
    pub fn shares(&self, gradient: &[f32]) -> Vec<f64> {
        let goal: Vec<f64> = self.weighted.iter().map(|class| product(class, gradient) + self.pull).collect();
        let mut shares = vec![1.0 / goal.len() as f64; goal.len()];
        // coordinates in turn: each step is exact in one share, and the sum of squares is convex
        for _ in 0..2000 {
            let mut moved: f64 = 0.0;
            for (at, row) in self.gram.iter().enumerate() {
                let said: f64 = row.iter().zip(&shares).map(|(cell, share)| (cell + self.pull) * share).sum();
                let next = (shares[at] + (goal[at] - said) / (row[at] + self.pull).max(f64::MIN_POSITIVE)).max(0.0);
                moved = moved.max((next - shares[at]).abs());
                shares[at] = next;
            }
            if moved < 1e-9 {
                break;
            }
        }
        shares
    }

    /// What a mixture of class gradients leaves of a gradient.
    pub fn rest(&self, gradient: &[f32], shares: &[f64]) -> Vec<f32> {
        let mut rest = gradient.to_vec();
        for (class, share) in self.plain.iter().zip(shares).filter(|(_, share)| **share > 0.0) {
            rest.iter_mut().zip(class).for_each(|(rest, value)| *rest -= *share as f32 * value);
        }
        rest
    }

    /// The weighted product of two vectors.
    pub fn product(&self, a: &[f32], b: &[f32]) -> f64 {
        let heavy = |(a, weight): (&[f32; STRANDS], &[f32; STRANDS])| std::array::from_fn(|at| a[at] * weight[at]);
        let ((a, a_rest), (weight, weight_rest)) = (a.as_chunks(), self.weight.as_chunks());
        let (b, b_rest) = b.as_chunks();
        let rest = a_rest.iter().zip(weight_rest).map(|(a, weight)| a * weight);
        sum(a.iter().zip(weight).map(heavy).zip(b.iter().copied())) + in_turn(rest.zip(b_rest.iter().copied()))
    }

    /// What the squared rest comes to on average: `(of one sample over the number of samples, of the server's images)`, up to a factor that is the
    /// same for all.
    pub fn noise(&self, shares: &[f64]) -> (f64, f64) {
        let own = self.variance.iter().zip(shares).map(|(variance, share)| variance * share).sum();
        let of_images = |((variance, share), images): ((&f64, &f64), &usize)| variance * share * share / *images as f64;
        let server = self.variance.iter().zip(shares).zip(&self.images).map(of_images).sum();
        (own, server)
    }

    /// From each class's gradient to that of others.
    pub fn to(&self, others: &[Vec<f32>]) -> Vec<Vec<f32>> {
        let between = |(own, other): (&Vec<f32>, &Vec<f32>)| other.iter().zip(own).map(|(b, a)| b - a).collect();
        self.plain.iter().zip(others).map(between).collect()
    }
}

/// Sums run in so many strands, which the compiler turns into vector instructions.
const STRANDS: usize = 8;

fn product(a: &[f32], b: &[f32]) -> f64 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks(), b.as_chunks());
    sum(a.iter().copied().zip(b.iter().copied())) + in_turn(a_rest.iter().copied().zip(b_rest.iter().copied()))
}

fn sum(pairs: impl Iterator<Item = ([f32; STRANDS], [f32; STRANDS])>) -> f64 {
    let mut strands = [0.0; STRANDS];
    for (a, b) in pairs {
        for at in 0..STRANDS {
            strands[at] += f64::from(a[at]) * f64::from(b[at]);
        }
    }
    strands.iter().sum()
}

/// What is left over from the strands.
fn in_turn(pairs: impl Iterator<Item = (f32, f32)>) -> f64 {
    pairs.map(|(a, b)| f64::from(a) * f64::from(b)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_read_off_a_mixture_of_class_gradients() {
        let classes = vec![vec![1.0f32, 0.2, 0.1, 0.0], vec![-0.3, 1.0, 0.3, 0.1], vec![0.1, -0.4, 0.9, 0.2]];
        let mixed: Vec<f32> = (0..4).map(|at| 0.7 * classes[0][at] + 0.3 * classes[2][at]).collect();
        let other: Vec<Vec<f32>> =
            classes.iter().map(|class| class.iter().map(|value| value * 1.01).collect()).collect();
        let known = ClassGradients::new([&classes, &other], [&[10; 3], &[10; 3]]);
        let found = known.shares(&mixed);
        for (found, share) in found.iter().zip([0.7, 0.0, 0.3]) {
            assert!((found - share).abs() < 0.01, "{found} is not {share}");
        }
        assert!(found.iter().all(|share| *share >= 0.0));
        let rest = known.rest(&mixed, &[0.7, 0.0, 0.3]);
        assert!(known.product(&rest, &rest) < 1e-3 * known.product(&mixed, &mixed));
        let (own, server) = known.noise(&[0.5, 0.5, 0.0]);
        assert!(own > 0.0 && (server / own - 0.5 / 20.0).abs() < 0.02, "{own} {server}");
    }
}
