use burn::tensor::Tensor;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a client does beside stochastic gradient descent, to keep clients with different data from drifting apart.
pub trait ClientAlgorithm: Send + Sync {
    /// What a step descends along, `[clients, size]`: the gradient of the loss and what joins it.
    fn direction(&self, step: Step) -> Tensor<2>;

    /// Whether that is always the gradient alone. Dense weights may then take their step inside the backward pass.
    fn is_plain(&self) -> bool {
        false
    }

    /// How it remembers clients between rounds, if it does.
    fn memory(&self) -> Option<&dyn Memory> {
        None
    }
}

/// One parameter of a chunk of clients in a local step, each tensor `[clients, size]`.
pub struct Step<'a> {
    /// The gradient of the loss, with weight decay.
    pub gradient: Tensor<2>,
    /// The parameter.
    pub weight: &'a Tensor<2>,
    /// Where it was at the beginning of the round; absent if the algorithm is plain.
    pub start: Option<&'a Tensor<2>>,
    /// What [`Memory::correction`] gave the clients; absent if that is nothing for all of them.
    pub correction: Option<&'a Tensor<2>>,
}

/// What is remembered of clients between rounds, in vectors of as many values as the model has. Every client that ever took
/// part has one, which travels with its update.
pub trait Memory: Send + Sync {
    /// What a client takes into its steps ([`Step::correction`]); `None` for zeros.
    fn correction(&self, variates: &Variates, client: u32) -> Option<Vec<f32>>;

    /// The vector that a client sends with its update.
    fn renewed(&self, trained: &Trained) -> Vec<f32>;

    /// Takes in the vectors of the updates that counted, in the order of the cohort. Cohorts are drawn from `population`
    /// clients.
    fn step(&self, variates: &mut Variates, renewed: Vec<(u32, Vec<f32>)>, population: usize);
}

/// What a client did in a round.
pub struct Trained<'a> {
    /// The round's global model.
    pub start: &'a [f32],
    /// What the client made of it.
    pub model: &'a [f32],
    /// What it took along.
    pub correction: Option<&'a [f32]>,
    /// Steps that it took.
    pub steps: usize,
    /// Learning rate of these.
    pub rate: f64,
}

/// What the server remembers for the clients' algorithm: `c` and `c_k` of SCAFFOLD, in layout order; all start at zero.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Variates {
    /// `c`; empty before the first round.
    pub server: Vec<f32>,
    /// `c_k` by client id, of every client that took part.
    pub clients: BTreeMap<u32, Arc<Vec<f32>>>,
}
