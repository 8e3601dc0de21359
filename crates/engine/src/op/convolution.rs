//! Convolution with a client axis.

use super::assertion::assert_f32;
use super::mask::Masked;
use super::options::Convolution;
use super::stacked::StackedOps;
use burn::backend::Dispatch;
use burn::tensor::Tensor;

/// Convolution of each client's images with its own weights.
///
/// `x [clients, batch, cin, h, w]`, `weight [clients, cout, cin, kh, kw]`, `bias [clients, cout]`; returns
/// `[clients, batch, cout, h', w']`. With a [`Masked`] dropout follows.
///
/// # Panics
/// If the shapes disagree, the kernel is larger than the padded image, a stride is zero, or a tensor is not `f32`.
pub fn conv2d(
    x: Tensor<5>,
    weight: Tensor<5>,
    bias: Option<Tensor<2>>,
    options: impl Into<Masked<Convolution>>,
) -> Tensor<5> {
    let masked = options.into();
    let options = &masked.options;
    let [clients, _, cin, h, w] = x.dims();
    let [weight_clients, cout, weight_cin, kh, kw] = weight.dims();
    assert!(
        weight_clients == clients && weight_cin == cin,
        "conv2d: images {:?} do not fit weights {:?}",
        x.dims(),
        weight.dims()
    );
    let [ph, pw] = options.padding;
    assert!(
        options.stride.iter().all(|&s| s > 0) && kh > 0 && kw > 0 && h + 2 * ph >= kh && w + 2 * pw >= kw,
        "conv2d: images {:?} are too small for weights {:?} with {options:?}",
        x.dims(),
        weight.dims()
    );
    let bias = bias.unwrap_or_else(|| Tensor::zeros([clients, cout], &x.device()));
    assert_eq!(bias.dims(), [clients, cout], "conv2d: bias does not fit weights {:?}", weight.dims());
    assert_f32("conv2d", [x.dtype(), weight.dtype(), bias.dtype()]);
    Tensor::from_dispatch(<Dispatch as StackedOps>::stacked_conv2d(
        x.into_dispatch(),
        weight.into_dispatch(),
        bias.into_dispatch(),
        masked,
    ))
}
