//! What a choice depends on.

use imfl_kernel::conv::Finish;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a convolution is made of, without how many clients and samples there are: with those the choice would depend on how a cohort is cut
/// into chunks, and so would a model's bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shape {
    /// Channels of the images.
    pub inputs: usize,
    /// Channels of the output.
    pub outputs: usize,
    /// Rows and columns of the images.
    pub image: [usize; 2],
    /// Rows and columns of the kernel.
    pub kernel: [usize; 2],
    /// Vertical and horizontal stride.
    pub stride: [usize; 2],
    /// Zero rows above and below, zero columns left and right.
    pub padding: [usize; 2],
    /// What follows in the same operation.
    pub follows: Follows,
}

/// What follows a convolution, as it is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Follows {
    /// Nothing.
    Nothing,
    /// ReLU.
    Relu,
    /// ReLU and the maximum of each 2x2 window.
    ReluPool2,
}

impl From<Finish> for Follows {
    fn from(finish: Finish) -> Self {
        match finish {
            Finish::Linear => Self::Nothing,
            Finish::Relu => Self::Relu,
            Finish::ReluPool2 => Self::ReluPool2,
        }
    }
}

impl From<Follows> for Finish {
    fn from(follows: Follows) -> Self {
        match follows {
            Follows::Nothing => Self::Linear,
            Follows::Relu => Self::Relu,
            Follows::ReluPool2 => Self::ReluPool2,
        }
    }
}

/// As in `3x3, 32 to 64 channels, 30x30, ReLU and pooling`.
impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Self { inputs, outputs, image, kernel, stride, padding, follows } = self;
        write!(f, "{}x{}, {inputs} to {outputs} channels, {}x{}", kernel[0], kernel[1], image[0], image[1])?;
        if *stride != [1, 1] {
            write!(f, ", stride {}x{}", stride[0], stride[1])?;
        }
        if *padding != [0, 0] {
            write!(f, ", padding {}x{}", padding[0], padding[1])?;
        }
        f.write_str(match follows {
            Follows::Nothing => "",
            Follows::Relu => ", ReLU",
            Follows::ReluPool2 => ", ReLU and pooling",
        })
    }
}
