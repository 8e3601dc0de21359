//! Group normalisation, modulation and SiLU in one pass over memory.
//!
//! Between two convolutions of the denoiser every value is normalised within its group, scaled, shifted and put through
//! SiLU. As separate operations that is ten passes over an activation forward and more backward, which took longer than
//! the convolutions. On `flex` it is one operation with its own backward pass; elsewhere Burn's operations are composed.

#[cfg(feature = "flex")]
mod flex;
#[cfg(feature = "flex")]
mod kernel;

use burn::tensor::{Tensor, activation::silu};

/// How values are normalised, and what follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Norm {
    /// Groups of channels; a divisor of the channels.
    pub groups: usize,
    /// Whether SiLU, `z / (1 + exp(-z))`, follows.
    pub silu: bool,
}

/// Added to every variance.
const EPSILON: f32 = 1e-5;

/// Normalises images `[clients, batch, channels, height, width]` in groups, then scales and shifts each channel by
/// `scale` and `shift`, `[clients, batch, channels]`.
pub fn norm(x: Tensor<5>, scale: Tensor<3>, shift: Tensor<3>, options: Norm) -> Tensor<5> {
    #[cfg(feature = "flex")]
    if flex::runs(&x.device()) {
        return flex::norm(x, scale, shift, options);
    }
    composed(x, scale, shift, options)
}

/// [`norm`] out of Burn's operations.
fn composed(x: Tensor<5>, scale: Tensor<3>, shift: Tensor<3>, options: Norm) -> Tensor<5> {
    let dims @ [clients, batch, channels, height, width] = x.dims();
    let grouped = x.reshape([clients * batch, options.groups, channels / options.groups * height * width]);
    let centred = grouped.clone() - grouped.mean_dim(2);
    let variance = centred.clone().square().mean_dim(2);
    let normal = (centred / (variance + EPSILON).sqrt()).reshape(dims);
    let each = [clients, batch, channels, 1, 1];
    let y = normal * scale.reshape(each) + shift.reshape(each);
    if options.silu { silu(y) } else { y }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;
    use burn::tensor::{Device, TensorData};
    use imfl_engine::random::{Purpose, keyed};
    use rand::RngExt;

    fn normal<const D: usize>(step: u64, dims: [usize; D]) -> Tensor<D> {
        let mut random = keyed(1, Purpose::Benchmark, 0, 0, step);
        let values =
            (0..dims.iter().product()).map(|_| 0.3 + 2.0 * random.sample::<f32, _>(rand_distr::StandardNormal));
        let data = TensorData::new(values.collect::<Vec<f32>>(), dims);
        Tensor::<D>::from_data(data, &Device::flex().autodiff()).require_grad()
    }

    fn far(a: &Tensor<1>, b: &Tensor<1>) -> f32 {
        let size = b.clone().abs().max().into_scalar::<f32>();
        (a.clone() - b.clone()).abs().max().into_scalar::<f32>() / size
    }

    #[test]
    fn the_fused_operation_and_its_gradients_are_those_of_the_composed_one() {
        for (channels, groups, height, width, silu) in
            [(16, 8, 14, 14, true), (8, 8, 7, 7, true), (6, 2, 3, 5, false), (4, 1, 1, 1, true)]
        {
            let options = Norm { groups, silu };
            let dims = [2, 3, channels, height, width];
            let (x, scale, shift) = (normal(1, dims), normal(2, [2, 3, channels]), normal(3, [2, 3, channels]));
            let weight = normal(4, dims).detach();
            let run = |of: fn(Tensor<5>, Tensor<3>, Tensor<3>, Norm) -> Tensor<5>| {
                let y = of(x.clone(), scale.clone(), shift.clone(), options);
                let gradients = (y.clone() * weight.clone()).sum().backward();
                let flat = |tensor: Tensor<5>| -> Tensor<1> { tensor.flatten(0, 4) };
                let flat3 = |tensor: Tensor<3>| -> Tensor<1> { tensor.flatten(0, 2) };
                [
                    flat(y.inner()),
                    flat(x.grad(&gradients).unwrap()),
                    flat3(scale.grad(&gradients).unwrap()),
                    flat3(shift.grad(&gradients).unwrap()),
                ]
            };
            let (fused, reference) = (run(flex::norm), run(composed));
            for (place, (fused, reference)) in fused.iter().zip(&reference).enumerate() {
                let off = far(fused, reference);
                // One value in a group of one has no gradient but rounding.
                let tolerance = if height * width * channels / groups < 5 && place == 1 { 1e-2 } else { 3e-5 };
                assert!(off < tolerance, "{options:?} {dims:?} output {place}: {off}");
            }
        }
    }

    #[test]
    fn a_nan_stays_one() {
        let x = Tensor::<5>::full([1, 1, 2, 2, 2], f32::NAN, &Device::flex());
        let one = Tensor::<3>::ones([1, 1, 2], &Device::flex());
        let y = norm(x, one.clone(), one, Norm { groups: 1, silu: true }).into_data();
        assert!(y.as_slice::<f32>().unwrap().iter().all(|value| value.is_nan()));
    }
}
