use super::Pass;
use crate::parameters::{Initialiser, Layout, ParameterId};
use burn::tensor::{Tensor, module, ops::ConvOptions};

/// A two-dimensional convolution with one filter bank for each client.
#[derive(Clone, Debug)]
pub struct Conv2d {
    weight: ParameterId,
    bias: ParameterId,
    stride: usize,
    padding: usize,
}

impl Conv2d {
    /// Declares `weight [outputs, inputs, kernel, kernel]` and `bias [outputs]` under `name`; stride 1, no padding.
    pub fn new(layout: &mut Layout, name: &str, inputs: usize, outputs: usize, kernel: usize) -> Self {
        Self::started(layout, name, [outputs, inputs, kernel, kernel], Initialiser::fan_in(inputs * kernel * kernel))
    }

    /// A convolution that starts as the zero function.
    pub fn zeros(layout: &mut Layout, name: &str, inputs: usize, outputs: usize, kernel: usize) -> Self {
        Self::started(layout, name, [outputs, inputs, kernel, kernel], Initialiser::Zeros)
    }

    fn started(layout: &mut Layout, name: &str, shape: [usize; 4], start: Initialiser) -> Self {
        Self {
            weight: layout.declare(format!("{name}.weight"), &shape, start),
            bias: layout.declare(format!("{name}.bias"), &shape[..1], start),
            stride: 1,
            padding: 0,
        }
    }

    /// The same layer with another stride.
    pub fn with_stride(self, stride: usize) -> Self {
        Self { stride, ..self }
    }

    /// The same layer with zeros around the image.
    pub fn with_padding(self, padding: usize) -> Self {
        Self { padding, ..self }
    }

    /// `[clients, batch, inputs, height, width]` to `[clients, batch, outputs, height', width']`.
    pub fn forward(&self, pass: &Pass, x: Tensor<5>) -> Tensor<5> {
        let weight: Tensor<5> = pass.parameter(self.weight);
        let bias: Tensor<2> = pass.parameter(self.bias);
        let [clients, batch, inputs, height, width] = x.dims();
        let [_, outputs, _, kernel_height, kernel_width] = weight.dims();
        // Clients become groups of one convolution: image [batch, clients * inputs, height, width].
        let options = ConvOptions::new([self.stride; 2], [self.padding; 2], [1; 2], clients);
        let y = module::conv2d(
            x.swap_dims(0, 1).reshape([batch, clients * inputs, height, width]),
            weight.reshape([clients * outputs, inputs, kernel_height, kernel_width]),
            Some(bias.reshape([clients * outputs])),
            options,
        );
        let [_, _, height, width] = y.dims();
        y.reshape([batch, clients, outputs, height, width]).swap_dims(0, 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::testing::{distinct_clients, ramp};

    #[test]
    fn a_chunk_of_clients_gives_what_each_gives_alone() {
        let mut layout = Layout::new();
        let layer = Conv2d::new(&mut layout, "conv", 2, 3, 3).with_stride(2).with_padding(1);
        let (_, stacked) = distinct_clients(layout, 3);
        let x = ramp([3, 2, 2, 5, 7]);
        let together = layer.forward(&Pass::evaluate(&stacked), x.clone());
        assert_eq!(together.dims(), [3, 2, 3, 3, 4]);
        for client in 0..3 {
            let (_, whole) = distinct_clients(stacked.layout().as_ref().clone(), 3);
            let own = whole.tensors().iter().map(|tensor| tensor.clone().narrow(0, client, 1)).collect();
            let (_, single) = distinct_clients(stacked.layout().as_ref().clone(), 1);
            let alone = layer.forward(&Pass::evaluate(&single.with_tensors(own)), x.clone().narrow(0, client, 1));
            let difference = (alone - together.clone().narrow(0, client, 1)).abs().max().into_scalar::<f32>();
            assert!(difference < 1e-5, "client {client}: {difference}");
        }
    }
}
