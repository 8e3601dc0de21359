//! The operations on `flex`: the kernels of `imfl-kernel`, client by client, on the slices behind the tensors.

use super::mask::{Mask, Masked};
use super::options::{Activation, Convolution};
use super::slices::{dense, dims, slice, tensor, zeros};
use super::stacked::{Grads, StackedKernels};
use burn::backend::flex::FlexTensor;
use burn::backend::{Flex, TensorMetadata};
use burn::tensor::TensorData;
use imfl_kernel::Store;
use imfl_kernel::conv::{Conv2d, ConvShape, Downstream, Finish, Gradients, Upstream};
use imfl_kernel::linear::{self, Linear};
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

/// One client's part of a stacked slice.
fn of(stacked: &[f32], client: usize, each: usize) -> &[f32] {
    &stacked[client * each..][..each]
}

fn of_mut(stacked: &mut [f32], client: usize, each: usize) -> &mut [f32] {
    &mut stacked[client * each..][..each]
}

fn shape(x: &FlexTensor, weight: &FlexTensor, options: &Convolution) -> (usize, ConvShape) {
    let [clients, batch, cin, h, w] = dims(x);
    let [_, cout, _, kh, kw] = dims(weight);
    (clients, ConvShape { batch, cin, h, w, cout, kh, kw, stride: options.stride, padding: options.padding })
}

/// One client's convolution.
fn convolution<'a>(shape: ConvShape, x: &'a FlexTensor, weight: &'a FlexTensor, client: usize) -> Conv2d<'a> {
    let (x, weight) = (slice(x), slice(weight));
    Conv2d { shape, x: of(x, client, shape.input_len()), weight: of(weight, client, shape.weight_len()) }
}

impl StackedKernels for Flex {
    type Saved = Saved;

    fn conv2d_forward(
        x: FlexTensor,
        weight: FlexTensor,
        bias: FlexTensor,
        masked: &Masked<Convolution>,
    ) -> (FlexTensor, Saved) {
        let (x, weight, bias) = (dense(x), dense(weight), dense(bias));
        let (clients, s) = shape(&x, &weight, &masked.options);
        let finish = masked.options.finish;
        let each = s.output_len(finish);
        let mut out = zeros(clients * each);
        let mut choice = vec![0u8; if finish == Finish::ReluPool2 { out.len() } else { 0 }];
        for client in 0..clients {
            let out = of_mut(&mut out, client, each);
            let target = match finish {
                Finish::Linear => Downstream::Linear(out),
                Finish::Relu => Downstream::Relu(out),
                Finish::ReluPool2 => Downstream::ReluPool2(out, &mut choice[client * each..][..each]),
            };
            convolution(s, &x, &weight, client).forward(of(slice(&bias), client, s.cout), target);
        }
        masked.apply(&mut out);
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
        masked: &Masked<Convolution>,
        wanted: [bool; 3],
    ) -> Grads<Flex> {
        let (x, weight, grad) = (dense(x), dense(weight), dense(Self::behind(grad, masked)));
        let (clients, s) = shape(&x, &weight, &masked.options);
        let each = s.output_len(masked.options.finish);
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
            let own = Gradients {
                x: dx.as_deref_mut().map(|dx| of_mut(dx, client, s.input_len())),
                weight: of_mut(&mut dw, client, s.weight_len()),
                bias: of_mut(&mut db, client, s.cout),
            };
            convolution(s, &x, &weight, client).backward(upstream, own);
        }
        [
            dx.map(|dx| tensor(dx, dims::<5>(&x))),
            wanted[1].then(|| tensor(dw, dims::<5>(&weight))),
            wanted[2].then(|| tensor(db, [clients, s.cout])),
        ]
    }

    fn linear_forward(
        x: FlexTensor,
        weight: FlexTensor,
        bias: FlexTensor,
        activation: &Masked<Activation>,
    ) -> FlexTensor {
        let (x, weight, bias) = (dense(x), dense(weight), dense(bias));
        let [clients, batch, inputs] = dims(&x);
        let [_, _, outputs] = dims(&weight);
        let s = Linear { batch, inputs, outputs };
        let mut y = zeros(clients * batch * outputs);
        for client in 0..clients {
            linear::forward(
                &s,
                activation.options == Activation::Relu,
                of(slice(&x), client, batch * inputs),
                of(slice(&weight), client, inputs * outputs),
                of(slice(&bias), client, outputs),
                of_mut(&mut y, client, batch * outputs),
            );
        }
        activation.apply(&mut y);
        tensor(y, [clients, batch, outputs])
    }

    fn linear_backward(
        x: FlexTensor,
        weight: FlexTensor,
        y: FlexTensor,
        grad: FlexTensor,
        activation: &Masked<Activation>,
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
                linear::add_outer(&s, 1.0, Store::Set, x, grad, of_mut(dw, client, inputs * outputs));
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
        activation: &Masked<Activation>,
        rate: f32,
        wanted: [bool; 2],
    ) -> (FlexTensor, [Option<FlexTensor>; 2]) {
        let x = dense(x);
        let [clients, inputs, outputs] = dims(&weight);
        let mut weight = in_place(weight);
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

    fn masked(x: FlexTensor, mask: &Mask) -> FlexTensor {
        let mut x = in_place(x);
        mask.apply(x.storage_mut::<f32>());
        x
    }
}

/// A tensor whose storage holds it and nothing else: a view into a larger one is copied out, since what is written in place is written
/// from the start of the storage.
fn in_place(tensor: FlexTensor) -> FlexTensor {
    let count = tensor.shape().num_elements();
    if tensor.is_contiguous() && tensor.storage::<f32>().len() == count {
        return tensor;
    }
    let tensor = tensor.to_contiguous();
    let (values, shape) = (slice(&tensor).to_vec(), tensor.shape());
    FlexTensor::from_data(TensorData::new(values, shape))
}

/// The gradient with respect to what went into the activation.
fn before_activation(activation: &Masked<Activation>, y: &FlexTensor, grad: FlexTensor) -> FlexTensor {
    let grad = Flex::behind(grad, activation);
    match activation.options {
        Activation::Linear => grad,
        Activation::Relu => {
            let mut before = zeros(grad.shape().num_elements());
            linear::through_relu(slice(&grad), slice(y), &mut before);
            tensor(before, dims::<3>(&grad))
        }
    }
}
