use burn::tensor::{Tensor, module, ops::MaxPoolOptions};

/// The largest value of each window; windows do not overlap.
#[derive(Clone, Copy, Debug)]
pub struct MaxPool2d {
    window: usize,
}

impl MaxPool2d {
    /// Windows of `window` by `window` pixels.
    pub fn new(window: usize) -> Self {
        Self { window }
    }

    /// `[clients, batch, channels, height, width]` to `[clients, batch, channels, height / window, width / window]`.
    pub fn forward(&self, x: Tensor<5>) -> Tensor<5> {
        let [clients, batch, channels, height, width] = x.dims();
        let images = x.reshape([clients * batch, channels, height, width]);
        let y = module::max_pool2d(images, MaxPoolOptions::new([self.window; 2]));
        let [_, _, height, width] = y.dims();
        y.reshape([clients, batch, channels, height, width])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::testing::ramp;

    #[test]
    fn takes_the_largest_of_each_window() {
        let x = ramp([2, 1, 1, 4, 4]);
        let y = MaxPool2d::new(2).forward(x.clone()).into_data();
        let (x, y) = (x.into_data(), y.as_slice::<f32>().unwrap().to_vec());
        let x = x.as_slice::<f32>().unwrap();
        assert_eq!(y.len(), 8);
        assert_eq!(y[0], [x[0], x[1], x[4], x[5]].into_iter().fold(f32::MIN, f32::max));
        assert_eq!(y[7], [x[26], x[27], x[30], x[31]].into_iter().fold(f32::MIN, f32::max));
    }
}
