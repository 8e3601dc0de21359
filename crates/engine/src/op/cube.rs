//! The operations on GPUs: matrix products of Burn's, and around them kernels of the engine's own ([`crate::gpu`]).

use super::generic;
use super::options::{Activation, Convolution, Finish};
use super::stacked::{Grads, StackedKernels};
use crate::gpu::columns::{self, LINEAR, POOLED, RELU, Sizes};
use crate::gpu::dense;
use burn::backend::ops::FloatTensorOps;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Cube, TensorMetadata};
use burn::tensor::Shape;

type Buffer = FloatTensor<Cube>;

/// What a convolution keeps.
#[allow(clippy::large_enum_variant, reason = "there is one for each convolution of a step")]
#[derive(Clone, Debug)]
pub enum Saved {
    /// Where the columns fit into one allocation: they, the products, and the bias.
    Columns { columns: Buffer, products: Buffer, bias: Buffer },
    /// Where they do not: what grouped convolutions keep.
    Grouped(generic::Saved<Cube>),
}

fn dims<const D: usize>(tensor: &Buffer) -> [usize; D] {
    let shape = tensor.shape();
    std::array::from_fn(|i| shape[i])
}

fn sizes(x: &Buffer, weight: &Buffer, options: &Convolution) -> Sizes {
    let [_, batch, inputs, height, width] = dims::<5>(x);
    let [_, outputs, _, kernel_height, kernel_width] = dims::<5>(weight);
    let ([stride_y, stride_x], [padding_y, padding_x]) = (options.stride, options.padding);
    Sizes {
        batch,
        inputs,
        outputs,
        height,
        width,
        kernel_height,
        kernel_width,
        stride_y,
        stride_x,
        padding_y,
        padding_x,
        rows: (height + 2 * padding_y - kernel_height) / stride_y + 1,
        columns: (width + 2 * padding_x - kernel_width) / stride_x + 1,
    }
}

fn follows(options: &Convolution) -> u32 {
    match options.finish {
        Finish::Linear => LINEAR,
        Finish::Relu => RELU,
        Finish::ReluPool2 => POOLED,
    }
}

fn matrices(weight: Buffer, sizes: &Sizes) -> Buffer {
    let clients = weight.shape()[0];
    Cube::float_reshape(weight, Shape::from(vec![clients, sizes.outputs, sizes.depth()]))
}

impl StackedKernels for Cube {
    type Saved = Saved;

    fn conv2d_forward(x: Buffer, weight: Buffer, bias: Buffer, options: &Convolution) -> (Buffer, Saved) {
        let sizes = sizes(&x, &weight, options);
        let bytes = 4 * (x.shape()[0] * sizes.depth() * sizes.places()) as u64;
        // Kernels count values in 32 bits.
        if bytes > x.client.properties().memory.max_page_size.min(u64::from(u32::MAX)) {
            let (y, saved) = generic::conv2d_forward::<Cube>(x, weight, bias, options);
            return (y, Saved::Grouped(saved));
        }
        let columns = columns::unfold(x, sizes);
        let products = Cube::float_matmul(matrices(weight, &sizes), columns.clone());
        let products = burn_cubecl::kernel::into_contiguous(products);
        let y = columns::finish(&products, bias.clone(), sizes, follows(options));
        (y, Saved::Columns { columns, products, bias })
    }

    fn conv2d_backward(
        x: Buffer,
        weight: Buffer,
        saved: Saved,
        grad: Buffer,
        options: &Convolution,
        wanted: [bool; 3],
    ) -> Grads<Self> {
        let (columns, products, bias) = match saved {
            Saved::Grouped(saved) => return generic::conv2d_backward::<Cube>(x, weight, saved, grad, options, wanted),
            Saved::Columns { columns, products, bias } => (columns, products, bias),
        };
        let sizes = sizes(&x, &weight, options);
        let shape = weight.shape();
        let clients = shape[0];
        let grad = columns::back(&products, bias, grad, sizes, follows(options));
        let dx = wanted[0].then(|| {
            let weight = Cube::float_swap_dims(matrices(weight, &sizes), 1, 2);
            columns::fold(Cube::float_matmul(weight, grad.clone()), sizes)
        });
        let dw = wanted[1].then(|| {
            let dw = Cube::float_matmul(grad.clone(), Cube::float_swap_dims(columns, 1, 2));
            Cube::float_reshape(dw, shape)
        });
        let db = wanted[2]
            .then(|| Cube::float_reshape(Cube::float_sum_dim(grad, 2), Shape::from(vec![clients, sizes.outputs])));
        [dx, dw, db]
    }

    fn linear_forward(x: Buffer, weight: Buffer, bias: Buffer, activation: Activation) -> Buffer {
        dense::finish(Cube::float_matmul(x, weight), bias, activation == Activation::Relu)
    }

    fn linear_backward(
        x: Buffer,
        weight: Buffer,
        y: Buffer,
        grad: Buffer,
        activation: Activation,
        wanted: [bool; 3],
    ) -> Grads<Self> {
        let grad = match activation {
            Activation::Linear => grad,
            Activation::Relu => dense::gate(y.clone(), grad),
        };
        generic::linear_backward::<Cube>(x, weight, y, grad, Activation::Linear, wanted)
    }

    fn linear_descend(
        x: Buffer,
        weight: Buffer,
        y: Buffer,
        grad: Buffer,
        activation: Activation,
        rate: f32,
        wanted: [bool; 2],
    ) -> (Buffer, [Option<Buffer>; 2]) {
        let wanted = [wanted[0], true, wanted[1]];
        let [dx, dw, db] = Self::linear_backward(x, weight.clone(), y, grad, activation, wanted);
        let weight = match dw {
            Some(dw) => dense::descend(weight, dw, rate),
            None => weight,
        };
        (weight, [dx, db])
    }
}
