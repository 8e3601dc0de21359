//! The operations in terms of any backend's own: one launch serves all clients, who become the groups of a convolution.
#![cfg_attr(not(any(test, feature = "ndarray", feature = "wgpu", feature = "cuda")), allow(dead_code))]

use super::mask::{Mask, Masked};
use super::options::{Activation, Convolution, Finish};
use super::primitive::Primitive;
use super::stacked::{Grads, StackedKernels};
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Backend, TensorMetadata, get_or_init_device_settings};
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Shape, Slice, TensorData};

/// A backend that has no kernels of its own.
pub trait Generic: Primitive {}

#[cfg(feature = "ndarray")]
impl Generic for burn::backend::NdArray {}

impl<B: Generic> StackedKernels for B {
    type Saved = Saved<B>;

    fn conv2d_forward(
        x: FloatTensor<B>,
        weight: FloatTensor<B>,
        bias: FloatTensor<B>,
        masked: &Masked<Convolution>,
    ) -> (FloatTensor<B>, Saved<B>) {
        let (y, saved) = conv2d_forward::<B>(x, weight, bias, &masked.options);
        (B::behind(y, masked), saved)
    }

    fn conv2d_backward(
        x: FloatTensor<B>,
        weight: FloatTensor<B>,
        saved: Saved<B>,
        grad: FloatTensor<B>,
        masked: &Masked<Convolution>,
        wanted: [bool; 3],
    ) -> Grads<B> {
        conv2d_backward::<B>(x, weight, saved, B::behind(grad, masked), &masked.options, wanted)
    }

    fn linear_forward(
        x: FloatTensor<B>,
        weight: FloatTensor<B>,
        bias: FloatTensor<B>,
        masked: &Masked<Activation>,
    ) -> FloatTensor<B> {
        B::behind(linear_forward::<B>(x, weight, bias, masked.options), masked)
    }

    fn linear_backward(
        x: FloatTensor<B>,
        weight: FloatTensor<B>,
        y: FloatTensor<B>,
        grad: FloatTensor<B>,
        masked: &Masked<Activation>,
        wanted: [bool; 3],
    ) -> Grads<B> {
        linear_backward::<B>(x, weight, y, B::behind(grad, masked), masked.options, wanted)
    }

    fn linear_descend(
        x: FloatTensor<B>,
        weight: FloatTensor<B>,
        y: FloatTensor<B>,
        grad: FloatTensor<B>,
        masked: &Masked<Activation>,
        rate: f32,
        wanted: [bool; 2],
    ) -> (FloatTensor<B>, [Option<FloatTensor<B>>; 2]) {
        linear_descend::<B>(x, weight, y, B::behind(grad, masked), masked.options, rate, wanted)
    }

    fn masked(x: FloatTensor<B>, mask: &Mask) -> FloatTensor<B> {
        let shape = x.shape();
        let mut factors = vec![1.0; shape.num_elements()];
        mask.apply(&mut factors);
        let factors = B::float_from_data(TensorData::new(factors, shape), &x.device());
        B::float_mul(x, factors)
    }
}

/// What a convolution keeps: its output after ReLU and, under pooling, where the maxima were.
#[derive(Clone, Debug)]
pub struct Saved<B: Backend> {
    output: Option<FloatTensor<B>>,
    indices: Option<IntTensor<B>>,
}

fn dims<B: Backend, const D: usize>(tensor: &FloatTensor<B>) -> [usize; D] {
    let shape = tensor.shape();
    std::array::from_fn(|i| shape[i])
}

fn reshape<B: Backend, const D: usize>(tensor: FloatTensor<B>, shape: [usize; D]) -> FloatTensor<B> {
    B::float_reshape(tensor, Shape::from(shape.to_vec()))
}

/// `[clients, batch, channels, h, w]` to `[batch, clients * channels, h, w]`.
fn grouped<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    let [clients, batch, channels, h, w] = dims::<B, 5>(&x);
    reshape::<B, 4>(B::float_swap_dims(x, 0, 1), [batch, clients * channels, h, w])
}

