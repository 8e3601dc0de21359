//! Training steps of `simple-cnn` and `mlp`, from bare kernels to Burn's tape, beside the machine's matrix product.
//!
//! ```sh
//! cargo bench --workspace --bench kernel_step            # all
//! cargo bench --workspace --bench kernel_step -- 2 cnn   # threads, models
//! ```
//!
//! Each variant runs on as many client threads as asked, in turns with the others, and the best of the turns counts.
//! Where Linux tells it, time is processor time of each thread, since machines are shared; only ratios within a run
//! mean anything.

use burn::tensor::{Device, Int, Tensor, TensorData, activation};
use imfl_engine::op::{self, Activation, Convolution, Descending, Finish};
use imfl_kernel::conv::{Conv2d, ConvShape, Downstream, Gradients, Upstream};
use imfl_kernel::linear::{self, Linear};
use std::time::{Duration, Instant};

const BATCH: usize = 10;
const RATE: f32 = 0.1;
const TURNS: usize = 8;
const TURN: Duration = Duration::from_millis(600);

fn values(n: usize, scale: f32) -> Vec<f32> {
    let mut state = 12_345u64;
    let next = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 40) as f32 / (1u64 << 23) as f32 - 1.0) * scale
    };
    (0..n).map(next).collect()
}

/// A dropout mask as the `Dropout` layer draws it, from a cheap generator.
fn mask(n: usize, rate: f32, state: &mut u64) -> Vec<f32> {
    let threshold = (rate * 65_536.0) as u64;
    let keep = 1.0 / (1.0 - rate);
    (0..n)
        .map(|_| {
            *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            if *state >> 48 < threshold { 0.0 } else { keep }
        })
        .collect()
}

trait Step {
    fn step(&mut self);
}

/// Seconds that this thread has run.
fn processor_time() -> Option<f64> {
    // Give the time slice back first: the count is brought up to date when the thread is switched out or ticked.
    std::thread::yield_now();
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    stat.split(' ').next()?.parse::<f64>().ok().map(|nanoseconds| nanoseconds * 1e-9)
}

/// Calls per second of `step`, summed over the threads, in one turn.
fn turn(threads: usize, make: &(dyn Fn() -> Box<dyn Step> + Sync)) -> f64 {
    std::thread::scope(|scope| {
        let run = || {
            let mut one = make();
            for _ in 0..3 {
                one.step();
            }
            let (wall, start, mut calls) = (Instant::now(), processor_time(), 0u32);
            while wall.elapsed() < TURN {
                one.step();
                calls += 1;
            }
            let spent = match (start, processor_time()) {
                (Some(start), Some(end)) => end - start,
                _ => wall.elapsed().as_secs_f64(),
            };
            f64::from(calls) / spent
        };
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
        threads.into_iter().map(|t| t.join().expect("a step panicked")).sum()
    })
}

/// Burn's matrix product on `flex`, which is that of the `gemm` crate.
struct Sgemm {
    a: Tensor<2>,
    b: Tensor<2>,
}

const SIDE: usize = 512;

impl Step for Sgemm {
    fn step(&mut self) {
        std::hint::black_box(self.a.clone().matmul(self.b.clone()));
    }
}

const CONV1: ConvShape =
    ConvShape { batch: BATCH, cin: 3, h: 32, w: 32, cout: 32, kh: 3, kw: 3, stride: [1, 1], padding: [0, 0] };
const CONV2: ConvShape = ConvShape { cin: 32, h: 30, w: 30, cout: 64, ..CONV1 };
const DENSE1: Linear = Linear { batch: BATCH, inputs: 12_544, outputs: 128 };
const DENSE2: Linear = Linear { batch: BATCH, inputs: 128, outputs: 10 };

/// `simple-cnn` without Burn: what the kernels allow.
struct BareCnn {
    x: Vec<f32>,
    labels: Vec<usize>,
    w: [Vec<f32>; 4],
    b: [Vec<f32>; 4],
    y: [Vec<f32>; 4],
    choice: Vec<u8>,
    d: [Vec<f32>; 4],
    grads: [(Vec<f32>, Vec<f32>); 2],
    random: u64,
}

