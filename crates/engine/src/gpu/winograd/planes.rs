//! Which planes are cut into which tiles, and which thread has which.

use crate::gpu::columns::Sizes;
use cubecl::prelude::*;

/// Outputs along a side of a tile.
const STEP: usize = 4;

/// Planes of one of a client's tensors, and the tiles that cover what is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Planes {
    pub batch: usize,
    pub channels: usize,
    pub height: usize,
    pub width: usize,
    /// Tiles down and across.
    pub down: usize,
    pub across: usize,
    /// Where the first tile begins: `ahead` less `behind`, which may be outside of the plane.
    pub ahead: [usize; 2],
    pub behind: [usize; 2],
    /// Whether samples are the outer axis, channels the inner one, or the other way round.
    pub sample_first: bool,
}

impl Planes {
    /// Tiles of a channel of a client.
    pub fn tiles(&self) -> usize {
        self.batch * self.down * self.across
    }

    /// The images of a convolution.
    pub fn images(sizes: &Sizes) -> Self {
        Self {
            batch: sizes.batch,
            channels: sizes.inputs,
            height: sizes.height,
            width: sizes.width,
            down: sizes.rows.div_ceil(STEP),
            across: sizes.columns.div_ceil(STEP),
            ahead: [0, 0],
            behind: [sizes.padding_y, sizes.padding_x],
            sample_first: true,
        }
    }

    /// Its products, `[clients, outputs, places]`.
    pub fn products(sizes: &Sizes) -> Self {
        Self {
            channels: sizes.outputs,
            height: sizes.rows,
            width: sizes.columns,
            behind: [0, 0],
            sample_first: false,
            ..Self::images(sizes)
        }
    }

    /// The gradient of the products, as images of the convolution that makes the gradient of the input.
    pub fn upstream(sizes: &Sizes) -> Self {
        Self {
            down: sizes.height.div_ceil(STEP),
            across: sizes.width.div_ceil(STEP),
            ahead: [sizes.padding_y, sizes.padding_x],
            behind: [2, 2],
            ..Self::products(sizes)
        }
    }

    /// What that convolution makes.
    pub fn downstream(sizes: &Sizes) -> Self {
        let Self { down, across, .. } = Self::upstream(sizes);
        Self { down, across, behind: [0, 0], ..Self::images(sizes) }
    }
}

/// Where a tile is.
#[derive(CubeType, Clone, Copy)]
pub struct Place {
    /// Which plane it is of.
    pub plane: usize,
    /// Its first row and column, of what is computed.
    pub top: usize,
    pub left: usize,
}

/// The tile of a thread: threads count tiles across, tiles down, samples, channels, clients, so that neighbours write beside each other.
#[cube]
pub fn place(thread: usize, #[comptime] planes: Planes) -> Place {
    let left = thread % comptime!(planes.across) * comptime!(STEP);
    let top = thread / comptime!(planes.across) % comptime!(planes.down) * comptime!(STEP);
    let mut plane = thread / comptime!(planes.across * planes.down);
    if comptime!(planes.sample_first) {
        let sample = plane % comptime!(planes.batch);
        let channel = plane / comptime!(planes.batch) % comptime!(planes.channels);
        let client = plane / comptime!(planes.batch * planes.channels);
        plane = (client * comptime!(planes.batch) + sample) * comptime!(planes.channels) + channel;
    }
    Place { plane, top, left }
}
