//! Convolutions on GPUs by three algorithms ([`crate::convolution`]). Output, gradient of the input and gradient of the weights each take their
//! own; what goes between them is laid out anew where two do not agree.

use super::generic;
use super::options::{Convolution, Finish};
use super::stacked::Grads;
use crate::convolution::{Algorithm, Direction, Shape, chosen};
use crate::gpu::columns::{self, LINEAR, POOLED, RELU, Sizes};
use crate::gpu::mask::{Mask, mask};
use crate::gpu::winograd;
use burn::backend::ops::FloatTensorOps;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Cube, TensorMetadata};
use burn::tensor::Shape as Dims;
use burn_cubecl::kernel::into_contiguous;

type Buffer = FloatTensor<Cube>;

/// What a convolution keeps.
#[allow(clippy::large_enum_variant, reason = "there is one for each convolution of a step")]
#[derive(Clone, Debug)]
pub enum Saved {
    /// Where it was one of matrix products: these before bias and what follows, the bias, and what was laid out for them.
    Products { products: Buffer, bias: Buffer, laid: Option<Laid>, dropped: Option<Dropped> },
    /// What grouped convolutions keep.
    Grouped { saved: generic::Saved<Cube>, mask: Option<Mask> },
}

/// What the way back through dropout is found by.
#[derive(Clone, Debug)]
pub enum Dropped {
    /// Behind ReLU: by the output, in which what was dropped is zero as what was cut off, and what the rest was multiplied by.
    Output(Buffer, f32),
    /// Else by drawing again.
    Mask(Mask),
}

/// The images as they were laid out, kept where the gradient of the weights is a product of the same.
#[derive(Clone, Debug)]
pub enum Laid {
    Columns(Buffer),
    Tiles(Buffer),
}

/// One convolution: what it is made of, and the algorithm of each direction.
pub struct Route {
    sizes: Sizes,
    follows: u32,
    options: Convolution,
    algorithms: [Algorithm; 3],
}

fn dims<const D: usize>(tensor: &Buffer) -> [usize; D] {
    let shape = tensor.shape();
    std::array::from_fn(|i| shape[i])
}

fn reshape<const D: usize>(tensor: Buffer, shape: [usize; D]) -> Buffer {
    Cube::float_reshape(tensor, Dims::from(shape.to_vec()))
}

fn transposed(matrices: Buffer) -> Buffer {
    Cube::float_swap_dims(matrices, 1, 2)
}

impl Route {
    /// The route that is asked for, forced, or chosen for the device.
    pub fn new(x: &Buffer, weight: &Buffer, options: &Convolution) -> Self {
        Self::by(x, weight, options, |shape, direction| {
            options.by.unwrap_or_else(|| chosen(&device(x), shape, direction))
        })
    }

    /// The route by these algorithms; what cannot be computed by its own takes columns, and grouped convolution where those would not fit.
    pub fn by(
        x: &Buffer,
        weight: &Buffer,
        options: &Convolution,
        asked: impl Fn(&Shape, Direction) -> Algorithm,
    ) -> Self {
        let [clients, batch, inputs, height, width] = dims::<5>(x);
        let [_, outputs, _, kernel_height, kernel_width] = dims::<5>(weight);
        let ([stride_y, stride_x], [padding_y, padding_x]) = (options.stride, options.padding);
        let sizes = Sizes {
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
        };
        let shape = Shape {
            inputs,
            outputs,
            image: [height, width],
            kernel: [kernel_height, kernel_width],
            stride: options.stride,
            padding: options.padding,
            follows: options.finish.into(),
        };
        let properties = x.client.properties();
        // Kernels count values in 32 bits.
        let room = properties.memory.max_page_size.min(u64::from(u32::MAX));
        let fits = |values: usize| 4 * values as u64 <= room;
        let by = |direction| match asked(&shape, direction) {
            Algorithm::Grouped => Algorithm::Grouped,
            Algorithm::Winograd if winograd::covers(&sizes) && fits(winograd::largest(clients, &sizes)) => {
                Algorithm::Winograd
            }
            _ if fits(clients * sizes.depth() * sizes.places()) => Algorithm::Columns,
            _ => Algorithm::Grouped,
        };
        let follows = match options.finish {
            Finish::Linear => LINEAR,
            Finish::Relu => RELU,
            Finish::ReluPool2 => POOLED,
        };
        Self { sizes, follows, options: *options, algorithms: Direction::ALL.map(by) }
    }

    /// The algorithm of a direction.
    pub fn algorithm(&self, direction: Direction) -> Algorithm {
        self.algorithms[direction as usize]
    }

