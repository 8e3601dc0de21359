use super::dropout::Dropout;
use super::pass::Pass;
use crate::op::{Activation, Masked};
use crate::parameters::{Initialiser, Layout, ParameterId};
use burn::tensor::Tensor;

/// A dense layer, `y = x W + b`, with one `W` and `b` for each client; with ReLU behind it if asked for.
#[derive(Clone, Debug)]
pub struct Linear {
    weight: ParameterId,
    bias: ParameterId,
    activation: Activation,
    dropout: Option<Dropout>,
}

impl Linear {
    /// Declares `weight [inputs, outputs]` and `bias [outputs]` under `name`.
    pub fn new(layout: &mut Layout, name: &str, inputs: usize, outputs: usize) -> Self {
        Self::started(layout, name, [inputs, outputs], Initialiser::fan_in(inputs))
    }

    /// A layer that starts as the zero function.
    pub fn zeros(layout: &mut Layout, name: &str, inputs: usize, outputs: usize) -> Self {
        Self::started(layout, name, [inputs, outputs], Initialiser::Zeros)
    }

    /// A layer that starts so many times as far from zero.
    pub fn wide(layout: &mut Layout, name: &str, inputs: usize, outputs: usize, times: f32) -> Self {
        let start = Initialiser::Uniform { bound: times / (inputs.max(1) as f32).sqrt() };
        Self::started(layout, name, [inputs, outputs], start)
    }

    fn started(layout: &mut Layout, name: &str, shape: [usize; 2], start: Initialiser) -> Self {
        Self {
            weight: layout.declare(format!("{name}.weight"), &shape, start),
            bias: layout.declare(format!("{name}.bias"), &shape[1..], start),
            activation: Activation::Linear,
            dropout: None,
        }
    }

    /// The same layer followed by ReLU, in one pass over memory.
    pub fn with_relu(self) -> Self {
        Self { activation: Activation::Relu, ..self }
    }

    /// The same layer followed by dropout, in the same pass over memory.
    pub fn with_dropout(self, dropout: Dropout) -> Self {
        Self { dropout: Some(dropout), ..self }
    }

    /// `[clients, batch, inputs]` to `[clients, batch, outputs]`.
    pub fn forward(&self, pass: &Pass, x: Tensor<3>) -> Tensor<3> {
        let mask = self.dropout.and_then(|dropout| dropout.mask(pass));
        pass.linear(self.weight, self.bias, x, Masked { options: self.activation, mask })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::testing::{distinct_clients, ramp};

    #[test]
    fn each_client_uses_its_own_parameters() {
        let mut layout = Layout::new();
        let layer = Linear::new(&mut layout, "dense", 3, 2);
        let (weights, stacked) = distinct_clients(layout, 2);
        let x = ramp([2, 4, 3]);
        let y = layer.forward(&Pass::evaluate(&stacked), x.clone()).into_data();
        let (x, y) = (x.into_data(), y);
        let (x, y) = (x.as_slice::<f32>().unwrap(), y.as_slice::<f32>().unwrap());
        for (client, own) in weights.iter().enumerate() {
            for sample in 0..4 {
                for output in 0..2 {
                    let row = &x[(client * 4 + sample) * 3..][..3];
                    let expected: f32 =
                        own.values()[6 + output] + (0..3).map(|i| row[i] * own.values()[i * 2 + output]).sum::<f32>();
                    assert!((y[(client * 4 + sample) * 2 + output] - expected).abs() < 1e-6);
                }
            }
        }
    }
}
