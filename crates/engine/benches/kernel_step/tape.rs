//! The models on Burn's tape, with the engine's operations.

use super::{BATCH, RATE, Step, mask, values};
use burn::tensor::{Device, Int, Tensor, TensorData, activation};
use imfl_engine::op::{self, Activation, Convolution, Descending, Finish};

pub fn tensor<const D: usize>(shape: [usize; D], scale: f32, device: &Device) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values(shape.iter().product(), scale), shape), device)
}

fn dropout<const D: usize>(x: Tensor<D>, rate: f32, state: &mut u64) -> Tensor<D> {
    let mask = mask(x.dims().iter().product(), rate, state);
    let mask = Tensor::from_data(TensorData::new(mask, x.dims()), &x.device());
    x * mask
}

/// Mean cross-entropy of logits `[1, batch, 10]`.
fn cross_entropy(logits: Tensor<3>, labels: &Tensor<3, Int>) -> Tensor<1> {
    -(activation::log_softmax(logits, 2).gather(2, labels.clone()).sum() / BATCH as f32)
}

fn labels(device: &Device) -> Tensor<3, Int> {
    let labels: Vec<i32> = (0..BATCH as i32).collect();
    Tensor::from_data(TensorData::new(labels, [1, BATCH, 1]), device)
}

/// How weights of dense layers move.
#[derive(Clone, Copy, PartialEq)]
pub enum Descent {
    /// Gradients on the tape, then `W - rate * g`.
    Tape,
    /// In the backward pass of the dense layers.
    Sink,
}

/// A dense layer `[1, inputs, outputs]` in either way.
#[allow(clippy::large_enum_variant)] // few, and none is moved in a step
enum Dense {
    Tape(Tensor<3>),
    Sink(Descending),
}

impl Dense {
    fn new(inputs: usize, outputs: usize, descent: Descent) -> Self {
        let scale = 1.0 / (inputs as f32).sqrt();
        match descent {
            Descent::Tape => Self::Tape(tensor([1, inputs, outputs], scale, &Device::flex().autodiff()).require_grad()),
            Descent::Sink => Self::Sink(Descending::new(tensor([1, inputs, outputs], scale, &Device::flex()), RATE)),
        }
    }

    fn forward(&self, x: Tensor<3>, bias: Tensor<2>, activation: Activation) -> Tensor<3> {
        match self {
            Self::Tape(weight) => op::linear(x, weight.clone(), bias, activation),
            Self::Sink(weight) => op::linear_descending(x, weight, bias, activation),
        }
    }

    fn descend(&mut self, grads: &mut burn::tensor::Gradients) {
        if let Self::Tape(weight) = self {
            moved(weight, grads);
        }
    }
}

fn moved<const D: usize>(weight: &mut Tensor<D>, grads: &mut burn::tensor::Gradients) {
    if let Some(g) = weight.grad_remove(grads) {
        let inner = weight.clone().inner() - g * RATE;
        *weight = Tensor::from_inner(inner).require_grad();
    }
}

/// `simple-cnn` on Burn's tape with this crate's operations.
pub struct TapeCnn {
    x: Tensor<5>,
    labels: Tensor<3, Int>,
    conv: [Tensor<5>; 2],
    bias: [Tensor<2>; 4],
    dense: [Dense; 2],
    random: u64,
}

impl TapeCnn {
    pub fn new(descent: Descent) -> Self {
        let device = Device::flex().autodiff();
        let bias = |n| tensor([1, n], 0.0, &device).require_grad();
        Self {
            x: tensor([1, BATCH, 3, 32, 32], 1.0, &device),
            labels: labels(&device),
            conv: [
                tensor([1, 32, 3, 3, 3], 0.2, &device).require_grad(),
                tensor([1, 64, 32, 3, 3], 0.06, &device).require_grad(),
            ],
            bias: [bias(32), bias(64), bias(128), bias(10)],
            dense: [Dense::new(12_544, 128, descent), Dense::new(128, 10, descent)],
            random: 7,
        }
    }
}

impl Step for TapeCnn {
    fn step(&mut self) {
        let relu = Convolution { finish: Finish::Relu, ..Default::default() };
        let [b1, b2, b3, b4] = &self.bias;
        let y = op::conv2d(self.x.clone(), self.conv[0].clone(), Some(b1.clone()), relu);
        let y =
            op::conv2d(y, self.conv[1].clone(), Some(b2.clone()), Convolution { finish: Finish::ReluPool2, ..relu });
        let y = dropout(y.reshape([1, BATCH, 12_544]), 0.25, &mut self.random);
        let y = self.dense[0].forward(y, b3.clone(), Activation::Relu);
        let y = dropout(y, 0.5, &mut self.random);
        let y = self.dense[1].forward(y, b4.clone(), Activation::Linear);
        let mut grads = cross_entropy(y, &self.labels).backward();
        self.conv.iter_mut().for_each(|w| moved(w, &mut grads));
        self.bias.iter_mut().for_each(|b| moved(b, &mut grads));
        self.dense.iter_mut().for_each(|w| w.descend(&mut grads));
    }
}

/// `mlp` 784-200-200-10 on Burn's tape with this crate's operations.
pub struct TapeMlp {
    x: Tensor<3>,
    labels: Tensor<3, Int>,
    bias: [Tensor<2>; 3],
    dense: [Dense; 3],
}

impl TapeMlp {
    pub fn new(descent: Descent) -> Self {
        let device = Device::flex().autodiff();
        let bias = |n| tensor([1, n], 0.0, &device).require_grad();
        Self {
            x: tensor([1, BATCH, 784], 1.0, &device),
            labels: labels(&device),
            bias: [bias(200), bias(200), bias(10)],
            dense: [Dense::new(784, 200, descent), Dense::new(200, 200, descent), Dense::new(200, 10, descent)],
        }
    }
}

impl Step for TapeMlp {
    fn step(&mut self) {
        let [b1, b2, b3] = &self.bias;
        let y = self.dense[0].forward(self.x.clone(), b1.clone(), Activation::Relu);
        let y = self.dense[1].forward(y, b2.clone(), Activation::Relu);
        let y = self.dense[2].forward(y, b3.clone(), Activation::Linear);
        let mut grads = cross_entropy(y, &self.labels).backward();
        self.bias.iter_mut().for_each(|b| moved(b, &mut grads));
        self.dense.iter_mut().for_each(|w| w.descend(&mut grads));
    }
}
