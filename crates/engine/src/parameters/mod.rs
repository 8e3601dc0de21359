//! Parameters of a model: their layout, one set of values on the host, and many clients' sets stacked on a device.

mod values;

pub(crate) use values::Values;

use crate::random::{Purpose, keyed};
use crate::transfer;
use burn::tensor::{Device, Tensor, TensorData};
use rand::RngExt;
use std::sync::Arc;

/// How a parameter starts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Initialiser {
    /// All zero.
    Zeros,
    /// All one.
    Ones,
    /// Uniform in `[-bound, bound]`.
    Uniform {
        /// Half the width of the interval.
        bound: f32,
    },
    /// Normal with mean zero.
    Normal {
        /// Standard deviation.
        deviation: f32,
    },
}

impl Initialiser {
    /// Uniform in `±1/sqrt(fan_in)`, as PyTorch starts linear and convolution layers.
    pub fn fan_in(fan_in: usize) -> Self {
        Self::Uniform { bound: 1.0 / (fan_in.max(1) as f32).sqrt() }
    }
}

/// One parameter of a model.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Dotted path inside the model, as in `conv1.weight`.
    pub name: String,
    /// Shape without the client axis.
    pub shape: Vec<usize>,
    /// How it starts.
    pub initialiser: Initialiser,
}

impl Parameter {
    /// Number of values of one client.
    pub fn size(&self) -> usize {
        self.shape.iter().product()
    }
}

/// Names a parameter of a [`Layout`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParameterId(usize);

impl ParameterId {
    /// Its place in the layout.
    pub fn index(self) -> usize {
        self.0
    }
}

/// The parameters of a model, in the order in which its layers declared them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layout {
    parameters: Vec<Parameter>,
}

impl Layout {
    /// An empty layout for layers to declare their parameters in.
    pub fn new() -> Self {
        Self::default()
    }

    /// Declares a parameter and returns the name by which a layer finds its values again.
    pub fn declare(&mut self, name: impl Into<String>, shape: &[usize], initialiser: Initialiser) -> ParameterId {
        self.parameters.push(Parameter { name: name.into(), shape: shape.to_vec(), initialiser });
        ParameterId(self.parameters.len() - 1)
    }

    /// The parameters in order.
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// Number of values of one client over all parameters.
    pub fn size(&self) -> usize {
        self.parameters.iter().map(Parameter::size).sum()
    }
}

/// The values of one model on the host, all parameters one behind the other in layout order. Clones share them until one is changed.
#[derive(Clone, Debug)]
pub struct Weights {
    layout: Arc<Layout>,
    values: Arc<Values>,
}

impl PartialEq for Weights {
    fn eq(&self, other: &Self) -> bool {
        self.layout == other.layout && self.values() == other.values()
    }
}

impl Weights {
    /// Draws the initial values for `seed`; each parameter has a stream of its own.
    pub fn initialise(layout: Arc<Layout>, seed: u64) -> Self {
        let mut values = Vec::with_capacity(layout.size());
        for (index, parameter) in layout.parameters().iter().enumerate() {
            let mut random = keyed(seed, Purpose::Initialisation, 0, 0, index as u64);
            let draws = 0..parameter.size();
            match parameter.initialiser {
                Initialiser::Zeros => values.extend(draws.map(|_| 0.0)),
                Initialiser::Ones => values.extend(draws.map(|_| 1.0)),
                Initialiser::Uniform { bound } => {
                    values.extend(draws.map(|_| bound * (2.0 * random.random::<f32>() - 1.0)))
                }
                Initialiser::Normal { deviation } => {
                    values.extend(draws.map(|_| deviation * random.sample::<f32, _>(rand_distr::StandardNormal)));
                }
            }
        }
        Self { layout, values: Arc::new(Values::from(values)) }
    }

    /// Takes values in layout order; `None` if their number is not the layout's.
    pub fn from_values(layout: Arc<Layout>, values: Vec<f32>) -> Option<Self> {
        (values.len() == layout.size()).then(|| Self { layout, values: Arc::new(Values::from(values)) })
    }

    /// The layout that says which value belongs to which parameter.
    pub fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    /// The values that some work finds, which goes on while others do something else; whoever asks for them waits for it. As many as the layout
    /// has.
    #[cfg(any(feature = "wgpu", feature = "cuda"))]
    pub(crate) fn later(layout: Arc<Layout>, work: impl FnOnce() -> Vec<f32> + Send + 'static) -> Self {
        Self { layout, values: Arc::new(Values::later(work)) }
    }

    /// All values in layout order.
    pub fn values(&self) -> &[f32] {
        self.values.get()
    }

    /// All values in layout order, to change.
    pub fn values_mut(&mut self) -> &mut [f32] {
        if Arc::get_mut(&mut self.values).is_none() {
            self.values = Arc::new(Values::from(self.values().to_vec()));
        }
        // Nobody else has them now.
        Arc::get_mut(&mut self.values).expect("shared with nobody").get_mut()
    }

    /// All values in layout order, for whoever knows a model again by them.
    #[cfg(any(feature = "wgpu", feature = "cuda"))]
    pub(crate) fn shared(&self) -> Arc<Values> {
        self.values.clone()
    }

    /// Each parameter with its values.
    pub fn iter(&self) -> impl Iterator<Item = (&Parameter, &[f32])> {
        let mut rest = self.values();
        self.layout.parameters().iter().map(move |parameter| {
            let (values, tail) = rest.split_at(parameter.size());
            rest = tail;
            (parameter, values)
        })
    }
}

