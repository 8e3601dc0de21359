use super::classifier::Model;
use crate::data::ImageShape;
use crate::layer::{Conv2d, GroupNorm, Linear, Pass};
use crate::parameters::Layout;
use burn::tensor::{Tensor, activation::relu};
use std::sync::Arc;

/// Channels in a group of the normalisation.
const PER_GROUP: usize = 8;

/// The 8-layer residual network of He et al. 2016 for small images (6n + 2 layers with n = 1: 16, 32 and 64 channels),
/// with group instead of batch normalisation, which has no statistics to share (Hsieh et al. 2020, arXiv 1910.00189).
pub struct ResNet8Gn {
    layout: Arc<Layout>,
    stem: Conv2d,
    norm: GroupNorm,
    blocks: [Block; 3],
    head: Linear,
}

/// `relu(shortcut(x) + norm(conv(relu(norm(conv(x))))))`.
struct Block {
    conv1: Conv2d,
    norm1: GroupNorm,
    conv2: Conv2d,
    norm2: GroupNorm,
    shortcut: Option<Conv2d>,
}

impl Block {
    fn new(layout: &mut Layout, name: &str, inputs: usize, outputs: usize, stride: usize) -> Self {
        let groups = outputs / PER_GROUP;
        let conv1 = Conv2d::new(layout, &format!("{name}.conv1"), inputs, outputs, 3).with_padding(1);
        Self {
            conv1: conv1.with_stride(stride),
            norm1: GroupNorm::new(layout, &format!("{name}.norm1"), groups, outputs),
            conv2: Conv2d::new(layout, &format!("{name}.conv2"), outputs, outputs, 3).with_padding(1),
            norm2: GroupNorm::new(layout, &format!("{name}.norm2"), groups, outputs),
            shortcut: (inputs != outputs)
                .then(|| Conv2d::new(layout, &format!("{name}.shortcut"), inputs, outputs, 1).with_stride(stride)),
        }
    }

    fn forward(&self, pass: &Pass, x: Tensor<5>) -> Tensor<5> {
        let y = relu(self.norm1.forward(pass, self.conv1.forward(pass, x.clone())));
        let y = self.norm2.forward(pass, self.conv2.forward(pass, y));
        relu(y + self.shortcut.as_ref().map_or(x.clone(), |shortcut| shortcut.forward(pass, x)))
    }
}

impl ResNet8Gn {
    /// A network for images of any `shape`.
    pub fn new(shape: ImageShape, classes: usize) -> Self {
        let mut layout = Layout::new();
        let stem = Conv2d::new(&mut layout, "stem", shape.channels, 16, 3).with_padding(1);
        let norm = GroupNorm::new(&mut layout, "norm", 16 / PER_GROUP, 16);
        let blocks = [
            Block::new(&mut layout, "block1", 16, 16, 1),
            Block::new(&mut layout, "block2", 16, 32, 2),
            Block::new(&mut layout, "block3", 32, 64, 2),
        ];
        let head = Linear::new(&mut layout, "head", 64, classes);
        Self { layout: Arc::new(layout), stem, norm, blocks, head }
    }
}

impl Model for ResNet8Gn {
    fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    fn features(&self, pass: &mut Pass, images: Tensor<5>) -> Tensor<3> {
        let x = relu(self.norm.forward(pass, self.stem.forward(pass, images)));
        let x = self.blocks.iter().fold(x, |x, block| block.forward(pass, x));
        let [clients, batch, channels, height, width] = x.dims();
        x.reshape([clients, batch, channels, height * width]).mean_dim(3).reshape([clients, batch, channels])
    }

    fn classify(&self, pass: &mut Pass, features: Tensor<3>) -> Tensor<3> {
        self.head.forward(pass, features)
    }
}
