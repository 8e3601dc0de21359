//! Every backend that is compiled in and present computes what the CPU's `flex` computes.
//!
//! Without a GPU, Mesa's lavapipe runs the `wgpu` build (Debian: `mesa-vulkan-drivers`, `libvulkan1`):
//! `XDG_RUNTIME_DIR=/tmp cargo test --release -p imfl-engine --features wgpu --test backends`.

mod common;

use burn::tensor::{Device, Tensor, TensorData};
use common::alone;
use imfl_engine::client::Client;
use imfl_engine::convolution::{Algorithm, Direction, Follows, Shape};
use imfl_engine::data::{Dataset, ImageShape, Kind};
use imfl_engine::device::{self, Compute, DeviceName};
use imfl_engine::federated::{self, Federation, LocalSgd, Participant, RoundReport};
use imfl_engine::layer::{Dropout, Keys, Pass};
use imfl_engine::meter;
use imfl_engine::model::Architecture;
use imfl_engine::op::{self, Activation, Convolution, Descending, Finish, Mask, Masked, Norm};
use imfl_engine::parameters::{Layout, Stacked, Weights};
use imfl_engine::philox::Draw;
use imfl_engine::tuning;
use std::sync::Arc;

/// Largest difference from flex that is allowed, of values around 1.
const TOLERANCE: f32 = 1e-4;

/// Every device but the one that all are compared with.
fn others() -> Vec<DeviceName> {
    let present: Vec<DeviceName> = device::present().into_iter().map(|adapter| adapter.name).collect();
    assert!(present.contains(&DeviceName::Cpu));
    if cfg!(feature = "wgpu") {
        let found = present.iter().any(|name| matches!(name, DeviceName::Wgpu(_)));
        assert!(found, "no wgpu device found; have {present:?}");
    }
    present.into_iter().filter(|&name| name != DeviceName::Cpu).collect()
}

fn device(name: DeviceName) -> Device {
    Compute::open(name, Some(1)).unwrap().device
}

/// Values between -1 and 1 that differ everywhere.
fn values<const D: usize>(shape: [usize; D], salt: usize, device: &Device) -> Tensor<D> {
    let size: usize = shape.iter().product();
    let value = |i: usize| ((i * 7919 + salt * 104_729) % 2003) as f32 / 1001.0 - 1.0;
    Tensor::from_data(TensorData::new((0..size).map(value).collect::<Vec<f32>>(), shape), device)
}

fn host<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec().unwrap()
}

fn off(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    // Sums of many products are compared by their own scale.
    let scale = a.iter().fold(1.0f32, |scale, value| scale.max(value.abs()));
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max) / scale
}

/// Masks of so many clients that drop a quarter. On a GPU their keys are behind those of another step.
fn mask(clients: usize, device: &Device) -> Mask {
    let keys: Vec<[u32; 2]> = (0..clients as u32).map(|client| [client + 1, 77]).collect();
    let words = [[0, 0]].iter().chain(&keys).flatten().map(|word| *word as i32).collect::<Vec<_>>();
    let count = words.len();
    let there = Tensor::from_data(TensorData::new(words, [count]), &device.clone().without_autodiff());
    // The host draws by the keys that it has.
    let on_device = Some((there, 2));
    Mask { keys, on_device, draw: Draw { number: 3, threshold: 16_384, keep: 65_536.0 / 49_152.0 } }
}

/// Asserts that all parts of what was found are those that flex finds. Returns what the worst is off by.
fn compare(found: &[Vec<f32>], expected: &[Vec<f32>], what: &str) -> f32 {
    let parts = found.iter().zip(expected).enumerate();
    parts.fold(0.0, |worst, (part, (got, want))| {
        let off = off(want, got);
        assert!(off < TOLERANCE, "{what}: part {part} is off by {off}");
        worst.max(off)
    })
}

/// Output and gradients of input, weight and bias.
fn convolution(
    images: [usize; 5],
    weights: [usize; 5],
    options: Convolution,
    drops: bool,
    device: &Device,
) -> Vec<Vec<f32>> {
    let device = device.clone().autodiff();
    let x = values(images, 1, &device).require_grad();
    let weight = values(weights, 2, &device).require_grad();
    let bias = values([weights[0], weights[1]], 3, &device).require_grad();
    let options = Masked { options, mask: drops.then(|| mask(images[0], &device)) };
    let y = op::conv2d(x.clone(), weight.clone(), Some(bias.clone()), options);
    let mut gradients = (y.clone() * values(y.dims(), 4, &device)).sum().backward();
    vec![
        host(y.inner()),
        host(x.grad_remove(&mut gradients).unwrap()),
        host(weight.grad_remove(&mut gradients).unwrap()),
        host(bias.grad_remove(&mut gradients).unwrap()),
    ]
}

