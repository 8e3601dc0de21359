use super::classifier::Model;
use crate::data::ImageShape;
use crate::layer::{Conv2d, Linear, Pass, flatten};
use crate::parameters::Layout;
use burn::tensor::Tensor;
use std::sync::Arc;

/// The CNN of McMahan et al. 2017 (arXiv 1602.05629, section 3): two 5x5 convolutions of 32 and 64 channels, each
/// followed by 2x2 max pooling, and a dense layer of 512; 1,663,370 parameters for MNIST.
pub struct FedAvgCnn {
    layout: Arc<Layout>,
    conv1: Conv2d,
    conv2: Conv2d,
    dense: Linear,
    head: Linear,
}

impl FedAvgCnn {
    /// Two poolings leave one pixel of a 4x4 image.
    pub(super) const LEAST_SIDE: usize = 4;

    /// A network for images of `shape`, at least 4x4 pixels.
    pub fn new(shape: ImageShape, classes: usize) -> Self {
        let mut layout = Layout::new();
        let pooled = (shape.height / 4) * (shape.width / 4);
        let conv1 = Conv2d::new(&mut layout, "conv1", shape.channels, 32, 5).with_padding(2).with_relu_and_pool();
        let conv2 = Conv2d::new(&mut layout, "conv2", 32, 64, 5).with_padding(2).with_relu_and_pool();
        let dense = Linear::new(&mut layout, "dense", 64 * pooled, 512).with_relu();
        let head = Linear::new(&mut layout, "head", 512, classes);
        Self { layout: Arc::new(layout), conv1, conv2, dense, head }
    }
}

impl Model for FedAvgCnn {
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
