//! Banded Toeplitz factors: each round's noise makes up for some of that of the rounds before.

use super::Participation;
use crate::account::{Event, MOST_ROUNDS};
use crate::{Error, Result};

/// The most rounds for which a banded factor is worked out.
const MOST: u64 = 10_000_000;

/// A lower triangular matrix C with the same coefficients along every diagonal, all but the first few zero.
///
/// ```
/// use imfl_privacy::ftrl::{Banded, Participation};
///
/// # fn main() -> imfl_privacy::Result<()> {
/// let participation = Participation { separation: 50, most: 20 };
/// let (banded, plain) = (Banded::square_root(50)?, Banded::square_root(1)?);
/// // The same promise, and an error of prefix sums that is three times smaller.
/// assert!(3.0 * banded.error(1000, participation)? < plain.error(1000, participation)?);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Banded {
    coefficients: Vec<f64>,
}

impl Banded {
    /// The factor with these coefficients: the first for a round's own sum, the next for the sum of the round before.
    ///
    /// # Errors
    /// Coefficients of which the first is not positive or that are negative or grow: their sensitivity is not known.
    pub fn new(coefficients: Vec<f64>) -> Result<Self> {
        let falling = coefficients.windows(2).all(|pair| pair[0] >= pair[1]);
        let positive =
            coefficients.first().is_some_and(|c| *c > 0.0 && c.is_finite()) && coefficients.iter().all(|c| *c >= 0.0);
        if falling && positive {
            Ok(Self { coefficients })
        } else {
            Err(Error::parameter(
                "coefficients",
                format!("{coefficients:?}"),
                "above 0 in the first place, not negative and not growing",
            ))
        }
    }

    /// The first `bands` coefficients of the square root of the prefix sums' matrix, 1 / sqrt(1 - x) (Kalinin and
    /// Lampert 2024). One band is independent noise. With at most as many bands as a client's participations are
    /// apart, what they add does not overlap; more bands are accounted for as well, and seldom pay.
    ///
    /// # Errors
    /// No band, or more than ten million.
    pub fn square_root(bands: u64) -> Result<Self> {
        if !(1..=MOST).contains(&bands) {
            return Err(Error::parameter("bands", bands, "from 1 to 10000000"));
        }
        let next = |c: &f64, k: u64| c * (2 * k - 1) as f64 / (2 * k) as f64;
        let mut coefficients = vec![1.0];
        for k in 1..bands {
            coefficients.push(next(&coefficients[k as usize - 1], k));
        }
        Self::new(coefficients)
    }

    /// The coefficients. Correlated noise w of independent noise z: `w[t] = (z[t] - sum over k >= 1 of c[k] w[t -
    /// k]) / c[0]`.
    pub fn coefficients(&self) -> &[f64] {
        &self.coefficients
    }

    /// The length of what one client adds to C times the rounds' sums, at most, if he adds at most 1 to a round.
    ///
    /// The worst are participations as early and as near each other as may be (Kalinin and Lampert 2024, theorem 2, for
    /// coefficients that are not negative and do not grow): exact.
    ///
    /// # Errors
    /// A separation or a number of participations of 0; no rounds, or more than ten million.
    pub fn sensitivity(&self, rounds: u64, participation: Participation) -> Result<f64> {
        if !(1..=MOST.min(MOST_ROUNDS)).contains(&rounds) {
            return Err(Error::parameter("rounds", rounds, "from 1 to 10000000"));
        }
        let times = participation.times(rounds)?;
        let mut sum = vec![0.0; rounds as usize];
        for start in (0..times).map(|k| (k * participation.separation) as usize) {
            for (value, coefficient) in sum[start..].iter_mut().zip(&self.coefficients) {
                *value += coefficient;
            }
        }
        Ok(sum.iter().map(|x| x * x).sum::<f64>().sqrt())
    }