    /// Weights `[clients, outputs, inputs, kernel height, kernel width]` as matrices.
    fn matrices(&self, weight: Buffer) -> Buffer {
        let clients = weight.shape()[0];
        reshape(weight, [clients, self.sizes.outputs, self.sizes.depth()])
    }

    /// The output, and what the gradients need of the way to it.
    pub fn forward(&self, x: Buffer, weight: Buffer, bias: Buffer, mask: Option<Mask>) -> (Buffer, Saved) {
        let (by, sizes) = (self.algorithm(Direction::Forward), self.sizes);
        let (products, laid) = match by {
            Algorithm::Grouped => {
                let (y, saved) = generic::conv2d_forward::<Cube>(x, weight, bias, &self.options);
                let y = through(&mask, y);
                return (y, Saved::Grouped { saved, mask });
            }
            Algorithm::Columns => {
                let columns = columns::unfold(x, sizes);
                let products = Cube::float_matmul(self.matrices(weight), columns.clone());
                (into_contiguous(products), Laid::Columns(columns))
            }
            Algorithm::Winograd => {
                let tiles = winograd::tiles(x, &sizes);
                let m = Cube::float_matmul(winograd::filters(weight, &sizes, false), tiles.clone());
                (winograd::products(m, &sizes), Laid::Tiles(tiles))
            }
        };
        let y = columns::finish(&products, bias.clone(), sizes, self.follows, mask.as_ref());
        let laid = (by == self.algorithm(Direction::Weights)).then_some(laid);
        let dropped = mask.map(|mask| match self.follows {
            LINEAR => Dropped::Mask(mask),
            _ => Dropped::Output(y.clone(), mask.draw.keep),
        });
        (y, Saved::Products { products, bias, laid, dropped })
    }

    /// Gradients of input, weights and bias, where they are wanted.
    pub fn backward(&self, x: Buffer, weight: Buffer, saved: Saved, grad: Buffer, wanted: [bool; 3]) -> Grads<Cube> {
        let (sizes, kernel) = (self.sizes, weight.shape());
        let (mut upstream, laid) = match saved {
            Saved::Products { products, bias, laid, dropped } => {
                let (grad, left) = match dropped {
                    None => (grad, None),
                    Some(Dropped::Output(images, keep)) => (grad, Some((images, keep))),
                    Some(Dropped::Mask(by)) => (mask(grad, &by), None),
                };
                let grad = columns::back(&products, bias, grad, sizes, self.follows, left);
                (Upstream { images: None, products: Some(grad), sizes }, laid)
            }
            Saved::Grouped { saved, mask } => {
                let grad = generic::conv2d_unfinish::<Cube>(saved, through(&mask, grad));
                (Upstream { images: Some(grad), products: None, sizes }, None)
            }
        };
        let clients = kernel[0];
        let dx = wanted[0].then(|| self.input_gradient(x.clone(), weight, &mut upstream));
        let dw = wanted[1].then(|| self.weight_gradient(x, kernel, laid, &mut upstream));
        let db = wanted[2].then(|| match upstream.products.take() {
            Some(products) => reshape(Cube::float_sum_dim(products, 2), [clients, sizes.outputs]),
            None => generic::conv2d_bias_gradient::<Cube>(upstream.images()),
        });
        [dx, dw, db]
    }

    fn input_gradient(&self, x: Buffer, weight: Buffer, upstream: &mut Upstream) -> Buffer {
        let sizes = self.sizes;
        match self.algorithm(Direction::Input) {
            Algorithm::Grouped => generic::conv2d_input_gradient::<Cube>(x, weight, upstream.images(), &self.options),
            Algorithm::Columns => {
                let weight = transposed(self.matrices(weight));
                columns::fold(Cube::float_matmul(weight, upstream.products()), sizes)
            }
            Algorithm::Winograd => {
                let filters = winograd::filters(weight, &sizes, true);
                let tiles = winograd::upstream_tiles(upstream.products(), &sizes);
                winograd::downstream(Cube::float_matmul(filters, tiles), &sizes)
            }
        }
    }

    fn weight_gradient(&self, x: Buffer, kernel: Dims, laid: Option<Laid>, upstream: &mut Upstream) -> Buffer {
        let sizes = self.sizes;
        match self.algorithm(Direction::Weights) {
            Algorithm::Grouped => generic::conv2d_weight_gradient::<Cube>(x, kernel, upstream.images(), &self.options),
            Algorithm::Columns => {
                let columns = match laid {
                    Some(Laid::Columns(columns)) => columns,
                    _ => columns::unfold(x, sizes),
                };
                Cube::float_reshape(Cube::float_matmul(upstream.products(), transposed(columns)), kernel)
            }
            Algorithm::Winograd => {
                let tiles = match laid {
                    Some(Laid::Tiles(tiles)) => tiles,
                    _ => winograd::tiles(x, &sizes),
                };
                let adjoint = winograd::adjoint_tiles(upstream.products(), &sizes);
                winograd::taps(Cube::float_matmul(adjoint, transposed(tiles)), &sizes)
            }
        }
    }
}

