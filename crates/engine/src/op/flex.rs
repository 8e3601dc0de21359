//! The operations on `flex`: this crate's kernels, client by client, on the slices behind the tensors.

use super::{Activation, Convolution, Grads, StackedKernels};
use crate::kernel::Into;
use crate::kernel::Upstream;
use crate::kernel::conv::{self, Conv2d, Finish, Gradients};
use crate::kernel::linear::{self, Linear};
use burn::backend::flex::FlexTensor;
use burn::backend::{Flex, TensorMetadata};
use burn::tensor::{Tensor, TensorData};
use std::sync::Arc;

/// What a convolution keeps for its backward pass.
#[derive(Clone, Debug)]
pub enum Saved {
    /// No activation was fused.
    Nothing,
    /// The output after ReLU.
    Output(FlexTensor),
    /// Which element of each pooling window was taken.
    Choice(Arc<Vec<u8>>),
}

fn dims<const D: usize>(tensor: &FlexTensor) -> [usize; D] {
    let shape = tensor.shape();
    std::array::from_fn(|i| shape[i])
}

/// The tensor with its elements in order, and without copying where they are.
fn dense(tensor: FlexTensor) -> FlexTensor {
    if tensor.as_slice::<f32>().is_some() { tensor } else { tensor.to_contiguous() }
}

fn slice(tensor: &FlexTensor) -> &[f32] {
    // `dense` came first, and the public operations check for f32.
    tensor.as_slice().expect("a dense f32 tensor")
}

fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, shape))
}

fn zeros(n: usize) -> Vec<f32> {
    vec![0.0; n]
}

/// One client's part of a stacked slice.
fn of(stacked: &[f32], client: usize, each: usize) -> &[f32] {
    &stacked[client * each..][..each]
}

fn of_mut(stacked: &mut [f32], client: usize, each: usize) -> &mut [f32] {
    &mut stacked[client * each..][..each]
}

fn shape(x: &FlexTensor, weight: &FlexTensor, options: &Convolution) -> (usize, Conv2d, Finish) {
    let [clients, batch, cin, h, w] = dims(x);
    let [_, cout, _, kh, kw] = dims(weight);
    let shape = Conv2d { batch, cin, h, w, cout, kh, kw, stride: options.stride, padding: options.padding };
    let finish = match (options.activation, options.pool) {
        (Activation::Linear, _) => Finish::Linear,
        (Activation::Relu, false) => Finish::Relu,
        (Activation::Relu, true) => Finish::ReluPool2,
    };
    (clients, shape, finish)
}

impl StackedKernels for Flex {
    type Saved = Saved;

    fn conv2d_forward(
        x: FlexTensor,
        weight: FlexTensor,
        bias: FlexTensor,
        options: &Convolution,
    ) -> (FlexTensor, Saved) {
        let (x, weight, bias) = (dense(x), dense(weight), dense(bias));
        let (clients, s, finish) = shape(&x, &weight, options);
        let each = s.output_len(finish);
        let mut out = zeros(clients * each);
        let mut choice = vec![0u8; if finish == Finish::ReluPool2 { out.len() } else { 0 }];
        for client in 0..clients {
            conv::forward(
                &s,
                finish,
                of(slice(&x), client, s.input_len()),
                of(slice(&weight), client, s.weight_len()),
                of(slice(&bias), client, s.cout),
                of_mut(&mut out, client, each),
                if choice.is_empty() { &mut [] } else { &mut choice[client * each..][..each] },
            );
        }
        let [h, w] = s.finished(finish);
        let out = tensor(out, [clients, s.batch, s.cout, h, w]);
        let saved = match finish {
            Finish::Linear => Saved::Nothing,
            Finish::Relu => Saved::Output(out.clone()),
            Finish::ReluPool2 => Saved::Choice(Arc::new(choice)),
        };
        (out, saved)
    }

    fn conv2d_backward(
        x: FlexTensor,
        weight: FlexTensor,
        saved: Saved,
        grad: FlexTensor,
        options: &Convolution,
        wanted: [bool; 3],
    ) -> Grads<Flex> {
        let (x, weight, grad) = (dense(x), dense(weight), dense(grad));
        let (clients, s, finish) = shape(&x, &weight, options);
        let each = s.output_len(finish);
        let mut dx = wanted[0].then(|| zeros(clients * s.input_len()));
        let mut dw = zeros(clients * s.weight_len());
        let mut db = zeros(clients * s.cout);
        for client in 0..clients {
            let grad = of(slice(&grad), client, each);
            let upstream = match &saved {
                Saved::Nothing => Upstream::Linear(grad),
                Saved::Output(out) => Upstream::Relu(grad, of(slice(out), client, each)),
                Saved::Choice(choice) => Upstream::ReluPool2(grad, &choice[client * each..][..each]),
            };
            conv::backward(
                &s,
                of(slice(&x), client, s.input_len()),
                of(slice(&weight), client, s.weight_len()),
                upstream,
                Gradients {
                    x: dx.as_deref_mut().map(|dx| of_mut(dx, client, s.input_len())),
                    weight: of_mut(&mut dw, client, s.weight_len()),
                    bias: of_mut(&mut db, client, s.cout),
                },
            );
        }
        [
            dx.map(|dx| tensor(dx, dims::<5>(&x))),
            wanted[1].then(|| tensor(dw, dims::<5>(&weight))),
            wanted[2].then(|| tensor(db, [clients, s.cout])),
        ]
    }

