use super::pass::Pass;
use crate::op::{self, Convolution, Finish};
use crate::parameters::{Initialiser, Layout, ParameterId};
use burn::tensor::Tensor;

/// A convolution along a sequence with one filter bank for each client, followed by ReLU; zeros around the sequence keep its length.
#[derive(Clone, Debug)]
pub struct Conv1d {
    weight: ParameterId,
    bias: ParameterId,
    options: Convolution,
}

impl Conv1d {
    /// Declares `weight [outputs, inputs, 1, kernel]` and `bias [outputs]` under `name`; `kernel` is odd.
    pub fn new(layout: &mut Layout, name: &str, inputs: usize, outputs: usize, kernel: usize) -> Self {
        debug_assert!(kernel % 2 == 1);
        let start = Initialiser::fan_in(inputs * kernel);
        Self {
            weight: layout.declare(format!("{name}.weight"), &[outputs, inputs, 1, kernel], start),
            bias: layout.declare(format!("{name}.bias"), &[outputs], start),
            options: Convolution { padding: [0, kernel / 2], finish: Finish::Relu, ..Convolution::default() },
        }
    }

    /// `[clients, batch, inputs, 1, length]` to `[clients, batch, outputs, 1, length]`.
    pub fn forward(&self, pass: &Pass, x: Tensor<5>) -> Tensor<5> {
        let weight: Tensor<5> = pass.parameter(self.weight);
        let (images, filters) = (x.dims(), weight.dims());
        let [_, _, inputs, _, kernel] = filters;
        let y = op::conv2d(x, weight, Some(pass.parameter(self.bias)), self.options);
        pass.convolution(images, filters, self.options, y.dims()[4] * inputs * kernel);
        pass.products(&y, inputs * kernel);
        y
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::testing::{distinct_clients, ramp};

    #[test]
    fn each_place_sees_its_neighbours_through_the_clients_own_filters() {
        let mut layout = Layout::new();
        let layer = Conv1d::new(&mut layout, "conv", 2, 3, 3);
        let (weights, stacked) = distinct_clients(layout, 2);
        let x = ramp([2, 4, 2, 1, 5]);
        let y = layer.forward(&Pass::evaluate(&stacked), x.clone());
        assert_eq!(y.dims(), [2, 4, 3, 1, 5]);
        let (x, y) = (x.into_data(), y.into_data());
        let (x, y) = (x.as_slice::<f32>().unwrap(), y.as_slice::<f32>().unwrap());
        for (client, own) in weights.iter().enumerate() {
            for (row, output, place) in [(0, 0, 0usize), (3, 2, 4), (1, 1, 2)] {
                let mut sum = own.values()[3 * 2 * 3 + output];
                for (input, tap) in [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)] {
                    let Some(at) = (place + tap).checked_sub(1).filter(|at| *at < 5) else { continue };
                    let value = x[((client * 4 + row) * 2 + input) * 5 + at];
                    sum += own.values()[(output * 2 + input) * 3 + tap] * value;
                }
                let found = y[((client * 4 + row) * 3 + output) * 5 + place];
                assert!((found - sum.max(0.0)).abs() < 1e-5, "{client} {row} {output} {place}: {found} {sum}");
            }
        }
    }
}