    /// What the whole training releases, if noise of `noise` times the length of one contribution is added to C
    /// times the sums.
    ///
    /// # Errors
    /// As [`Self::sensitivity`]; a noise out of range.
    pub fn event(&self, noise: f64, rounds: u64, participation: Participation) -> Result<Event> {
        Event::gaussian(noise / self.sensitivity(rounds, participation)?)
    }

    /// The root mean square error of the prefix sums over all rounds, for noise that makes the training one release
    /// with a noise multiplier of 1.
    ///
    /// # Errors
    /// As [`Self::sensitivity`].
    pub fn error(&self, rounds: u64, participation: Participation) -> Result<f64> {
        let sensitivity = self.sensitivity(rounds, participation)?;
        // The first column of C's inverse, its sums (those of A C^-1), and the sums of their squares over rows and
        // columns.
        let mut inverse: Vec<f64> = Vec::with_capacity(rounds as usize);
        let (mut prefix, mut row, mut all) = (0.0, 0.0, 0.0);
        for t in 0..rounds as usize {
            let past: f64 = self.coefficients.iter().skip(1).zip(inverse.iter().rev()).map(|(c, w)| c * w).sum();
            inverse.push((f64::from(u8::from(t == 0)) - past) / self.coefficients[0]);
            prefix += inverse[t];
            row += prefix * prefix;
            all += row;
        }
        Ok(sensitivity * (all / rounds as f64).sqrt())
    }
}

#[cfg(test)]
mod tests {
    use super::super::squared_by_trial;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn coefficients_are_those_of_the_square_root() {
        assert_eq!(Banded::square_root(4).unwrap().coefficients(), [1.0, 0.5, 0.375, 0.3125]);
        for refused in [
            vec![],
            vec![0.0],
            vec![1.0, 2.0],
            vec![1.0, -0.5],
            vec![f64::NAN],
            vec![1.0, f64::NAN],
            vec![f64::INFINITY],
        ] {
            assert!(Banded::new(refused).is_err());
        }
    }

    #[test]
    fn the_whole_square_root_is_its_own_inverse_times_the_sums() {
        // A C^-1 = C: its rows are as long as C's.
        let (banded, rounds) = (Banded::square_root(64).unwrap(), 64);
        let squares: f64 = banded
            .coefficients
            .iter()
            .scan(0.0, |sum, c| {
                *sum += c * c;
                Some(*sum)
            })
            .sum();
        let expected = banded.sensitivity(rounds, Participation::ONCE).unwrap() * (squares / 64.0).sqrt();
        assert!((banded.error(rounds, Participation::ONCE).unwrap() - expected).abs() < 1e-9);
    }

    #[test]
    fn independent_noise_adds_up() {
        // One band: sqrt(most) for the sensitivity, sqrt((T + 1) / 2) for the sums.
        let error = Banded::square_root(1).unwrap().error(99, Participation { separation: 9, most: 4 }).unwrap();
        assert!((error - 2.0 * 50f64.sqrt()).abs() < 1e-9);
    }

    proptest! {
        #[test]
        fn sensitivity_is_the_true_one(
            mut coefficients in prop::collection::vec(0.01f64..1.0, 1..8),
            rounds in 1u64..10,
            separation in 1u64..5,
            most in 1u64..4,
        ) {
            coefficients.sort_by(|a, b| b.total_cmp(a));
            let banded = Banded::new(coefficients.clone()).unwrap();
            let entry = |row: u64, column| row.checked_sub(column).and_then(|lag| coefficients.get(lag as usize));
            let column = |k| (0..rounds).map(|t| entry(t, k).copied().unwrap_or(0.0)).collect();
            let columns: Vec<Vec<f64>> = (0..rounds).map(column).collect();
            let participation = Participation { separation, most };
            let found = banded.sensitivity(rounds, participation).unwrap().powi(2);
            prop_assert!((found - squared_by_trial(&columns, participation)).abs() < 1e-9);
        }
    }
}