impl BareCnn {
    fn new() -> Self {
        let w = [
            values(CONV1.weight_len(), 0.2),
            values(CONV2.weight_len(), 0.06),
            values(DENSE1.inputs * 128, 0.009),
            values(1280, 0.09),
        ];
        let y_len = [CONV1.output_len(Finish::Relu), CONV2.output_len(Finish::ReluPool2), BATCH * 128, BATCH * 10];
        let bias = [32, 64, 128, 10];
        Self {
            x: values(CONV1.input_len(), 1.0),
            labels: (0..BATCH).collect(),
            grads: [(vec![0.0; w[0].len()], vec![0.0; 32]), (vec![0.0; w[1].len()], vec![0.0; 64])],
            w,
            b: bias.map(|n| vec![0.0; n]),
            y: y_len.map(|n| vec![0.0; n]),
            choice: vec![0; y_len[1]],
            d: y_len.map(|n| vec![0.0; n]),
            random: 7,
        }
    }
}

fn descend(weights: &mut [f32], gradient: &[f32]) {
    weights.iter_mut().zip(gradient).for_each(|(w, g)| *w -= RATE * g);
}

/// Softmax cross-entropy: replaces logits by the gradient of the mean loss.
fn softmax_gradient(logits: &mut [f32], labels: &[usize]) {
    for (row, label) in logits.chunks_exact_mut(10).zip(labels) {
        let most = row.iter().copied().fold(f32::MIN, f32::max);
        let sum: f32 = row.iter().map(|x| (x - most).exp()).sum();
        row.iter_mut().for_each(|x| *x = (*x - most).exp() / sum / BATCH as f32);
        row[*label] -= 1.0 / BATCH as f32;
    }
}

impl Step for BareCnn {
    fn step(&mut self) {
        let [w1, w2, w3, w4] = &mut self.w;
        let [b1, b2, b3, b4] = &mut self.b;
        let [y1, y2, y3, y4] = &mut self.y;
        let [d1, d2, d3, d4] = &mut self.d;
        Conv2d { shape: CONV1, x: &self.x, weight: w1 }.forward(b1, Downstream::Relu(y1));
        Conv2d { shape: CONV2, x: y1, weight: w2 }.forward(b2, Downstream::ReluPool2(y2, &mut self.choice));
        let m1 = mask(y2.len(), 0.25, &mut self.random);
        y2.iter_mut().zip(&m1).for_each(|(y, m)| *y *= m);
        linear::forward(&DENSE1, true, y2, w3, b3, y3);
        let m2 = mask(y3.len(), 0.5, &mut self.random);
        let dropped: Vec<f32> = y3.iter().zip(&m2).map(|(y, m)| y * m).collect();
        linear::forward(&DENSE2, false, &dropped, w4, b4, y4);

        d4.copy_from_slice(y4);
        softmax_gradient(d4, &self.labels);
        linear::input_gradient_and_step(&DENSE2, -RATE, &dropped, d4, w4, Some(d3));
        linear::add_columns(-RATE, d4, b4);
        d3.iter_mut().zip(&m2).for_each(|(d, m)| *d *= m);
        let mut before = vec![0.0; d3.len()];
        linear::through_relu(d3, y3, &mut before);
        linear::input_gradient_and_step(&DENSE1, -RATE, y2, &before, w3, Some(d2));
        linear::add_columns(-RATE, &before, b3);
        d2.iter_mut().zip(&m1).for_each(|(d, m)| *d *= m);
        let [(g1, gb1), (g2, gb2)] = &mut self.grads;
        let upstream = Upstream::ReluPool2(d2, &self.choice);
        let second = Conv2d { shape: CONV2, x: y1, weight: w2 };
        second.backward(upstream, Gradients { x: Some(d1), weight: g2, bias: gb2 });
        let first = Conv2d { shape: CONV1, x: &self.x, weight: w1 };
        first.backward(Upstream::Relu(d1, y1), Gradients { x: None, weight: g1, bias: gb1 });
        descend(w1, g1);
        descend(w2, g2);
        descend(b1, gb1);
        descend(b2, gb2);
    }
}