/// The inverse of [`grouped`].
fn stacked<B: Backend>(x: FloatTensor<B>, clients: usize) -> FloatTensor<B> {
    let [batch, channels, h, w] = dims::<B, 4>(&x);
    B::float_swap_dims(reshape::<B, 5>(x, [batch, clients, channels / clients, h, w]), 0, 1)
}

fn one_by_one(options: &Convolution, clients: usize) -> ConvOptions<2> {
    ConvOptions::new(options.stride, options.padding, [1, 1], clients)
}

pub fn conv2d_forward<B: Backend>(
    x: FloatTensor<B>,
    weight: FloatTensor<B>,
    bias: FloatTensor<B>,
    options: &Convolution,
) -> (FloatTensor<B>, Saved<B>) {
    let [clients, cout, cin, kh, kw] = dims::<B, 5>(&weight);
    let weight = reshape::<B, 4>(weight, [clients * cout, cin, kh, kw]);
    let bias = reshape::<B, 1>(bias, [clients * cout]);
    let y = B::conv2d(grouped::<B>(x), weight, Some(bias), one_by_one(options, clients));
    let y = stacked::<B>(y, clients);
    if options.finish == Finish::Linear {
        return (y, Saved { output: None, indices: None });
    }
    let y = B::relu(y);
    if options.finish == Finish::Relu {
        return (y.clone(), Saved { output: Some(y), indices: None });
    }
    let [_, batch, _, h, w] = dims::<B, 5>(&y);
    let flat = reshape::<B, 4>(y, [clients * batch, cout, h, w]);
    let int = get_or_init_device_settings::<B>(&flat.device()).int_dtype;
    let pooled = B::max_pool2d_with_indices(flat.clone(), [2, 2], [2, 2], [0, 0], [1, 1], false, int);
    let y = reshape::<B, 5>(pooled.output, [clients, batch, cout, h / 2, w / 2]);
    (y, Saved { output: Some(flat), indices: Some(pooled.indices) })
}

pub fn conv2d_backward<B: Backend>(
    x: FloatTensor<B>,
    weight: FloatTensor<B>,
    saved: Saved<B>,
    grad: FloatTensor<B>,
    options: &Convolution,
    wanted: [bool; 3],
) -> Grads<B> {
    let grad = conv2d_unfinish::<B>(saved, grad);
    let kernel = weight.shape();
    [
        wanted[0].then(|| conv2d_input_gradient::<B>(x.clone(), weight, grad.clone(), options)),
        wanted[1].then(|| conv2d_weight_gradient::<B>(x, kernel, grad.clone(), options)),
        wanted[2].then(|| conv2d_bias_gradient::<B>(grad)),
    ]
}

/// The gradient of a convolution's own output, in front of ReLU and pooling.
pub fn conv2d_unfinish<B: Backend>(saved: Saved<B>, grad: FloatTensor<B>) -> FloatTensor<B> {
    let mut grad = grad;
    if let (Some(output), Some(indices)) = (&saved.output, saved.indices) {
        let [planes, cout, h, w] = dims::<B, 4>(output);
        let [clients, batch, _, ph, pw] = dims::<B, 5>(&grad);
        let flat = reshape::<B, 4>(grad, [planes, cout, ph, pw]);
        let back =
            B::max_pool2d_with_indices_backward(output.clone(), [2, 2], [2, 2], [0, 0], [1, 1], false, flat, indices);
        grad = reshape::<B, 5>(back.x_grad, [clients, batch, cout, h, w]);
    }
    if let Some(output) = saved.output {
        let shape = dims::<B, 5>(&grad);
        grad = B::relu_backward(reshape::<B, 5>(output, shape), grad);
    }
    grad
}

/// The gradient of the input from that of the convolution's own output.
pub fn conv2d_input_gradient<B: Backend>(
    x: FloatTensor<B>,
    weight: FloatTensor<B>,
    grad: FloatTensor<B>,
    options: &Convolution,
) -> FloatTensor<B> {
    let [clients, cout, cin, kh, kw] = dims::<B, 5>(&weight);
    let weight = reshape::<B, 4>(weight, [clients * cout, cin, kh, kw]);
    let dx = B::conv2d_x_backward(grouped::<B>(x), weight, grouped::<B>(grad), one_by_one(options, clients));
    stacked::<B>(dx, clients)
}