/// Values, or their gradient on the way back, through a mask if there is one.
fn through(by: &Option<Mask>, values: Buffer) -> Buffer {
    match by {
        Some(by) => mask(values, by),
        None => values,
    }
}

/// What a device calls itself, with what its kernels are compiled for.
pub fn device(buffer: &Buffer) -> String {
    let identity = &buffer.client.properties().identity;
    format!("{}, {}", identity.name, identity.fingerprint)
}

/// The gradient of a convolution's own output in the two ways in which algorithms want it.
struct Upstream {
    /// `[clients, batch, outputs, rows, columns]`.
    images: Option<Buffer>,
    /// `[clients, outputs, places]`.
    products: Option<Buffer>,
    sizes: Sizes,
}

impl Upstream {
    fn images(&mut self) -> Buffer {
        let Sizes { batch, outputs, rows, columns, .. } = self.sizes;
        let made = self.images.take().or_else(|| {
            let products = self.products.clone()?;
            let clients = products.shape()[0];
            let planes = reshape(products, [clients, outputs, batch, rows, columns]);
            Some(into_contiguous(Cube::float_swap_dims(planes, 1, 2)))
        });
        // One of the two is there from the beginning.
        let images = made.expect("a gradient");
        self.images = Some(images.clone());
        images
    }

    fn products(&mut self) -> Buffer {
        let (outputs, places) = (self.sizes.outputs, self.sizes.places());
        let made = self.products.take().or_else(|| {
            let planes = into_contiguous(Cube::float_swap_dims(self.images.clone()?, 1, 2));
            let clients = planes.shape()[0];
            Some(reshape(planes, [clients, outputs, places]))
        });
        let products = made.expect("a gradient");
        self.products = Some(products.clone());
        products
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::memory;
    use crate::gpu::testing::{floats, gpus};
    use burn::tensor::Tensor;

    fn values<const D: usize>(shape: [usize; D], salt: usize, device: &burn::tensor::Device) -> Buffer {
        let value = |i: usize| ((i * 7919 + salt * 104_729) % 2003) as f32 / 1001.0 - 1.0;
        let values: Vec<f32> = (0..shape.iter().product()).map(value).collect();
        memory(floats(&values, device).reshape(shape))
    }

    fn host(buffer: Buffer) -> Vec<f32> {
        let count = buffer.shape().num_elements();
        let flat = Cube::float_reshape(into_contiguous(buffer), Dims::from(vec![count]));
        Tensor::<1>::from_primitive::<Cube>(flat).into_data().try_to_vec().unwrap()
    }

    /// Whatever algorithm a direction takes, it gets what it wants from those of the others.
    #[test]
    fn the_directions_choose_for_themselves() {
        let options = Convolution { padding: [1, 1], finish: Finish::ReluPool2, ..Convolution::default() };
        for device in gpus() {
            let x = values([3, 2, 2, 7, 6], 1, &device);
            let weight = values([3, 4, 2, 3, 3], 2, &device);
            let bias = values([3, 4], 3, &device);
            let grad = values([3, 2, 4, 3, 3], 4, &device);
            let compute = |algorithms: [Algorithm; 3]| {
                let route = Route::by(&x, &weight, &options, |_, direction| algorithms[direction as usize]);
                assert_eq!(Direction::ALL.map(|direction| route.algorithm(direction)), algorithms);
                let (y, saved) = route.forward(x.clone(), weight.clone(), bias.clone(), None);
                let gradients = route.backward(x.clone(), weight.clone(), saved, grad.clone(), [true; 3]);
                let gradients = gradients.into_iter().map(|gradient| host(gradient.unwrap()));
                [host(y)].into_iter().chain(gradients).collect::<Vec<_>>()
            };
            let expected = compute([Algorithm::Columns; 3]);
            for number in 0..27 {
                let algorithms = [number / 9, number / 3 % 3, number % 3].map(|which| Algorithm::ALL[which]);
                for (part, (found, expected)) in compute(algorithms).iter().zip(&expected).enumerate() {
                    assert_eq!(found.len(), expected.len());
                    let off = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                    assert!(off < 1e-4, "{algorithms:?}: part {part} is off by {off}");
                }
            }
        }
    }
}
