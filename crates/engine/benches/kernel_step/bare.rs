//! The models without Burn: what the kernels allow.

use super::{BATCH, RATE, Step, mask, values};
use imfl_engine::op::Finish;
use imfl_kernel::conv::{Conv2d, ConvShape, Downstream, Gradients, Upstream};
use imfl_kernel::linear::{self, Linear};

const CONV1: ConvShape =
    ConvShape { batch: BATCH, cin: 3, h: 32, w: 32, cout: 32, kh: 3, kw: 3, stride: [1, 1], padding: [0, 0] };
const CONV2: ConvShape = ConvShape { cin: 32, h: 30, w: 30, cout: 64, ..CONV1 };
const DENSE1: Linear = Linear { batch: BATCH, inputs: 12_544, outputs: 128 };
const DENSE2: Linear = Linear { batch: BATCH, inputs: 128, outputs: 10 };

/// `simple-cnn` without Burn: what the kernels allow.
pub struct BareCnn {
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
    pub fn new() -> Self {
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

/// `mlp` without Burn.
pub struct BareMlp {
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
    pub fn new() -> Self {
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
