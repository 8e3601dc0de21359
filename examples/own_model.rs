//! A model of one's own: compose the layers, implement `Model`, and a chunk of clients trains in one launch.
//!
//! `cargo run --release --example own_model`
//!
//! Layers declare their parameters in a layout and keep their names; the values of every client come with the pass. So
//! nothing here mentions clients, and everything works for any number of them.

use imfl_engine::prelude::*;
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

    fn features(&self, pass: &mut Pass, inputs: Tensor<5>) -> Tensor<3> {
        let x = relu(self.norm1.forward(pass, self.conv1.forward(pass, inputs)));
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
    let clients = (0..).zip(&shares).map(|(id, share)| Client::authentic(id, share));
    let everybody: Vec<Participant> = clients.map(Participant::by_samples).collect();

    let local = LocalSgd { rate: 0.1, epochs: 2, batch: 10, momentum: 0.5, ..LocalSgd::default() };
    let federation = Federation::new(model, train, &normalisation, local, Compute::cpu(), seed);
    let test = federation.images.like(test);
    let cohort = |round| Ok(CohortSampling::default().cohort(&everybody, 20, seed, round)?);
    federation.train_with(federation.start(), 10, cohort, |state, report| {
        let accuracy = federation.evaluate(state, &test).accuracy();
        println!("round {:2}: loss {:.3}, test accuracy {accuracy:.3}", report.round, report.train_loss);
        Ok::<_, Box<dyn Error>>(())
    })?;
    Ok(())
}