fn tensor<const D: usize>(shape: [usize; D], scale: f32, device: &Device) -> Tensor<D> {
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
enum Descent {
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
struct TapeCnn {
    x: Tensor<5>,
    labels: Tensor<3, Int>,
    conv: [Tensor<5>; 2],
    bias: [Tensor<2>; 4],
    dense: [Dense; 2],
    random: u64,
}

impl TapeCnn {
    fn new(descent: Descent) -> Self {
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
struct TapeMlp {
    x: Tensor<3>,
    labels: Tensor<3, Int>,
    bias: [Tensor<2>; 3],
    dense: [Dense; 3],
}

impl TapeMlp {
    fn new(descent: Descent) -> Self {
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

/// `mlp` without Burn.
struct BareMlp {
    x: Vec<f32>,
    labels: Vec<usize>,
    w: [Vec<f32>; 3],
    b: [Vec<f32>; 3],
    y: [Vec<f32>; 3],
    d: [Vec<f32>; 3],
}

const MLP: [Linear; 3] = [
    Linear { batch: BATCH, inputs: 784, outputs: 200 },
    Linear { batch: BATCH, inputs: 200, outputs: 200 },
    Linear { batch: BATCH, inputs: 200, outputs: 10 },
];

impl BareMlp {
    fn new() -> Self {
        Self {
            x: values(BATCH * 784, 1.0),
            labels: (0..BATCH).collect(),
            w: MLP.map(|s| values(s.inputs * s.outputs, 1.0 / (s.inputs as f32).sqrt())),
            b: MLP.map(|s| vec![0.0; s.outputs]),
            y: MLP.map(|s| vec![0.0; BATCH * s.outputs]),
            d: MLP.map(|s| vec![0.0; BATCH * s.outputs]),
        }
    }
}

impl Step for BareMlp {
    fn step(&mut self) {
        for (i, shape) in MLP.iter().enumerate() {
            let (before, y) = self.y.split_at_mut(i);
            let x = before.last().unwrap_or(&self.x);
            linear::forward(shape, i < 2, x, &self.w[i], &self.b[i], &mut y[0]);
        }
        self.d[2].copy_from_slice(&self.y[2]);
        softmax_gradient(&mut self.d[2], &self.labels);
        for i in (0..3).rev() {
            let (before, d) = self.d.split_at_mut(i);
            let d = &mut d[0];
            if i < 2 {
                let grad = d.clone();
                linear::through_relu(&grad, &self.y[i], d);
            }
            let x = if i == 0 { &self.x } else { &self.y[i - 1] };
            let dx = before.last_mut().map(Vec::as_mut_slice);
            linear::input_gradient_and_step(&MLP[i], -RATE, x, d, &mut self.w[i], dx);
            linear::add_columns(-RATE, d, &mut self.b[i]);
        }
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let threads = arguments.first().and_then(|a| a.parse().ok()).unwrap_or(2);
    let only = arguments.get(1).cloned().unwrap_or_default();
    let sgemm = || -> Box<dyn Step> {
        let square = || tensor([SIDE, SIDE], 1.0, &Device::flex());
        Box::new(Sgemm { a: square(), b: square() })
    };
    type Make = Box<dyn Fn() -> Box<dyn Step> + Sync>;
    // Name, multiply-adds a call, samples a call.
    let cnn = 99.4e6 / 2.0 * BATCH as f64;
    let mlp = (784.0 * 200.0 * 2.0 + 200.0 * 200.0 * 3.0 + 2000.0 * 3.0) * BATCH as f64;
    let variants: Vec<(&str, f64, usize, Make)> = vec![
        ("sgemm 512", (SIDE * SIDE * SIDE) as f64, 0, Box::new(sgemm)),
        ("cnn bare", cnn, BATCH, Box::new(|| Box::new(BareCnn::new()))),
        ("cnn tape", cnn, BATCH, Box::new(|| Box::new(TapeCnn::new(Descent::Tape)))),
        ("cnn sink", cnn, BATCH, Box::new(|| Box::new(TapeCnn::new(Descent::Sink)))),
        ("mlp bare", mlp, BATCH, Box::new(|| Box::new(BareMlp::new()))),
        ("mlp tape", mlp, BATCH, Box::new(|| Box::new(TapeMlp::new(Descent::Tape)))),
        ("mlp sink", mlp, BATCH, Box::new(|| Box::new(TapeMlp::new(Descent::Sink)))),
    ];
    let mut best = vec![0.0f64; variants.len()];
    for _ in 0..TURNS {
        for (best, (name, _, _, make)) in best.iter_mut().zip(&variants) {
            if name.contains("sgemm") || name.contains(&only) {
                *best = best.max(turn(threads, make));
            }
        }
    }
    let peak = best[0] * variants[0].1 * 2e-9;
    println!("{threads} threads, {:?}", imfl_kernel::level());
    println!("{:<12}{:>12}{:>12}{:>10}", "variant", "samples/s", "GFLOP/s", "of sgemm");
    for (best, (name, products, samples, _)) in best.iter().zip(&variants).filter(|(best, _)| **best > 0.0) {
        let rate = best * products * 2e-9;
        println!("{name:<12}{:>12.0}{rate:>12.1}{:>9.0}%", best * *samples as f64, 100.0 * rate / peak);
    }
}
