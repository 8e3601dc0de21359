use super::classifier::Model;
use crate::data::ImageShape;
use crate::layer::{Conv2d, Dropout, Linear, Pass, flatten};
use crate::parameters::Layout;
use burn::tensor::Tensor;
use std::sync::Arc;

/// The CNN of pfl-research's CIFAR-10 benchmark: two 3x3 convolutions, one pooling, two dense layers, dropout.
pub struct SimpleCnn {
    layout: Arc<Layout>,
    conv1: Conv2d,
    conv2: Conv2d,
    dense: Linear,
    head: Linear,
}

impl SimpleCnn {
    /// Two valid 3x3 convolutions and a 2x2 pooling leave one pixel of a 6x6 image.
    pub(super) const LEAST_SIDE: usize = 6;

    /// A network for images of `shape`, at least 6x6 pixels.
    pub fn new(shape: ImageShape, classes: usize) -> Self {
        let mut layout = Layout::new();
        let pooled = ((shape.height - 4) / 2) * ((shape.width - 4) / 2);
        let conv1 = Conv2d::new(&mut layout, "conv1", shape.channels, 32, 3).with_relu();
        let conv2 = Conv2d::new(&mut layout, "conv2", 32, 64, 3).with_relu_and_pool().with_dropout(Dropout::new(0.25));
        let dense = Linear::new(&mut layout, "dense", 64 * pooled, 128).with_relu().with_dropout(Dropout::new(0.5));
        let head = Linear::new(&mut layout, "head", 128, classes);
        Self { layout: Arc::new(layout), conv1, conv2, dense, head }
    }
}

impl Model for SimpleCnn {
    fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    fn features(&self, pass: &mut Pass, images: Tensor<5>) -> Tensor<3> {
        let x = self.conv1.forward(pass, images);
        let x = self.conv2.forward(pass, x);
        self.dense.forward(pass, flatten(x))
    }

    fn classify(&self, pass: &mut Pass, features: Tensor<3>) -> Tensor<3> {
        self.head.forward(pass, features)
    }
}
