use crate::convolution::Shape;
use crate::parameters::{Layout, ParameterId};

/// What the layers of a model do with one sample, written down in one forward pass ([`crate::model::trace`]).
///
/// Layers of this crate write themselves down; what a model computes by other operations is not seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// Multiply-adds of one sample's forward pass, counted for the plain algorithm.
    pub products: u64,
    /// Those of the first layer, which sees the images: nobody needs the gradient of its input.
    pub first: u64,
    /// Values of one sample that layers hand on to each other.
    pub activations: u64,
    /// Values of one sample's convolutions as matrix products: each pixel of an output has those that it is made of beside it.
    pub columns: u64,
    /// Its convolutions, in the order in which they are computed.
    pub convolutions: Vec<Shape>,
    uses: Vec<Uses>,
}

/// How often a parameter was used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Uses {
    dense: u32,
    looked: u32,
    other: u32,
}

impl Trace {
    pub(crate) fn new(layout: &Layout) -> Self {
        Self { uses: vec![Uses::default(); layout.parameters().len()], ..Self::default() }
    }

    /// Floating-point operations of training on one sample: forward, and backward to the weights and to every input but
    /// the images.
    pub fn training_flops(&self) -> u64 {
        2 * (3 * self.products - self.first)
    }

    /// Dense weights that are used once in a pass and in no other way, by place in the layout. Only these may take
    /// their step inside the backward pass: others would move between two uses.
    pub fn descendable(&self) -> impl Iterator<Item = usize> {
        self.places(|uses| uses.dense == 1 && uses.looked + uses.other == 0)
    }

    /// Tables whose rows are looked up once in a pass and which are used in no other way, by place in the layout. Their rows may take their
    /// step one by one.
    pub fn lookups(&self) -> impl Iterator<Item = usize> {
        self.places(|uses| uses.looked == 1 && uses.dense + uses.other == 0)
    }

    fn places(&self, fits: impl Fn(&Uses) -> bool) -> impl Iterator<Item = usize> {
        self.uses.iter().enumerate().filter(move |(_, uses)| fits(uses)).map(|(index, _)| index)
    }

    pub(super) fn read(&mut self, id: ParameterId) {
        self.uses[id.index()].other += 1;
    }

    pub(super) fn looked(&mut self, id: ParameterId) {
        self.uses[id.index()].looked += 1;
    }

    pub(super) fn dense(&mut self, id: ParameterId) {
        self.uses[id.index()].dense += 1;
    }

    pub(super) fn convolution(&mut self, shape: Shape, columns: usize) {
        self.convolutions.push(shape);
        self.columns += columns as u64;
    }

    pub(super) fn layer(&mut self, outputs: usize, depth: usize) {
        let products = (outputs * depth) as u64;
        if self.products == 0 {
            self.first = products;
        }
        self.products += products;
        self.activations += outputs as u64;
    }
}
