//! The operations against Burn's own, against finite differences, and the generic form against the kernels.

use super::*;
use burn::backend::Flex;
use burn::tensor::{
    Device, Tensor, TensorData, activation, module,
    ops::{ConvOptions, MaxPoolOptions},
};
use proptest::prelude::*;

fn values<const D: usize>(shape: [usize; D], salt: u64, device: &Device) -> Tensor<D> {
    let mut state = salt.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let next = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    };
    let data = (0..shape.iter().product::<usize>()).map(next).collect();
    Tensor::from_data(TensorData::new(data, shape), device)
}

fn close<const D: usize>(what: &str, got: Tensor<D>, want: Tensor<D>) {
    assert_eq!(got.dims(), want.dims(), "{what}");
    let (got, want) = (got.into_data(), want.into_data());
    let (got, want) = (got.as_slice::<f32>().unwrap(), want.as_slice::<f32>().unwrap());
    let scale = want.iter().fold(1.0f32, |m, w| m.max(w.abs()));
    for (i, (g, w)) in got.iter().zip(want).enumerate() {
        assert!((g - w).abs() <= 5e-5 * scale, "{what}[{i}]: got {g}, want {w}");
    }
}

/// Burn's convolution, client by client.
fn own_conv2d(x: Tensor<5>, weight: Tensor<5>, bias: Tensor<2>, o: Convolution) -> Tensor<5> {
    let clients = x.dims()[0];
    let each = (0..clients).map(|c| {
        let x = x.clone().narrow(0, c, 1).squeeze_dim::<4>(0);
        let weight = weight.clone().narrow(0, c, 1).squeeze_dim::<4>(0);
        let bias = bias.clone().narrow(0, c, 1).squeeze_dim::<1>(0);
        let mut y = module::conv2d(x, weight, Some(bias), ConvOptions::new(o.stride, o.padding, [1, 1], 1));
        if o.finish != Finish::Linear {
            y = activation::relu(y);
        }
        if o.finish == Finish::ReluPool2 {
            y = module::max_pool2d(y, MaxPoolOptions::new([2, 2]));
        }
        y.unsqueeze_dim::<5>(0)
    });
    Tensor::cat(each.collect(), 0)
}

/// Output and gradients of a weighted sum of the outputs.
fn run_conv2d(
    op: impl Fn(Tensor<5>, Tensor<5>, Tensor<2>, Convolution) -> Tensor<5>,
    dims: ([usize; 5], [usize; 5]),
    o: Convolution,
) -> (Tensor<5>, Tensor<5>, Tensor<5>, Tensor<2>) {
    let device = Device::flex().autodiff();
    let x = values(dims.0, 1, &device).require_grad();
    let weight = values(dims.1, 2, &device).require_grad();
    let bias = values([dims.1[0], dims.1[1]], 3, &device).require_grad();
    let y = op(x.clone(), weight.clone(), bias.clone(), o);
    let mut grads = (y.clone() * values(y.dims(), 4, &device)).sum().backward();
    (
        y.inner(),
        x.grad_remove(&mut grads).unwrap(),
        weight.grad_remove(&mut grads).unwrap(),
        bias.grad_remove(&mut grads).unwrap(),
    )
}

fn same_conv2d(dims: ([usize; 5], [usize; 5]), o: Convolution) {
    let got = run_conv2d(|x, w, b, o| conv2d(x, w, Some(b), o), dims, o);
    let want = run_conv2d(own_conv2d, dims, o);
    let what = format!("{dims:?} {o:?}");
    close(&format!("{what} y"), got.0, want.0.clone());
    close(&format!("{what} dx"), got.1, want.1.clone());
    close(&format!("{what} dw"), got.2, want.2.clone());
    close(&format!("{what} db"), got.3, want.3.clone());

    // The form that other backends run, on the backend at hand.
    let device = Device::flex();
    let flex = |t: Tensor<5>| t.try_into_primitive::<Flex>().unwrap();
    let (x, w) = (values(dims.0, 1, &device), values(dims.1, 2, &device));
    let b = values::<2>([dims.1[0], dims.1[1]], 3, &device).try_into_primitive::<Flex>().unwrap();
    let (y, saved) = generic::conv2d_forward::<Flex>(flex(x.clone()), flex(w.clone()), b, &o);
    let y = Tensor::<5>::from_primitive::<Flex>(y);
    let grad = flex(values(y.dims(), 4, &device));
    close(&format!("generic {what} y"), y, want.0);
    let [dx, dw, db] = generic::conv2d_backward::<Flex>(flex(x), flex(w), saved, grad, &o, [true; 3]);
    close(&format!("generic {what} dx"), Tensor::from_primitive::<Flex>(dx.unwrap()), want.1);
    close(&format!("generic {what} dw"), Tensor::from_primitive::<Flex>(dw.unwrap()), want.2);
    close(&format!("generic {what} db"), Tensor::from_primitive::<Flex>(db.unwrap()), want.3);
}