/// Output and gradients of input, weight and bias; then the weight after a step inside the backward pass.
fn dense(
    [clients, batch, inputs, outputs]: [usize; 4],
    activation: Activation,
    drops: bool,
    on: &Device,
) -> Vec<Vec<f32>> {
    let device = on.clone().autodiff();
    let x = values([clients, batch, inputs], 1, &device).require_grad();
    let weight = values([clients, inputs, outputs], 2, &device).require_grad();
    let bias: Tensor<2> = values([clients, outputs], 3, &device).require_grad();
    let toward = values([clients, batch, outputs], 4, &device);
    let activation = Masked { options: activation, mask: drops.then(|| mask(clients, on)) };
    let y = op::linear(x.clone(), weight.clone(), bias.clone(), activation.clone());
    let mut gradients = (y.clone() * toward.clone()).sum().backward();
    let descending = Descending::new(values([clients, inputs, outputs], 2, on), 0.1);
    let moved = op::linear_descending(x.clone(), &descending, bias.clone(), activation);
    (moved * toward).sum().backward();
    vec![
        host(y.inner()),
        host(x.grad_remove(&mut gradients).unwrap()),
        host(weight.grad_remove(&mut gradients).unwrap()),
        host(bias.grad_remove(&mut gradients).unwrap()),
        host(descending.into_weight()),
    ]
}

/// Output and gradients of input, scale and shift.
fn normalised(images: [usize; 5], each: usize, options: Norm, device: &Device) -> Vec<Vec<f32>> {
    let device = device.clone().autodiff();
    let affine = [images[0], each, images[2]];
    let x = values(images, 1, &device).require_grad();
    let scale = values(affine, 2, &device).require_grad();
    let shift = values(affine, 3, &device).require_grad();
    let y = op::norm(x.clone(), scale.clone(), shift.clone(), options);
    let mut gradients = (y.clone() * values(images, 4, &device)).sum().backward();
    vec![
        host(y.inner()),
        host(x.grad_remove(&mut gradients).unwrap()),
        host(scale.grad_remove(&mut gradients).unwrap()),
        host(shift.grad_remove(&mut gradients).unwrap()),
    ]
}

#[test]
fn operations_and_their_gradients_equal_flex_on_every_device() {
    let _turn = alone();
    let plain = Convolution::default();
    let relu = Convolution { finish: Finish::Relu, ..plain };
    let pooled = Convolution { finish: Finish::ReluPool2, ..plain };
    // Odd shapes, strides that leave a rest, padding on one axis, batches of one, one client and many.
    let convolutions: [([usize; 5], [usize; 5], Convolution); 8] = [
        ([1, 1, 1, 1, 1], [1, 1, 1, 1, 1], plain),
        ([1, 1, 3, 7, 5], [1, 4, 3, 3, 3], plain),
        ([3, 2, 2, 9, 6], [3, 5, 2, 3, 3], Convolution { padding: [1, 1], ..relu }),
        ([2, 1, 3, 8, 11], [2, 3, 3, 2, 3], Convolution { stride: [2, 3], ..plain }),
        ([2, 3, 1, 10, 7], [2, 2, 1, 5, 3], Convolution { stride: [3, 2], padding: [2, 0], ..relu }),
        ([8, 2, 8, 6, 6], [8, 8, 8, 3, 3], pooled),
        ([2, 2, 1, 9, 9], [2, 3, 1, 5, 5], Convolution { padding: [2, 2], ..pooled }),
        ([17, 1, 2, 4, 4], [17, 3, 2, 1, 1], plain),
    ];
    let layers = [[1, 1, 1, 1], [1, 10, 33, 7], [3, 1, 70, 5], [9, 4, 20, 10]];
    // Scale and shift of a client, and of each image.
    let norms = [([3, 2, 4, 5, 3], 1, 2, false), ([2, 3, 6, 4, 4], 3, 3, true), ([2, 2, 4, 3, 3], 1, 1, true)];
    for name in others() {
        let here = device(name);
        let flex = device(DeviceName::Cpu);
        let mut worst = 0.0f32;
        for (images, each, groups, silu) in norms {
            let options = Norm { groups, silu };
            let expected = normalised(images, each, options, &flex);
            let found = normalised(images, each, options, &here);
            worst = worst.max(compare(&found, &expected, &format!("{images:?} {options:?} on {name}")));
        }
        for (images, weights, options) in convolutions {
            for drops in [false, true] {
                let expected = convolution(images, weights, options, drops, &flex);
                let found = convolution(images, weights, options, drops, &here);
                let what = format!("{images:?} {weights:?} {options:?}, dropout {drops}, on {name}");
                worst = worst.max(compare(&found, &expected, &what));
            }
        }
        for shape in layers {
            for (activation, drops) in [
                (Activation::Linear, false),
                (Activation::Linear, true),
                (Activation::Relu, false),
                (Activation::Relu, true),
            ] {
                let expected = dense(shape, activation, drops, &flex);
                let what = format!("{shape:?} {activation:?}, dropout {drops}, on {name}");
                worst = worst.max(compare(&dense(shape, activation, drops, &here), &expected, &what));
            }
        }
        println!("operations on {name}: off by at most {worst:.1e}");
    }
}

