use crate::layer::{Pass, Trace};
use crate::parameters::{Layout, Stacked, Weights};
use burn::tensor::{Device, Tensor};
use std::cell::RefCell;
use std::sync::Arc;

/// A classifier of samples. Implement it with the layers of [`crate::layer`], and a chunk of clients trains in one launch.
///
/// ```
/// use imfl_engine::prelude::*;
/// use std::sync::Arc;
///
/// struct Logistic(Arc<Layout>, Linear);
///
/// impl Model for Logistic {
///     fn layout(&self) -> &Arc<Layout> {
///         &self.0
///     }
///     fn features(&self, _: &mut Pass, inputs: Tensor<5>) -> Tensor<3> {
///         flatten(inputs)
///     }
///     fn classify(&self, pass: &mut Pass, features: Tensor<3>) -> Tensor<3> {
///         self.1.forward(pass, features)
///     }
/// }
///
/// let mut layout = Layout::new();
/// let dense = Linear::new(&mut layout, "dense", 28 * 28, 10);
/// let model = Logistic(Arc::new(layout), dense);
/// assert_eq!(model.layout().size(), 7850);
///
/// // Three clients with five samples each.
/// let weights = Weights::initialise(model.layout().clone(), 1);
/// let stacked = Stacked::broadcast(&weights, 3, &Device::flex());
/// let inputs = Tensor::zeros([3, 5, 1, 28, 28], &Device::flex());
/// assert_eq!(model.forward(&mut Pass::evaluate(&stacked), inputs).dims(), [3, 5, 10]);
/// ```
pub trait Model: Send + Sync {
    /// The parameters that [`Model::features`] and [`Model::classify`] look up.
    fn layout(&self) -> &Arc<Layout>;

    /// Samples `[clients, batch, channels, height, width]` to the last hidden activations `[clients, batch, features]`.
    fn features(&self, pass: &mut Pass, inputs: Tensor<5>) -> Tensor<3>;

    /// Hidden activations `[clients, batch, features]` to logits `[clients, batch, classes]`.
    fn classify(&self, pass: &mut Pass, features: Tensor<3>) -> Tensor<3>;

    /// Samples `[clients, batch, channels, height, width]` to logits `[clients, batch, classes]`.
    fn forward(&self, pass: &mut Pass, inputs: Tensor<5>) -> Tensor<3> {
        let features = self.features(pass, inputs);
        self.classify(pass, features)
    }
}

/// What the layers of `model` do with one sample of `shape`, found out by showing them one.
pub fn trace(model: &dyn Model, shape: impl Into<[usize; 3]>, device: &Device) -> Trace {
    let [channels, height, width] = shape.into();
    let parameters = Stacked::broadcast(&Weights::initialise(model.layout().clone(), 0), 1, device);
    let sample = Tensor::zeros([1, 1, channels, height, width], device);
    let trace = RefCell::new(Trace::new(model.layout()));
    model.forward(&mut Pass::evaluate(&parameters).traced(&trace), sample);
    trace.into_inner()
}
