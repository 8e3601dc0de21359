//! Ten clients that share 2,000 digits, and 500 to test on.

use imfl_engine::prelude::*;
use std::error::Error;
use std::path::Path;
use std::sync::Arc;

/// A perceptron, everybody in every round, and the test images.
pub fn federation() -> Result<(Federation, Vec<Participant>, Images), Box<dyn Error>> {
    let seed = 1;
    let digits = data::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/mnist"), seed)?;
    let part = |data: &Dataset, size| Arc::new(data.split_balanced(&[size], seed).remove(0));
    let (train, test) = (part(&digits.train, 2000), part(&digits.test, 500));
    let shares = "dirichlet:1".parse::<Scheme>()?.partition(&train, 10, seed)?;
    let clients = (0..).zip(&shares).map(|(id, share)| Client::authentic(id, share));
    let cohort = clients.map(Participant::by_samples).collect();
    let model = Architecture::Mlp.build(train.shape, train.classes())?;
    let scale = train.normalisation();
    let federation = Federation::new(model, train, &scale, LocalSgd::default(), Compute::cpu(), seed);
    let test = federation.images.like(test);
    Ok((federation, cohort, test))
}