fn own_linear(x: Tensor<3>, weight: Tensor<3>, bias: Tensor<2>, a: Activation) -> Tensor<3> {
    let y = x.matmul(weight) + bias.unsqueeze_dim(1);
    if a == Activation::Relu { activation::relu(y) } else { y }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn conv2d_agrees_with_burns_own(
        clients in 1usize..4, batch in 1usize..4, cin in 1usize..10, cout in 1usize..10,
        h in 3usize..12, w in 3usize..12, kh in 1usize..4, kw in 1usize..4,
        stride in (1usize..4, 1usize..3), padding in (0usize..3, 0usize..3), square in any::<bool>(), end in 0usize..3,
    ) {
        let (kh, kw, stride) = if square { (3, 3, (1, 1)) } else { (kh, kw, stride) };
        let o = Convolution {
            stride: [stride.0, stride.1],
            padding: [padding.0, padding.1],
            finish: [Finish::Linear, Finish::Relu, Finish::ReluPool2][end],
            ..Default::default()
        };
        let out = |n: usize, k: usize, p: usize, s: usize| (n + 2 * p - k) / s + 1;
        let small = out(h, kh, padding.0, stride.0).min(out(w, kw, padding.1, stride.1)) < 2;
        prop_assume!(!(end == 2 && small));
        same_conv2d(([clients, batch, cin, h, w], [clients, cout, cin, kh, kw]), o);
    }

    #[test]
    fn linear_agrees_with_burns_own(
        clients in 1usize..5, batch in 1usize..12, inputs in 1usize..150, outputs in 1usize..40, relu in any::<bool>(),
    ) {
        let a = if relu { Activation::Relu } else { Activation::Linear };
        let device = Device::flex().autodiff();
        let run = |op: &dyn Fn(Tensor<3>, Tensor<3>, Tensor<2>, Activation) -> Tensor<3>| {
            let x = values([clients, batch, inputs], 1, &device).require_grad();
            let weight = values([clients, inputs, outputs], 2, &device).require_grad();
            let bias = values([clients, outputs], 3, &device).require_grad();
            let y = op(x.clone(), weight.clone(), bias.clone(), a);
            let mut grads = (y.clone() * values(y.dims(), 4, &device)).sum().backward();
            (
                y.inner(),
                x.grad_remove(&mut grads).unwrap(),
                weight.grad_remove(&mut grads).unwrap(),
                bias.grad_remove(&mut grads).unwrap(),
            )
        };
        let (got, want) = (run(&linear), run(&own_linear));
        close("y", got.0, want.0.clone());
        close("dx", got.1, want.1.clone());
        close("dw", got.2, want.2.clone());
        close("db", got.3, want.3.clone());

        let device = Device::flex();
        let flex = |t: Tensor<3>| t.try_into_primitive::<Flex>().unwrap();
        let x = values([clients, batch, inputs], 1, &device);
        let w = values([clients, inputs, outputs], 2, &device);
        let b = values::<2>([clients, outputs], 3, &device).try_into_primitive::<Flex>().unwrap();
        let y = generic::linear_forward::<Flex>(flex(x.clone()), flex(w.clone()), b, a);
        close("generic y", Tensor::<3>::from_primitive::<Flex>(y.clone()), want.0);
        let grad = flex(values([clients, batch, outputs], 4, &device));
        let [dx, dw, db] = generic::linear_backward::<Flex>(flex(x), flex(w), y, grad, a, [true; 3]);
        close("generic dx", Tensor::<3>::from_primitive::<Flex>(dx.unwrap()), want.1);
        close("generic dw", Tensor::<3>::from_primitive::<Flex>(dw.unwrap()), want.2);
        close("generic db", Tensor::<2>::from_primitive::<Flex>(db.unwrap()), want.3);
    }
}

