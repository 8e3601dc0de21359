//! How strides deal an image out: row `sh y + py` and column `sw x + px` of the padded image are row `y` and column `x` of its
//! phase `(py, px)`. Every tap of a kernel looks at one phase only, where the convolution has stride 1.

use super::planes::{cut, place};
use super::shape::ConvShape;

/// The phases of a convolution's padded images, as they lie in memory: `[channels, phases, rows, stride]`.
#[derive(Clone, Copy)]
pub struct Phases {
    shape: ConvShape,
    /// Phases that a tap looks at, down and across.
    count: [usize; 2],
    /// Rows and columns by which the last tap of a phase looks ahead.
    reach: [usize; 2],
    /// Rows of a phase, and the distance between them.
    rows: usize,
    pub stride: usize,
}

/// One phase: the part of it that is no padding, and its taps.
#[derive(Clone, Copy)]
pub struct Phase {
    place: [usize; 2],
    /// Rows and columns of the image, not of the padding.
    from: [usize; 2],
    to: [usize; 2],
    /// Taps down and across.
    taps: [usize; 2],
}

impl Phase {
    /// Rows and columns of the image in this phase.
    pub fn size(&self) -> [usize; 2] {
        [self.to[0] - self.from[0], self.to[1] - self.from[1]]
    }

    /// Taps of this phase.
    pub fn area(&self) -> usize {
        self.taps[0] * self.taps[1]
    }

    /// Tap `k % area` of a flipped kernel: its place in the kernel.
    pub fn flipped(&self, shape: &ConvShape, k: usize) -> usize {
        let [down, across] = self.ahead(k);
        (self.place[0] + shape.stride[0] * down) * shape.kw + self.place[1] + shape.stride[1] * across
    }

    /// How far ahead tap `k % area` of a flipped kernel looks: the last one first.
    fn ahead(&self, k: usize) -> [usize; 2] {
        let k = self.area() - 1 - k % self.area();
        [k / self.taps[1], k % self.taps[1]]
    }
}

impl Phases {
    pub fn new(shape: &ConvShape) -> Self {
        let [sh, sw] = shape.stride;
        let columns = (shape.w + 2 * shape.padding[1]).div_ceil(sw);
        Self {
            shape: *shape,
            count: [sh.min(shape.kh), sw.min(shape.kw)],
            reach: [(shape.kh - 1) / sh, (shape.kw - 1) / sw],
            rows: (shape.h + 2 * shape.padding[0]).div_ceil(sh),
            stride: columns,
        }
    }

    /// All phases that a tap looks at.
    pub fn all(&self) -> impl Iterator<Item = Phase> + use<> {
        let (s, [down, across]) = (self.shape, self.count);
        (0..down * across).map(move |index| {
            let place = [index / across, index % across];
            let size = [(s.h, s.kh), (s.w, s.kw)];
            let of =
                |axis: usize, end: usize| (end + s.padding[axis]).saturating_sub(place[axis]).div_ceil(s.stride[axis]);
            Phase {
                place,
                from: [of(0, 0), of(1, 0)],
                to: [of(0, size[0].0), of(1, size[1].0)],
                taps: [0, 1].map(|axis| (size[axis].1 - place[axis]).div_ceil(s.stride[axis])),
            }
        })
    }

    /// Floats of one channel.
    pub fn channel(&self) -> usize {
        self.count[0] * self.count[1] * self.rows * self.stride
    }

    /// Where each tap of `cin` channels looks.
    pub fn tap_offsets(&self, offsets: &mut [usize]) {
        let ConvShape { cin, kh, kw, stride: [sh, sw], .. } = self.shape;
        let mut at = 0;
        for c in 0..cin {
            for ky in 0..kh {
                for kx in 0..kw {
                    let phase = ky % sh * self.count[1] + kx % sw;
                    offsets[at] = c * self.channel() + (phase * self.rows + ky / sh) * self.stride + kx / sw;
                    at += 1;
                }
            }
        }
    }

