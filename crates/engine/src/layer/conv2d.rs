use super::dropout::Dropout;
use super::pass::Pass;
use crate::op::{self, Convolution, Finish, Masked};
use crate::parameters::{Initialiser, Layout, ParameterId};
use burn::tensor::Tensor;

/// A two-dimensional convolution with one filter bank for each client; with ReLU and pooling behind it if asked for.
#[derive(Clone, Debug)]
pub struct Conv2d {
    weight: ParameterId,
    bias: ParameterId,
    options: Convolution,
    dropout: Option<Dropout>,
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
            options: Convolution::default(),
            dropout: None,
        }
    }

    /// The same layer with another stride, at least 1.
    pub fn with_stride(self, stride: usize) -> Self {
        Self { options: Convolution { stride: [stride; 2], ..self.options }, ..self }
    }

    /// The same layer with zeros around the image.
    pub fn with_padding(self, padding: usize) -> Self {
        Self { options: Convolution { padding: [padding; 2], ..self.options }, ..self }
    }

    /// The same layer followed by ReLU, in one pass over memory.
    pub fn with_relu(self) -> Self {
        Self { options: Convolution { finish: Finish::Relu, ..self.options }, ..self }
    }

    /// The same layer followed by ReLU and the maximum of each 2x2 window, in one pass over memory.
    pub fn with_relu_and_pool(self) -> Self {
        Self { options: Convolution { finish: Finish::ReluPool2, ..self.options }, ..self }
    }

    /// The same layer followed by dropout, in the same pass over memory.
    pub fn with_dropout(self, dropout: Dropout) -> Self {
        Self { dropout: Some(dropout), ..self }
    }

    /// `[clients, batch, inputs, height, width]` to `[clients, batch, outputs, height', width']`.
    pub fn forward(&self, pass: &Pass, x: Tensor<5>) -> Tensor<5> {
        let weight: Tensor<5> = pass.parameter(self.weight);
        let (images, filters) = (x.dims(), weight.dims());
        let [_, _, inputs, height, width] = filters;
        let mask = self.dropout.and_then(|dropout| dropout.mask(pass));
        let options = Masked { options: self.options, mask };
        let y = op::conv2d(x, weight, Some(pass.parameter(self.bias)), options);
        // What was pooled away had to be computed too.
        let pooled = if self.options.finish == Finish::ReluPool2 { 4 } else { 1 };
        let columns = pooled * y.dims()[3] * y.dims()[4] * inputs * height * width;
        pass.convolution(images, filters, self.options, columns);
        pass.products(&y, pooled * inputs * height * width);
        y
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
