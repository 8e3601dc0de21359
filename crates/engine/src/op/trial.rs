//! A convolution on a GPU that is computed to see how long it takes.

use super::options::Convolution;
use super::routes::{Route, Saved, device};
use crate::convolution::{Algorithm, Direction, Shape};
use crate::device::failed::fail;
use crate::gpu::{Buffer, memory};
use burn::backend::{Backend, Cube};
use burn::tensor::Tensor;

/// The tensors of one convolution, and what its forward pass kept.
pub(crate) struct Trial {
    x: Buffer,
    weight: Buffer,
    bias: Buffer,
    grad: Buffer,
    options: Convolution,
}

impl Trial {
    /// Of images, weights, biases and the gradient of the output, all on one GPU and without autodiff.
    pub fn new(shape: &Shape, [x, weight, grad]: [Tensor<5>; 3], bias: Tensor<2>) -> Self {
        let options = Convolution {
            stride: shape.stride,
            padding: shape.padding,
            finish: shape.follows.into(),
            ..Convolution::default()
        };
        Self { x: memory(x), weight: memory(weight), bias: memory(bias), grad: memory(grad), options }
    }

    /// What the device calls itself.
    pub fn device(&self) -> String {
        device(&self.x)
    }

    /// The way by these algorithms, one for each direction.
    pub fn route(&self, algorithms: [Algorithm; 3]) -> Route {
        Route::by(&self.x, &self.weight, &self.options, |_, direction| algorithms[direction as usize])
    }

    /// Begins the forward pass.
    pub fn forward(&self, route: &Route) -> Saved {
        route.forward(self.x.clone(), self.weight.clone(), self.bias.clone(), None).1
    }

    /// Begins what a direction is about; the gradients from what the forward pass of the same route kept.
    pub fn begin(&self, route: &Route, direction: Direction, saved: &Saved) {
        let wanted = match direction {
            Direction::Forward => {
                self.forward(route);
                return;
            }
            Direction::Input => [true, false, false],
            Direction::Weights => [false, true, false],
        };
        route.backward(self.x.clone(), self.weight.clone(), saved.clone(), self.grad.clone(), wanted);
    }

    /// Waits until the device has done all that it began.
    ///
    /// # Panics
    /// If it failed ([`crate::device::failed`]).
    pub fn wait(&self) {
        Cube::sync(&self.x.device).unwrap_or_else(|error| fail(error));
    }
}
