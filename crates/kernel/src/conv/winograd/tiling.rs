//! How images are cut into tiles, and where the tiles lie.

use super::super::shape::ConvShape;

/// Inputs of a tile on a side.
pub const TILE: usize = 6;
/// Frequencies of a tile.
pub const F: usize = TILE * TILE;

/// Outputs of a tile on a side, and tiles per column and per row of an output plane.
pub fn tiles(shape: &ConvShape) -> (usize, [usize; 2]) {
    let step = TILE + 1 - shape.kh;
    (step, [shape.out_h().div_ceil(step), shape.out_w().div_ceil(step)])
}

/// Tiles of a block of images, and the padded planes they are read from.
#[derive(Clone, Copy)]
pub struct Tiling {
    /// Taps of a kernel on a side, and outputs of a tile: together 7.
    pub taps: usize,
    pub step: usize,
    /// Tiles per column and per row of an output plane.
    pub th: usize,
    pub tw: usize,
    /// Images per block.
    pub images: usize,
    /// Images side by side, and the distance between their columns.
    pub side: usize,
    pub pitch: usize,
    /// Row stride and size of the padded input planes of `side` images, `step th + 6 - step` rows.
    pub stride: usize,
    pub plane: usize,
}

impl Tiling {
    pub fn new(shape: &ConvShape, limit: usize) -> Self {
        let (taps, (step, [th, tw])) = (shape.kh, tiles(shape));
        let per_image = F * th * tw * (shape.cin + shape.cout);
        let most = (limit / per_image).clamp(1, shape.batch);
        // Blocks as even as can be.
        let images = shape.batch.div_ceil(shape.batch.div_ceil(most));
        let (side, pitch) = (if tw <= 4 { 8 / tw } else { 1 }, step * tw + 8 - step);
        let stride = match side {
            1 => tw.div_ceil(8) * 8 * step + 8,
            // Lanes without a tile have a place of their own behind the last image.
            side => (side * pitch + if side * tw < 8 { 8 } else { 0 }).next_multiple_of(8),
        };
        Self { taps, step, th, tw, images, side, pitch, stride, plane: (step * th + TILE - step) * stride }
    }

    /// Cuts a block of images into those that lie side by side: the first of each, and how many.
    pub fn sides(&self, images: usize) -> impl Iterator<Item = (usize, usize)> + use<> {
        let side = self.side;
        (0..images).step_by(side).map(move |first| (first, side.min(images - first)))
    }

    /// The planes of one channel of `side` images.
    pub fn planes(&self, side: usize, frequency: usize) -> Planes {
        let lane = |lane: usize| match lane / self.tw {
            image if image < self.side => image * self.pitch + lane % self.tw * self.step,
            _ => self.side * self.pitch,
        };
        Planes {
            step: self.step,
            th: self.th,
            tiles: side * self.tw,
            apart: self.side > 1,
            lanes: std::array::from_fn(lane),
            stride: self.stride,
            frequency,
        }
    }

    /// Distance between the rows of a block of `[channels, tiles]`: eight lanes may be stored at the last tile.
    pub fn row(&self) -> usize {
        self.images * self.th * self.tw + 8
    }

    /// Distance between frequencies, an odd number of cache lines, or else 36 streams share a few cache sets.
    pub fn frequency(&self, channels: usize) -> usize {
        (channels * self.row()).div_ceil(16) / 2 * 32 + 16
    }
}

/// The way of one channel's planes between padded rows and transformed tiles.
#[derive(Clone, Copy)]
pub struct Planes {
    /// Outputs of a tile on a side.
    pub step: usize,
    /// Rows of tiles, and tiles in a row of all planes.
    pub th: usize,
    pub tiles: usize,
    /// Whether planes of several images lie side by side, and then where the tiles of a row begin; there are at most eight.
    pub apart: bool,
    pub lanes: [usize; 8],
    /// Row stride of the padded planes.
    pub stride: usize,
    /// Distance between frequencies.
    pub frequency: usize,
}