fn gpus() -> impl Iterator<Item = DeviceName> {
    others().into_iter().filter(|name| matches!(name, DeviceName::Wgpu(_) | DeviceName::Cuda(_)))
}

#[test]
fn every_algorithm_of_a_convolution_equals_flex() {
    let _turn = alone();
    let plain = Convolution::default();
    let relu = Convolution { finish: Finish::Relu, ..plain };
    let pooled = Convolution { finish: Finish::ReluPool2, ..plain };
    let padded = |padding: usize, options: Convolution| Convolution { padding: [padding; 2], ..options };
    // Images of one tile and of many, whose last ones hang over; more padding than taps reach, and padding on one axis; and what Winograd's
    // algorithm leaves to columns.
    let convolutions: [([usize; 5], [usize; 5], Convolution); 11] = [
        ([1, 1, 1, 3, 3], [1, 1, 1, 3, 3], plain),
        ([2, 3, 2, 7, 5], [2, 4, 2, 3, 3], relu),
        ([3, 2, 3, 7, 5], [3, 2, 3, 3, 3], padded(1, pooled)),
        ([2, 1, 5, 10, 13], [2, 3, 5, 3, 3], padded(1, plain)),
        ([4, 2, 3, 6, 9], [4, 8, 3, 3, 3], pooled),
        ([2, 2, 1, 4, 4], [2, 1, 1, 3, 3], Convolution { padding: [0, 1], ..relu }),
        ([1, 2, 2, 5, 6], [1, 2, 2, 3, 3], Convolution { padding: [2, 0], ..plain }),
        ([2, 1, 2, 3, 4], [2, 2, 2, 3, 3], padded(3, relu)),
        ([5, 4, 16, 12, 12], [5, 24, 16, 3, 3], padded(1, relu)),
        ([2, 2, 3, 9, 9], [2, 4, 3, 5, 5], padded(2, pooled)),
        ([2, 2, 3, 8, 7], [2, 4, 3, 3, 3], Convolution { stride: [2, 2], ..padded(1, relu) }),
    ];
    let flex = device(DeviceName::Cpu);
    for name in gpus() {
        let here = device(name);
        for algorithm in Algorithm::ALL {
            let mut worst = 0.0f32;
            for (place, (images, weights, options)) in convolutions.into_iter().enumerate() {
                // What is fused behind a convolution does not depend on its shape: every second one is enough.
                let drops = place % 2 == 0;
                let expected = convolution(images, weights, options, drops, &flex);
                let by = Convolution { by: Some(algorithm), ..options };
                let found = convolution(images, weights, by, drops, &here);
                let what = format!("{images:?} {weights:?} {options:?} by {algorithm} on {name}");
                worst = worst.max(compare(&found, &expected, &what));
            }
            println!("convolutions by {algorithm} on {name}: off by at most {worst:.1e}");
        }
    }
}

#[test]
fn every_algorithm_that_can_is_measured() {
    let _turn = alone();
    let shape = |kernel| Shape {
        inputs: 2,
        outputs: 3,
        image: [9, 7],
        kernel: [kernel; 2],
        stride: [1, 1],
        padding: [1, 1],
        follows: Follows::ReluPool2,
    };
    for name in gpus() {
        let compute = Compute::open(name, Some(1)).unwrap();
        assert!(!tuning::identity(&compute).unwrap().is_empty());
        for (kernel, able) in [(3, &Algorithm::ALL[..]), (5, &[Algorithm::Grouped, Algorithm::Columns])] {
            let measured = tuning::measure(&compute, &shape(kernel), 2, 3).unwrap();
            for direction in Direction::ALL {
                let times = measured.of(direction);
                assert_eq!(times.keys().copied().collect::<Vec<_>>(), able, "{direction}");
                assert!(times.values().all(|time| *time > 0.0 && time.is_finite()), "{times:?}");
                let fastest = measured.fastest(direction).unwrap();
                assert!(times.values().all(|time| *time >= times[&fastest]), "{fastest}: {times:?}");
            }
        }
    }
}

