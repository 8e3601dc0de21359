//! How many values an image, or whatever a model gets, has along each axis.

use crate::choice::UnknownName;
use std::fmt;
use std::str::FromStr;

/// Size of one image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ImageShape {
    /// 1 for grey, 3 for colour.
    pub channels: usize,
    /// Pixels from top to bottom.
    pub height: usize,
    /// Pixels from left to right.
    pub width: usize,
}

impl ImageShape {
    /// Bytes of one image.
    pub fn size(&self) -> usize {
        self.channels * self.height * self.width
    }
}

impl From<ImageShape> for [usize; 3] {
    fn from(ImageShape { channels, height, width }: ImageShape) -> Self {
        [channels, height, width]
    }
}

impl FromStr for ImageShape {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        let sides: Vec<Option<usize>> =
            text.split('x').map(|side| side.parse().ok().filter(|&side| side > 0)).collect();
        match sides[..] {
            [Some(channels), Some(height), Some(width)] => Ok(Self { channels, height, width }),
            _ => {
                let expected = "CHANNELSxHEIGHTxWIDTH, as in 3x32x32, each at least 1";
                Err(UnknownName::new(text, "image shape", expected))
            }
        }
    }
}

impl fmt::Display for ImageShape {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}x{}x{}", self.channels, self.height, self.width)
    }
}
