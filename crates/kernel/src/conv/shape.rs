//! Sizes of a convolution, and what is fused behind it.

/// The shape of a convolution. Images are `[batch, cin, h, w]`, weights `[cout, cin, kh, kw]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvShape {
    /// Images in the batch.
    pub batch: usize,
    /// Input channels.
    pub cin: usize,
    /// Input height.
    pub h: usize,
    /// Input width.
    pub w: usize,
    /// Output channels.
    pub cout: usize,
    /// Kernel height.
    pub kh: usize,
    /// Kernel width.
    pub kw: usize,
    /// Vertical and horizontal stride.
    pub stride: [usize; 2],
    /// Rows added above and below, columns added left and right.
    pub padding: [usize; 2],
}

impl ConvShape {
    /// # Panics
    /// If a stride is zero, or the kernel is larger than the padded image.
    pub(super) fn check(&self) {
        let fits = |image: usize, padding: usize, kernel: usize| kernel > 0 && image + 2 * padding >= kernel;
        assert!(
            self.stride.iter().all(|&stride| stride > 0)
                && fits(self.h, self.padding[0], self.kh)
                && fits(self.w, self.padding[1], self.kw),
            "conv2d: no stride may be zero and the kernel must fit the padded image: {self:?}"
        );
    }
    /// Height of the convolution's output, before pooling.
    pub fn out_h(&self) -> usize {
        (self.h + 2 * self.padding[0] - self.kh) / self.stride[0] + 1
    }
    /// Width of the convolution's output, before pooling.
    pub fn out_w(&self) -> usize {
        (self.w + 2 * self.padding[1] - self.kw) / self.stride[1] + 1
    }
    /// Height and width after `finish`.
    pub fn finished(&self, finish: Finish) -> [usize; 2] {
        match finish {
            Finish::ReluPool2 => [self.out_h() / 2, self.out_w() / 2],
            _ => [self.out_h(), self.out_w()],
        }
    }
    /// Elements of the input.
    pub fn input_len(&self) -> usize {
        count([self.batch, self.cin, self.h, self.w])
    }
    /// Elements of the weights.
    pub fn weight_len(&self) -> usize {
        count([self.cout, self.cin, self.kh, self.kw])
    }
    /// Elements of the output after `finish`.
    pub fn output_len(&self, finish: Finish) -> usize {
        let [h, w] = self.finished(finish);
        count([self.batch, self.cout, h, w])
    }
    /// Elements of an output plane after `finish`.
    pub(super) fn finished_plane(&self, finish: Finish) -> usize {
        let [h, w] = self.finished(finish);
        h * w
    }
    /// Depth of the sums: `cin * kh * kw`.
    pub(super) fn depth(&self) -> usize {
        self.cin * self.kh * self.kw
    }
}

/// Memory could not hold more.
fn count(sizes: [usize; 4]) -> usize {
    sizes.into_iter().try_fold(1usize, |n, size| n.checked_mul(size)).expect("a tensor whose size overflows")
}

/// What follows a convolution in the same pass over memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Finish {
    /// Bias only.
    #[default]
    Linear,
    /// Bias, then ReLU; a NaN stays one.
    Relu,
    /// Bias, ReLU, then max pooling over 2x2 windows with stride 2; an odd last row or column is dropped. The
    /// activation before pooling never reaches memory.
    ReluPool2,
}

/// The choice of a [`Finish::ReluPool2`] window that ReLU cut off.
pub const DEAD: u8 = 4;