fn tiny() -> Dataset {
    let shape = ImageShape { channels: 3, height: 8, width: 8 };
    let pixels = (0..60 * shape.size()).map(|i| (i * i % 251) as u8).collect();
    let names = vec!["a".to_string(), "b".into(), "c".into()];
    Dataset::new("tiny", shape, names, pixels, (0..60).map(|i| i % 3).collect()).unwrap()
}

/// One round of so many clients, with 8, 9, 7, 5, 8, ... samples in batches of 4.
fn round(model: Architecture, name: DeviceName, clients: usize, chunk: usize) -> (Vec<f32>, RoundReport) {
    let data = tiny();
    let normalisation = data.normalisation();
    let model = model.build(data.shape, data.classes()).unwrap();
    let compute = Compute { chunk: Some(chunk), ..Compute::open(name, Some(1)).unwrap() };
    let local = LocalSgd { rate: 0.05, batch: 4, ..LocalSgd::default() };
    let start = federated::init(model.as_ref(), 1);
    let sizes = [8u32, 9, 7, 5];
    let mut first = 0;
    let cohort: Vec<Participant> = (0..clients)
        .map(|id| {
            let range = first..first + sizes[id % sizes.len()];
            first = range.end;
            let (weight, samples) = (range.len() as f64, range.collect::<Vec<_>>());
            Participant { client: Client::authentic(id as u32, &samples), weight }
        })
        .collect();
    let federation = Federation::new(model, Arc::new(data), &normalisation, local, compute, 7);
    let (state, report) = federation.apply(start, &cohort).unwrap();
    (state.weights.values().to_vec(), report)
}

#[test]
fn one_round_equals_flex_on_every_device_for_any_chunk() {
    let _turn = alone();
    for model in Architecture::fitting(&Kind::Images) {
        let (expected, _) = round(model, DeviceName::Cpu, 8, 1);
        for name in others() {
            for chunk in [1, 8] {
                let (found, report) = round(model, name, 8, chunk);
                assert_eq!(report.plan.chunk, chunk);
                let off = expected.iter().zip(&found).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                println!("{} on {name}, chunks of {chunk}: off by {off:.1e}", model.name());
                assert!(off < TOLERANCE, "{} on {name}, chunks of {chunk}, is off by {off}", model.name());
            }
        }
    }
}

/// Two masks of each of some clients in one of several steps.
fn masks(name: DeviceName, each: [usize; 2]) -> Vec<f32> {
    let (device, ids) = (device(name), [3, 0, 4_000_000_000]);
    let stacked = Stacked::broadcast(&Weights::initialise(Arc::new(Layout::new()), 0), ids.len(), &device);
    let keys = Keys::new(5, 1 << 40, &ids, 0..3, &device);
    let pass = Pass::train(&stacked, keys.step(2));
    let ones = || Tensor::<3>::ones([ids.len(), each[0], each[1]], &device);
    let (first, second) = (Dropout::new(0.25).forward(&pass, ones()), Dropout::new(0.5).forward(&pass, ones()));
    [host(first), host(second)].concat()
}

#[test]
fn dropout_draws_the_same_bits_on_every_device() {
    let _turn = alone();
    for each in [[1, 1], [2, 4], [5, 13], [10, 1000]] {
        let expected = masks(DeviceName::Cpu, each);
        assert!(each[0] < 10 || expected.contains(&0.0) && expected.iter().any(|value| *value != 0.0));
        for name in others() {
            assert!(masks(name, each) == expected, "{each:?} on {name}");
        }
    }
}

/// A chunk is one launch for each operation, however many clients it holds.
#[test]
fn launches_of_a_round_do_not_grow_with_the_cohort_while_it_fits_one_chunk() {
    let _turn = alone();
    for name in gpus() {
        for model in Architecture::fitting(&Kind::Images) {
            let launches = |clients, chunk| {
                // What is launched once in a process, as to find out about the device, is not of the round.
                round(model, name, clients, chunk);
                meter::count(|| round(model, name, clients, chunk)).1.launches.unwrap()
            };
            let [two, eight, apart] = [launches(2, 8), launches(8, 8), launches(8, 1)];
            println!(
                "{} on {name}: {two} launches for 2 clients, {eight} for 8, {apart} for 8 in 8 chunks",
                model.name()
            );
            assert_eq!(two, eight, "{} on {name}", model.name());
            assert!(apart > 4 * eight, "{} on {name}: {apart} launches are those of chunks of one", model.name());
        }
    }
}