/// The parameters of a chunk of clients on a device, each `[clients, size]`.
#[derive(Clone, Debug)]
pub struct Stacked {
    layout: Arc<Layout>,
    clients: usize,
    tensors: Vec<Tensor<2>>,
}

impl Stacked {
    /// Gives each of `clients` the same values.
    pub fn broadcast(weights: &Weights, clients: usize, device: &Device) -> Self {
        let tensors = weights
            .iter()
            .map(|(parameter, values)| {
                let data = TensorData::new(values.to_vec(), [1, parameter.size()]);
                let one = transfer::upload::<2, _>(data, device);
                if clients == 1 { one } else { one.repeat_dim(0, clients) }
            })
            .collect();
        Self { layout: weights.layout.clone(), clients, tensors }
    }

    /// Takes one tensor `[clients, size]` for each parameter of a layout.
    #[cfg(any(feature = "wgpu", feature = "cuda"))]
    pub(crate) fn from_tensors(layout: Arc<Layout>, clients: usize, tensors: Vec<Tensor<2>>) -> Self {
        debug_assert_eq!(tensors.len(), layout.parameters().len());
        Self { layout, clients, tensors }
    }

    /// Gives each client the values of its row, which are in layout order.
    ///
    /// # Panics
    /// If a row has another length than the layout.
    pub fn of_rows(layout: Arc<Layout>, rows: &[&[f32]], device: &Device) -> Self {
        assert!(rows.iter().all(|row| row.len() == layout.size()), "rows do not fit the layout");
        let mut first = 0;
        let tensors = layout.parameters().iter().map(|parameter| {
            let range = first..first + parameter.size();
            first = range.end;
            let values: Vec<f32> = rows.iter().flat_map(|row| &row[range.clone()]).copied().collect();
            transfer::upload(TensorData::new(values, [rows.len(), parameter.size()]), device)
        });
        let tensors = tensors.collect();
        Self { layout, clients: rows.len(), tensors }
    }

    /// Takes a parameter out, leaving an empty tensor in its place.
    pub(crate) fn take(&mut self, place: usize) -> Tensor<2> {
        let empty = Tensor::empty([self.clients, 0], &self.tensors[place].device());
        std::mem::replace(&mut self.tensors[place], empty)
    }

    /// Puts a parameter into its place, `[clients, size]`.
    pub(crate) fn put(&mut self, place: usize, tensor: Tensor<2>) {
        self.tensors[place] = tensor;
    }

    /// The same parameters with other tensors, one for each parameter in layout order and each `[clients, size]`.
    pub fn with_tensors(&self, tensors: Vec<Tensor<2>>) -> Self {
        debug_assert_eq!(tensors.len(), self.tensors.len());
        Self { layout: self.layout.clone(), clients: self.clients, tensors }
    }

    /// Number of clients in the chunk.
    pub fn clients(&self) -> usize {
        self.clients
    }

    /// The layout that the tensors follow.
    pub fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    /// One tensor `[clients, size]` for each parameter.
    pub fn tensors(&self) -> &[Tensor<2>] {
        &self.tensors
    }

    /// The values of one parameter, `[clients, shape...]`; `D` is one more than the parameter's rank.
    pub fn get<const D: usize>(&self, id: ParameterId) -> Tensor<D> {
        let mut shape = [self.clients; D];
        shape[1..].copy_from_slice(&self.layout.parameters[id.0].shape);
        self.tensors[id.0].clone().reshape(shape)
    }

    /// The same values as leaves of a new graph, to differentiate by. Take new leaves for every backward pass: Burn consumes
    /// a graph with its first.
    pub fn leaves(&self) -> Self {
        self.with_tensors(self.tensors.iter().map(|tensor| tensor.clone().autodiff().require_grad()).collect())
    }

    /// Reads the values back, one vector in layout order for each client.
    pub fn into_host(self) -> Vec<Vec<f32>> {
        let clients = self.clients;
        let mut hosts: Vec<Vec<f32>> = (0..clients).map(|_| Vec::with_capacity(self.layout.size())).collect();
        for (parameter, tensor) in self.layout.parameters.iter().zip(self.tensors) {
            let data = transfer::download(tensor);
            // Parameters are created as f32 and no operation on them changes the type.
            let values = data.as_slice::<f32>().expect("parameters are f32");
            for (host, row) in hosts.iter_mut().zip(values.chunks_exact(parameter.size().max(1))) {
                host.extend_from_slice(row);
            }
        }
        hosts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout() -> Arc<Layout> {
        let mut layout = Layout::new();
        layout.declare("a", &[2, 3], Initialiser::fan_in(4));
        layout.declare("b", &[5], Initialiser::Ones);
        Arc::new(layout)
    }

    #[test]
    fn broadcast_and_read_back_gives_every_client_the_same_values() {
        let weights = Weights::initialise(layout(), 7);
        assert!(weights.values()[..6].iter().all(|value| value.abs() <= 0.5));
        assert_eq!(weights.values()[6..], [1.0; 5]);
        let hosts = Stacked::broadcast(&weights, 3, &Device::flex()).into_host();
        assert_eq!(hosts.len(), 3);
        assert!(hosts.iter().all(|host| host == weights.values()));
    }

    #[test]
    fn a_wrong_number_of_values_is_refused() {
        assert!(Weights::from_values(layout(), vec![0.0; 10]).is_none());
        assert!(Weights::from_values(layout(), vec![0.0; 11]).is_some());
    }
}
