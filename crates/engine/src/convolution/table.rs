//! What was measured, and what follows from it.

use super::algorithm::{Algorithm, Direction};
use super::shape::Shape;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Milliseconds by algorithm; those that a device cannot compute are missing.
pub type Milliseconds = BTreeMap<Algorithm, f64>;

/// What was measured of one convolution on one device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measured {
    /// Which convolution.
    pub shape: Shape,
    /// With how many clients side by side it was measured.
    pub clients: usize,
    /// With how many samples of each.
    pub batch: usize,
    /// The output.
    pub forward: Milliseconds,
    /// The gradient of the input.
    pub input: Milliseconds,
    /// The gradient of the weights.
    pub weights: Milliseconds,
}

impl Measured {
    /// What each algorithm takes in a direction.
    pub fn of(&self, direction: Direction) -> &Milliseconds {
        match direction {
            Direction::Forward => &self.forward,
            Direction::Input => &self.input,
            Direction::Weights => &self.weights,
        }
    }

    pub(crate) fn of_mut(&mut self, direction: Direction) -> &mut Milliseconds {
        match direction {
            Direction::Forward => &mut self.forward,
            Direction::Input => &mut self.input,
            Direction::Weights => &mut self.weights,
        }
    }

    /// The fastest algorithm in a direction; of equals the first.
    pub fn fastest(&self, direction: Direction) -> Option<Algorithm> {
        let times = self.of(direction).iter().filter(|(_, time)| time.is_finite());
        times.min_by(|a, b| a.1.total_cmp(b.1)).map(|(algorithm, _)| *algorithm)
    }
}

/// What was measured on all devices, by what each calls itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Table(BTreeMap<String, Vec<Measured>>);

impl Table {
    /// What was measured of a shape on a device.
    pub fn find(&self, device: &str, shape: &Shape) -> Option<&Measured> {
        self.0.get(device)?.iter().find(|measured| measured.shape == *shape)
    }

    /// Adds what was measured, in the place of what was there of the same shape.
    pub fn insert(&mut self, device: &str, measured: Measured) {
        let all = self.0.entry(device.into()).or_default();
        match all.iter_mut().find(|other| other.shape == measured.shape) {
            Some(old) => *old = measured,
            None => all.push(measured),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::convolution::Follows;

    pub fn measured(kernel: usize, forward: [f64; 3]) -> Measured {
        let times = |times: [f64; 3]| Algorithm::ALL.into_iter().zip(times).collect::<Milliseconds>();
        let shape = Shape {
            inputs: 3,
            outputs: 32,
            image: [7, 5],
            kernel: [kernel; 2],
            stride: [1, 1],
            padding: [0, 1],
            follows: Follows::Relu,
        };
        let (input, weights) = (times([3.0, 2.0, 1.0]), Milliseconds::new());
        Measured { shape, clients: 10, batch: 4, forward: times(forward), input, weights }
    }

    #[test]
    fn the_fastest_is_chosen_by_device_shape_and_direction() {
        let mut table = Table::default();
        table.insert("card", measured(3, [2.0, 3.0, 1.5]));
        table.insert("card", measured(5, [1.0, 1.0, f64::INFINITY]));
        let of = |table: &Table, device, kernel| {
            table
                .find(device, &measured(kernel, [0.0; 3]).shape)
                .map(|found| Direction::ALL.map(|way| found.fastest(way)))
        };
        assert_eq!(of(&table, "card", 3), Some([Some(Algorithm::Winograd), Some(Algorithm::Winograd), None]));
        assert_eq!(of(&table, "card", 5), Some([Some(Algorithm::Grouped), Some(Algorithm::Winograd), None]));
        assert_eq!(of(&table, "other", 3), None);
        assert_eq!(of(&table, "card", 1), None);
        table.insert("card", measured(3, [9.0, 8.0, 9.0]));
        assert_eq!(of(&table, "card", 3).unwrap()[0], Some(Algorithm::Columns), "measured again");
    }
}