/// The gradient of the weights, of shape `kernel`, from that of the convolution's own output.
///
/// Burn's own loops over groups. Folding the input channels into the batch makes it one grouped convolution, whose filters are the output
/// gradients: stride and dilation trade places.
pub fn conv2d_weight_gradient<B: Backend>(
    x: FloatTensor<B>,
    kernel: Shape,
    grad: FloatTensor<B>,
    options: &Convolution,
) -> FloatTensor<B> {
    let [clients, batch, cin, h, w] = dims::<B, 5>(&x);
    let (cout, kh, kw) = (kernel[1], kernel[3], kernel[4]);
    let [_, _, _, oh, ow] = dims::<B, 5>(&grad);
    let image = reshape::<B, 4>(B::float_permute(x, &[2, 0, 1, 3, 4]), [cin, clients * batch, h, w]);
    let filter = B::float_permute(grad, &[0, 2, 1, 3, 4]);
    let filter = reshape::<B, 4>(filter, [clients * cout, batch, oh, ow]);
    let swapped = ConvOptions::new([1, 1], options.padding, options.stride, clients);
    let dw = B::conv2d(image, filter, None, swapped);
    // Rows that no stride reached hang over: crop them.
    let all = |n: usize| Slice::new(0, Some(n as isize), 1);
    let dw = B::float_slice(dw, &[all(cin), all(clients * cout), all(kh), all(kw)]);
    B::float_permute(reshape::<B, 5>(dw, [cin, clients, cout, kh, kw]), &[1, 2, 0, 3, 4])
}

/// The gradient of the bias from that of the convolution's own output.
pub fn conv2d_bias_gradient<B: Backend>(grad: FloatTensor<B>) -> FloatTensor<B> {
    let [clients, _, cout, ..] = dims::<B, 5>(&grad);
    reshape::<B, 2>(B::float_sum_dims(grad, &[1, 3, 4]), [clients, cout])
}

pub fn linear_forward<B: Backend>(
    x: FloatTensor<B>,
    weight: FloatTensor<B>,
    bias: FloatTensor<B>,
    activation: Activation,
) -> FloatTensor<B> {
    let [clients, _, outputs] = dims::<B, 3>(&weight);
    let y = B::float_add(B::float_matmul(x, weight), reshape::<B, 3>(bias, [clients, 1, outputs]));
    match activation {
        Activation::Linear => y,
        Activation::Relu => B::relu(y),
    }
}

pub fn linear_backward<B: Backend>(
    x: FloatTensor<B>,
    weight: FloatTensor<B>,
    y: FloatTensor<B>,
    grad: FloatTensor<B>,
    activation: Activation,
    wanted: [bool; 3],
) -> Grads<B> {
    let [clients, _, outputs] = dims::<B, 3>(&weight);
    let grad = match activation {
        Activation::Linear => grad,
        Activation::Relu => B::relu_backward(y, grad),
    };
    [
        wanted[0].then(|| B::float_matmul(grad.clone(), B::float_swap_dims(weight, 1, 2))),
        wanted[1].then(|| B::float_matmul(B::float_swap_dims(x, 1, 2), grad.clone())),
        wanted[2].then(|| reshape::<B, 2>(B::float_sum_dim(grad, 1), [clients, outputs])),
    ]
}

pub fn linear_descend<B: Backend>(
    x: FloatTensor<B>,
    weight: FloatTensor<B>,
    y: FloatTensor<B>,
    grad: FloatTensor<B>,
    activation: Activation,
    rate: f32,
    wanted: [bool; 2],
) -> (FloatTensor<B>, [Option<FloatTensor<B>>; 2]) {
    let wanted = [wanted[0], true, wanted[1]];
    let [dx, dw, db] = linear_backward::<B>(x, weight.clone(), y, grad, activation, wanted);
    let weight = match dw {
        Some(dw) => B::float_sub(weight, B::float_mul_scalar(dw, rate.into())),
        None => weight,
    };
    (weight, [dx, db])
}
