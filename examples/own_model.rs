//! A model of one's own: compose the layers, implement `Model`, and a chunk of clients trains in one launch.
//!
//! `cargo run --release --example own_model`
//!
//! Layers declare their parameters in a layout and keep their names; the values of every client come with the pass. So
//! nothing here mentions clients, and everything works for any number of them.

use burn::tensor::{Tensor, activation::relu};
use imfl_engine::client::{Client, Images};
use imfl_engine::data::{self, ImageShape};
use imfl_engine::device::Compute;
use imfl_engine::federated::{self, CohortSampling, Federation, LocalSgd, Participant};
use imfl_engine::layer::{Conv2d, Dropout, GroupNorm, Linear, Pass, flatten};
use imfl_engine::model::Model;
use imfl_engine::parameters::Layout;
use imfl_engine::partition::Scheme;
use std::error::Error;
use std::path::Path;
use std::sync::Arc;

/// Two strided convolutions with group normalisation and one dense layer: 20,586 parameters for MNIST.
struct Small {
    layout: Arc<Layout>,
    conv1: Conv2d,
    norm1: GroupNorm,
    conv2: Conv2d,
    norm2: GroupNorm,
    dropout: Dropout,
    head: Linear,
}

impl Small {
    fn new(shape: ImageShape, classes: usize) -> Self {
        let mut layout = Layout::new();
        let conv1 = Conv2d::new(&mut layout, "conv1", shape.channels, 16, 3).with_stride(2).with_padding(1);
        let norm1 = GroupNorm::new(&mut layout, "norm1", 4, 16);
        let conv2 = Conv2d::new(&mut layout, "conv2", 16, 32, 3).with_stride(2).with_padding(1);
        let norm2 = GroupNorm::new(&mut layout, "norm2", 4, 32);
        // Each convolution halves the sides, rounding up.
        let pixels = shape.height.div_ceil(4) * shape.width.div_ceil(4);
        let head = Linear::new(&mut layout, "head", 32 * pixels, classes);
        Self { layout: Arc::new(layout), conv1, norm1, conv2, norm2, dropout: Dropout::new(0.1), head }
    }
}

impl Model for Small {
    fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    fn features(&self, pass: &mut Pass, images: Tensor<5>) -> Tensor<3> {
        let x = relu(self.norm1.forward(pass, self.conv1.forward(pass, images)));
        let x = relu(self.norm2.forward(pass, self.conv2.forward(pass, x)));
        flatten(x)
    }

    fn classify(&self, pass: &mut Pass, features: Tensor<3>) -> Tensor<3> {
        let x = self.dropout.forward(pass, features);
        self.head.forward(pass, x)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let seed = 1;
    let data = data::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/mnist"), seed)?;
    let (train, test) = (Arc::new(data.train), Arc::new(data.test));
    let normalisation = train.normalisation();
    let model = Arc::new(Small::new(train.shape, train.classes()));
    println!("{} parameters", model.layout().size());

    let shares = "dirichlet:1".parse::<Scheme>()?.partition(&train, 50, seed)?;
    let clients: Vec<Client> =
        shares.iter().enumerate().map(|(id, share)| Client::authentic(id as u32, share)).collect();
    let weights: Vec<f64> = shares.iter().map(|share| share.len() as f64).collect();

    let compute = Compute::cpu();
    let local = LocalSgd { rate: 0.1, epochs: 2, batch: 10, momentum: 0.5, ..LocalSgd::default() };
    let federation = Federation::new(model.clone(), train, &normalisation, local, compute.clone(), seed);
    let test = Images::new(test, &normalisation);
    let mut state = federated::init(model.as_ref(), seed);
    for round in 1..=10 {
        let drawn = CohortSampling::default().draw(&weights, 20, seed, round)?;
        let cohort: Vec<Participant> = drawn
            .into_iter()
            .map(|drawn| Participant { client: clients[drawn.index].clone(), weight: drawn.weight })
            .collect();
        let report;
        (state, report) = federation.apply(state, &cohort)?;
        let accuracy = federated::evaluate(model.as_ref(), &state.weights, &test, &compute).accuracy();
        println!("round {round:2}: loss {:.3}, test accuracy {accuracy:.3}", report.train_loss);
    }
    Ok(())
}