    /// Copies a channel's plane into its phases; padding is not written, so that zeros last.
    pub fn deal(&self, src: &[f32], dst: &mut [f32]) {
        let ConvShape { w, stride: [sh, sw], padding: [ph, pw], .. } = self.shape;
        for (phase, dst) in self.all().zip(dst.chunks_exact_mut(self.rows * self.stride)) {
            let (Phase { place: [py, px], from, .. }, [rows, columns]) = (phase, phase.size());
            if rows == 0 || columns == 0 {
                continue;
            }
            let dst = &mut dst[from[0] * self.stride + from[1]..];
            if (sh, sw) == (1, 1) {
                place(src, w, dst, self.stride);
                continue;
            }
            for y in 0..rows {
                let src = &src[(sh * (from[0] + y) + py - ph) * w..][..w];
                let src = &src[sw * from[1] + px - pw..];
                for (x, to) in dst[y * self.stride..][..columns].iter_mut().enumerate() {
                    *to = src[sw * x];
                }
            }
        }
    }

    /// Copies some rows of a phase, from its row `first` of the image on, to where they belong in the plane.
    pub fn collect(&self, phase: &Phase, first: usize, src: &[f32], count: usize, dst: &mut [f32]) {
        let ConvShape { w, stride: [sh, sw], padding: [ph, pw], .. } = self.shape;
        let (Phase { place: [py, px], from, .. }, [_, columns]) = (*phase, phase.size());
        if (sh, sw) == (1, 1) {
            return cut(src, self.stride, &mut dst[first * w..][..count * w], w);
        }
        for y in 0..count {
            let row = sh * (from[0] + first + y) + py - ph;
            let dst = &mut dst[row * w + sw * from[1] + px - pw..(row + 1) * w];
            for (x, value) in src[y * self.stride..][..columns].iter().enumerate() {
                dst[sw * x] = *value;
            }
        }
    }

    /// Whether every place of an image is in a phase that a tap looks at.
    pub fn cover(&self) -> bool {
        self.count == self.shape.stride
    }
}

/// The padded planes of the gradient with respect to the output, in which the gradient with respect to the input is a
/// convolution of stride 1 for each phase, with its flipped taps.
#[derive(Clone, Copy)]
pub struct Gradient {
    /// Floats of a channel, and where its window begins.
    pub channel: usize,
    pub window: usize,
    reach: [usize; 2],
    /// The first row and column of any phase.
    least: [usize; 2],
    stride: usize,
}

impl Gradient {
    /// Widens the rows of `phases`, if the gradient with respect to the input is wanted, so that both have one stride.
    pub fn new(phases: &mut Phases, wanted: bool) -> Self {
        let shape = phases.shape;
        if !wanted {
            let (channel, stride) = (shape.out_h() * phases.stride, phases.stride);
            return Self { channel, window: 0, reach: [0, 0], least: [0, 0], stride };
        }
        let fold = |of: fn(&Phase) -> [usize; 2], pick: fn(usize, usize) -> usize| {
            let all = phases.all().map(|phase| of(&phase));
            all.reduce(|a, b| [pick(a[0], b[0]), pick(a[1], b[1])]).unwrap_or([0, 0])
        };
        let (least, most) = (fold(|phase| phase.from, usize::min), fold(|phase| phase.to, usize::max));
        // No tap looks back further: padding is less than the kernel.
        let margin = [phases.reach[0] - least[0], phases.reach[1] - least[1]];
        let stride = phases.stride.max(margin[1] + most[1]);
        phases.stride = stride;
        let channel = (margin[0] + most[0].max(shape.out_h())) * stride;
        Self { channel, window: margin[0] * stride + margin[1], reach: phases.reach, least, stride }
    }

    /// Where the flipped taps of a phase look, over all output channels.
    pub fn tap_offsets(&self, phase: &Phase, offsets: &mut [usize]) {
        for (k, offset) in offsets.iter_mut().enumerate() {
            let [down, across] = phase.ahead(k);
            *offset = k / phase.area() * self.channel + (self.reach[0] - down) * self.stride + self.reach[1] - across;
        }
    }

    /// Where the products of a phase begin.
    pub fn base(&self, phase: &Phase) -> usize {
        (phase.from[0] - self.least[0]) * self.stride + phase.from[1] - self.least[1]
    }
}