#[test]
fn conv2d_agrees_with_burns_own_on_the_shipped_models() {
    let relu = Convolution { finish: Finish::Relu, ..Default::default() };
    let pooled = Convolution { finish: Finish::ReluPool2, ..relu };
    same_conv2d(([2, 2, 3, 32, 32], [2, 32, 3, 3, 3]), relu);
    same_conv2d(([1, 2, 32, 30, 30], [1, 64, 32, 3, 3]), pooled);
    same_conv2d(([2, 1, 1, 28, 28], [2, 32, 1, 5, 5]), Convolution { padding: [2, 2], ..pooled });
    same_conv2d(([1, 2, 16, 16, 16], [1, 32, 16, 3, 3]), Convolution { stride: [2, 2], padding: [1, 1], ..relu });
}

#[test]
fn conv2d_gradients_agree_with_finite_differences() {
    let o = Convolution { padding: [1, 1], ..Default::default() };
    let dims = ([2, 1, 8, 6, 7], [2, 9, 8, 3, 3]);
    let (_, dx, dw, _) = run_conv2d(|x, w, b, o| conv2d(x, w, Some(b), o), dims, o);
    let device = Device::flex();
    let (x, w): (Tensor<5>, Tensor<5>) = (values(dims.0, 1, &device), values(dims.1, 2, &device));
    let b: Tensor<2> = values([2, 9], 3, &device);
    let loss = |x: Tensor<5>, w: Tensor<5>| {
        let y = conv2d(x, w, Some(b.clone()), o);
        (y.clone() * values(y.dims(), 4, &device)).sum().into_scalar::<f32>()
    };
    let bump = |t: &Tensor<5>, at: usize, by: f32| {
        let mut data = t.clone().into_data().try_to_vec::<f32>().unwrap();
        data[at] += by;
        Tensor::<5>::from_data(TensorData::new(data, t.dims()), &device)
    };
    let (dx, dw) = (dx.into_data().try_to_vec::<f32>().unwrap(), dw.into_data().try_to_vec::<f32>().unwrap());
    for at in [0, 17, 335, 500, dx.len() - 1] {
        // The loss is linear in each operand, so a long step has no error but rounding.
        let slope = (loss(bump(&x, at, 1.0), w.clone()) - loss(bump(&x, at, -1.0), w.clone())) / 2.0;
        assert!((slope - dx[at]).abs() < 2e-3, "dx[{at}]: {} but the slope is {slope}", dx[at]);
    }
    for at in [0, 100, 650, dw.len() - 1] {
        let slope = (loss(x.clone(), bump(&w, at, 1.0)) - loss(x.clone(), bump(&w, at, -1.0))) / 2.0;
        assert!((slope - dw[at]).abs() < 2e-3, "dw[{at}]: {} but the slope is {slope}", dw[at]);
    }
}

#[test]
fn a_client_gets_the_same_bits_in_any_company() {
    let o = Convolution { finish: Finish::ReluPool2, ..Default::default() };
    let device = Device::flex();
    let (x, w): (Tensor<5>, Tensor<5>) = (values([3, 4, 8, 12, 12], 1, &device), values([3, 16, 8, 3, 3], 2, &device));
    let together = conv2d(x.clone(), w.clone(), None, o).narrow(0, 2, 1).into_data();
    let alone = conv2d(x.narrow(0, 2, 1), w.narrow(0, 2, 1), None, o).into_data();
    assert_eq!(together.as_slice::<f32>().unwrap(), alone.as_slice::<f32>().unwrap());
}

#[test]
#[should_panic(expected = "do not fit weights")]
fn shapes_that_disagree_are_named() {
    let device = Device::flex();
    conv2d(
        Tensor::zeros([1, 1, 3, 8, 8], &device),
        Tensor::zeros([1, 4, 2, 3, 3], &device),
        None,
        Convolution::default(),
    );
}

