use super::keys::StepKeys;
use super::trace::Trace;
use crate::convolution::Shape;
use crate::op::{self, Activation, Convolution, Descending, DescendingTable, Mask, Masked};
use crate::parameters::{ParameterId, Stacked};
use crate::philox::Draw;
use burn::tensor::{Int, Tensor};
use std::cell::{Cell, RefCell};

/// One evaluation of a model: the parameters to use and, while training, where dropout masks come from.
pub struct Pass<'a> {
    parameters: &'a Stacked,
    dropout: Option<StepKeys<'a>>,
    /// Masks that were drawn so far.
    drawn: Cell<u32>,
    descending: &'a [Option<Descending>],
    tables: &'a [Option<DescendingTable>],
    trace: Option<&'a RefCell<Trace>>,
}

impl<'a> Pass<'a> {
    /// A pass without dropout.
    pub fn evaluate(parameters: &'a Stacked) -> Self {
        Self { parameters, dropout: None, drawn: Cell::new(0), descending: &[], tables: &[], trace: None }
    }

    /// A training pass; client k of the chunk draws its dropout masks by the k-th of the keys.
    pub fn train(parameters: &'a Stacked, keys: StepKeys<'a>) -> Self {
        debug_assert_eq!(keys.words().len(), parameters.clients());
        Self { parameters, dropout: Some(keys), drawn: Cell::new(0), descending: &[], tables: &[], trace: None }
    }

    /// The same pass on dense weights that take their step of gradient descent in the backward pass, one place for each
    /// parameter of the layout. Only weights that [`Trace::descendable`] names may be among them.
    pub fn descending(self, weights: &'a [Option<Descending>]) -> Self {
        Self { descending: weights, ..self }
    }

    /// The same pass on tables whose rows take their step one by one, one place for each parameter of the layout. Only tables that
    /// [`Trace::lookups`] names may be among them.
    pub fn looking_up(self, tables: &'a [Option<DescendingTable>]) -> Self {
        Self { tables, ..self }
    }

    /// The same pass, writing down what the layers do.
    pub(crate) fn traced(self, trace: &'a RefCell<Trace>) -> Self {
        Self { trace: Some(trace), ..self }
    }

    /// Number of clients in the chunk.
    pub fn clients(&self) -> usize {
        self.parameters.clients()
    }

    /// The values of a parameter, `[clients, shape...]`.
    pub fn parameter<const D: usize>(&self, id: ParameterId) -> Tensor<D> {
        self.trace(|trace| trace.read(id));
        self.parameters.get(id)
    }

    /// Rows of a table of each client's own, by symbols `[clients, batch]`: `[clients, batch, width]`. A symbol outside the table is the
    /// caller's error.
    pub fn rows(&self, table: ParameterId, symbols: Tensor<2, Int>) -> Tensor<3> {
        self.trace(|trace| trace.looked(table));
        if let Some(Some(descending)) = self.tables.get(table.index()) {
            return descending.rows(symbols);
        }
        let table: Tensor<3> = self.parameters.get(table);
        let [clients, batch] = symbols.dims();
        let width = table.dims()[2];
        table.gather(1, symbols.unsqueeze_dim::<3>(2).expand([clients, batch, width]))
    }

    /// Dense layer `activation(x W + b)` with each client's own `W` and `b`, `[clients, batch, inputs]` to
    /// `[clients, batch, outputs]`.
    pub fn linear(
        &self,
        weight: ParameterId,
        bias: ParameterId,
        x: Tensor<3>,
        activation: impl Into<Masked<Activation>>,
    ) -> Tensor<3> {
        let inputs = x.dims()[2];
        self.trace(|trace| trace.dense(weight));
        let bias = self.parameter(bias);
        let y = match self.descending.get(weight.index()) {
            Some(Some(descending)) => op::linear_descending(x, descending, bias, activation),
            _ => op::linear(x, self.parameters.get(weight), bias, activation),
        };
        self.products(&y, inputs);
        y
    }

    /// The next dropout mask of a training pass, of activations whose 16 bits are below `threshold`.
    pub(super) fn mask(&self, threshold: u32) -> Option<Mask> {
        let keys = self.dropout?;
        let number = self.drawn.replace(self.drawn.get() + 1);
        let draw = Draw { number, threshold, keep: 65_536.0 / (65_536 - threshold) as f32 };
        Some(Mask { keys: keys.words().to_vec(), on_device: keys.on_device(), draw })
    }

    /// Notes a layer's output, each of whose values is a sum of `depth` products.
    pub(super) fn products<const D: usize>(&self, output: &Tensor<D>, depth: usize) {
        self.trace(|trace| trace.layer(output.dims()[2..].iter().product(), depth));
    }

    /// Notes a convolution of images `[clients, batch, inputs, height, width]` that has `weight`, and as how many values a sample its
    /// images are laid out.
    pub(super) fn convolution(&self, images: [usize; 5], weight: [usize; 5], options: Convolution, columns: usize) {
        let ([_, _, inputs, height, width], [_, outputs, _, rows, taps]) = (images, weight);
        let Convolution { stride, padding, finish, .. } = options;
        let (image, kernel, follows) = ([height, width], [rows, taps], finish.into());
        let shape = Shape { inputs, outputs, image, kernel, stride, padding, follows };
        self.trace(|trace| trace.convolution(shape, columns));
    }

    fn trace(&self, note: impl FnOnce(&mut Trace)) {
        if let Some(trace) = self.trace {
            note(&mut trace.borrow_mut());
        }
    }
}

/// Joins all axes behind the batch: `[clients, batch, ...]` to `[clients, batch, features]`.
pub fn flatten<const D: usize>(x: Tensor<D>) -> Tensor<3> {
    let dims = x.dims();
    let features = dims[2..].iter().product();
    x.reshape([dims[0], dims[1], features])
}