    fn linear_forward(x: FlexTensor, weight: FlexTensor, bias: FlexTensor, activation: Activation) -> FlexTensor {
        let (x, weight, bias) = (dense(x), dense(weight), dense(bias));
        let [clients, batch, inputs] = dims(&x);
        let [_, _, outputs] = dims(&weight);
        let s = Linear { batch, inputs, outputs };
        let mut y = zeros(clients * batch * outputs);
        for client in 0..clients {
            linear::forward(
                &s,
                activation == Activation::Relu,
                of(slice(&x), client, batch * inputs),
                of(slice(&weight), client, inputs * outputs),
                of(slice(&bias), client, outputs),
                of_mut(&mut y, client, batch * outputs),
            );
        }
        tensor(y, [clients, batch, outputs])
    }

    fn linear_backward(
        x: FlexTensor,
        weight: FlexTensor,
        y: FlexTensor,
        grad: FlexTensor,
        activation: Activation,
        wanted: [bool; 3],
    ) -> Grads<Flex> {
        let (x, weight) = (dense(x), dense(weight));
        let [clients, batch, inputs] = dims(&x);
        let [_, _, outputs] = dims(&weight);
        let s = Linear { batch, inputs, outputs };
        let grad = before_activation(activation, &y, dense(grad));
        let mut dx = wanted[0].then(|| zeros(x.shape().num_elements()));
        let mut dw = wanted[1].then(|| zeros(weight.shape().num_elements()));
        let mut db = wanted[2].then(|| zeros(clients * outputs));
        for client in 0..clients {
            let grad = of(slice(&grad), client, batch * outputs);
            if let Some(dx) = &mut dx {
                let weight = of(slice(&weight), client, inputs * outputs);
                linear::input_gradient(&s, weight, grad, of_mut(dx, client, batch * inputs));
            }
            if let Some(dw) = &mut dw {
                let x = of(slice(&x), client, batch * inputs);
                linear::add_outer(&s, 1.0, Into::Set, x, grad, of_mut(dw, client, inputs * outputs));
            }
            if let Some(db) = &mut db {
                linear::add_columns(1.0, grad, of_mut(db, client, outputs));
            }
        }
        [
            dx.map(|dx| tensor(dx, dims::<3>(&x))),
            dw.map(|dw| tensor(dw, dims::<3>(&weight))),
            db.map(|db| tensor(db, [clients, outputs])),
        ]
    }

    fn linear_descend(
        x: FlexTensor,
        weight: FlexTensor,
        y: FlexTensor,
        grad: FlexTensor,
        activation: Activation,
        rate: f32,
        wanted: [bool; 2],
    ) -> (FlexTensor, [Option<FlexTensor>; 2]) {
        let x = dense(x);
        // A view into a larger buffer is copied out first: the step writes to storage from its start.
        let shape = dims::<3>(&weight);
        let [clients, inputs, outputs] = shape;
        let whole = weight.is_contiguous() && weight.storage::<f32>().len() == clients * inputs * outputs;
        let mut weight = if whole { weight } else { tensor(slice(&weight.to_contiguous()).to_vec(), shape) };
        let [_, batch, _] = dims(&x);
        let s = Linear { batch, inputs, outputs };
        let grad = before_activation(activation, &y, dense(grad));
        let mut dx = wanted[0].then(|| zeros(x.shape().num_elements()));
        let mut db = wanted[1].then(|| zeros(clients * outputs));
        let moving = weight.storage_mut::<f32>();
        for client in 0..clients {
            let grad = of(slice(&grad), client, batch * outputs);
            linear::input_gradient_and_step(
                &s,
                -rate,
                of(slice(&x), client, batch * inputs),
                grad,
                of_mut(moving, client, inputs * outputs),
                dx.as_deref_mut().map(|dx| of_mut(dx, client, batch * inputs)),
            );
            if let Some(db) = &mut db {
                linear::add_columns(1.0, grad, of_mut(db, client, outputs));
            }
        }
        let dx = dx.map(|dx| tensor(dx, dims::<3>(&x)));
        (weight, [dx, db.map(|db| tensor(db, [clients, outputs]))])
    }

    fn lower(tensor: Tensor<3>) -> Option<FlexTensor> {
        tensor.try_into_primitive::<Flex>().ok()
    }

    fn raise(tensor: FlexTensor) -> Tensor<3> {
        Tensor::from_primitive::<Flex>(tensor)
    }
}

/// The gradient with respect to what went into the activation.
fn before_activation(activation: Activation, y: &FlexTensor, grad: FlexTensor) -> FlexTensor {
    match activation {
        Activation::Linear => grad,
        Activation::Relu => {
            let mut before = zeros(grad.shape().num_elements());
            linear::through_relu(slice(&grad), slice(y), &mut before);
            tensor(before, dims::<3>(&grad))
        }
    }
}