#[test]
fn descending_weights_move_by_their_gradient() {
    for (activation, tracked) in [(Activation::Linear, true), (Activation::Relu, true), (Activation::Relu, false)] {
        let device = Device::flex().autodiff();
        let inner = Device::flex();
        let (clients, batch, inputs, outputs, rate) = (2, 3, 70, 5, 0.1);
        let leaf = |x: Tensor<3>| if tracked { x.require_grad() } else { x };
        let x = leaf(values([clients, batch, inputs], 1, &device));
        let weight = values([clients, inputs, outputs], 2, &device).require_grad();
        let bias: Tensor<2> = values([clients, outputs], 3, &device).require_grad();
        let toward: Tensor<3> = values([clients, batch, outputs], 4, &device);
        let mut want = (linear(x.clone(), weight.clone(), bias.clone(), activation) * toward.clone()).sum().backward();
        let moved = weight.clone().inner() - weight.grad_remove(&mut want).unwrap() * rate;

        let descending = Descending::new(values([clients, inputs, outputs], 2, &inner), rate);
        let y = linear_descending(x.clone(), &descending, bias.clone(), activation);
        let mut got = (y * toward).sum().backward();
        close("db", bias.grad_remove(&mut got).unwrap(), bias.grad_remove(&mut want).unwrap());
        if tracked {
            close("dx", x.grad_remove(&mut got).unwrap(), x.grad_remove(&mut want).unwrap());
        }
        let by_kernel = descending.into_weight();
        close("weight", by_kernel, moved.clone());

        let flex = |t: Tensor<3>| t.try_into_primitive::<Flex>().unwrap();
        let (x, weight) = (x.inner(), weight.inner());
        let y = linear(x.clone(), weight.clone(), bias.inner(), activation);
        let grad: Tensor<3> = values([clients, batch, outputs], 4, &inner);
        let step =
            generic::linear_descend::<Flex>(flex(x), flex(weight), flex(y), flex(grad), activation, rate, [true; 2]);
        close("generic weight", Tensor::<3>::from_primitive::<Flex>(step.0), moved);
    }
}

/// Masks of clients with keys of their own, which drop a quarter.
fn masks(clients: usize) -> Mask {
    let keys = (0..clients as u32).map(|client| [client + 1, 77]).collect();
    let draw = crate::philox::Draw { number: 3, threshold: 16_384, keep: 65_536.0 / 49_152.0 };
    Mask { keys, on_device: None, draw }
}

/// The mask as factors that are multiplied by.
fn factors<const D: usize>(shape: [usize; D], device: &Device) -> Tensor<D> {
    let mut factors = vec![1.0; shape.iter().product()];
    masks(shape[0]).apply(&mut factors);
    Tensor::from_data(TensorData::new(factors, shape), device)
}

#[test]
fn dropout_behind_an_operation_is_a_product_with_the_mask() {
    let device = Device::flex().autodiff();
    let masked = |options: Convolution| Masked { options, mask: Some(masks(2)) };
    for finish in [Finish::Linear, Finish::Relu, Finish::ReluPool2] {
        let options = Convolution { finish, ..Default::default() };
        let dims = ([2, 3, 2, 6, 7], [2, 5, 2, 3, 3]);
        let got = run_conv2d(|x, w, b, o| conv2d(x, w, Some(b), masked(o)), dims, options);
        let apart = |x, w, b, o| {
            let y = conv2d(x, w, Some(b), o);
            let factors = factors(y.dims(), &device);
            y * factors
        };
        let want = run_conv2d(apart, dims, options);
        close("y", got.0, want.0);
        close("dx", got.1, want.1);
        close("dw", got.2, want.2);
        close("db", got.3, want.3);
    }
    for activation in [Activation::Linear, Activation::Relu] {
        let leaves = || {
            let x = values([2, 3, 20], 1, &device).require_grad();
            let weight = values([2, 20, 9], 2, &device).require_grad();
            (x, weight, values::<2>([2, 9], 3, &device).require_grad())
        };
        let toward = values([2, 3, 9], 4, &device);
        let (x, weight, bias) = leaves();
        let y = linear(x.clone(), weight.clone(), bias.clone(), activation) * factors([2, 3, 9], &device);
        let mut want = (y.clone() * toward.clone()).sum().backward();
        let masked = || Masked { options: activation, mask: Some(masks(2)) };
        let (again, own, ground) = leaves();
        let found = linear(again.clone(), own.clone(), ground.clone(), masked());
        let mut got = (found.clone() * toward.clone()).sum().backward();
        close("y", found.inner(), y.inner());
        close("dx", again.grad_remove(&mut got).unwrap(), x.grad_remove(&mut want).unwrap());
        close("db", ground.grad_remove(&mut got).unwrap(), bias.grad_remove(&mut want).unwrap());
        let gradient = weight.grad_remove(&mut want).unwrap();
        close("dw", own.grad_remove(&mut got).unwrap(), gradient.clone());
        let descending = Descending::new(weight.clone().inner(), 0.1);
        (linear_descending(again, &descending, ground, masked()) * toward).sum().backward();
        close("moved", descending.into_weight(), weight.inner() - gradient * 0.1);
    }
}

#[test]
fn a_mask_leaves_what_is_not_finite() {
    let x = Tensor::<2>::full([1, 8], f32::NAN, &Device::flex());
    let y = dropout(x, masks(1)).into_data();
    assert!(y.as_slice::<f32>().unwrap().iter().all(|value| value.is_nan()));
}
