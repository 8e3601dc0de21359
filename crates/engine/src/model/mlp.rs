use super::classifier::Model;
use crate::data::ImageShape;
use crate::layer::{Linear, Pass, flatten};
use crate::parameters::Layout;
use burn::tensor::Tensor;
use std::sync::Arc;

/// Two hidden layers of 200 units with ReLU: the "2NN" of McMahan et al. 2017.
pub struct Mlp {
    layout: Arc<Layout>,
    first: Linear,
    second: Linear,
    head: Linear,
}

impl Mlp {
    const HIDDEN: usize = 200;

    /// A perceptron for flattened images of `shape`.
    pub fn new(shape: ImageShape, classes: usize) -> Self {
        let mut layout = Layout::new();
        let first = Linear::new(&mut layout, "dense1", shape.size(), Self::HIDDEN).with_relu();
        let second = Linear::new(&mut layout, "dense2", Self::HIDDEN, Self::HIDDEN).with_relu();
        let head = Linear::new(&mut layout, "head", Self::HIDDEN, classes);
        Self { layout: Arc::new(layout), first, second, head }
    }
}

impl Model for Mlp {
    fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    fn features(&self, pass: &mut Pass, images: Tensor<5>) -> Tensor<3> {
        let hidden = self.first.forward(pass, flatten(images));
        self.second.forward(pass, hidden)
    }

    fn classify(&self, pass: &mut Pass, features: Tensor<3>) -> Tensor<3> {
        self.head.forward(pass, features)
    }
}
