//! Part of stage 5: generated images take the place of surplus ones in the data of augmented clients.

use super::Setup;
use crate::allocation::Roles;
use crate::failure::Outcome;
use imfl_aigc::{Augmentation, Request, SampleSource};
use imfl_engine::client::{Client, Sample};
use imfl_engine::data::Dataset;
use imfl_mechanism::Mode;
use std::sync::Arc;

/// Number of the first image that clients get; those before it were drawn for measuring.
pub(super) const FIRST_IMAGE: u64 = 1 << 32;

/// The data of a run as it is trained on.
pub struct Augmented {
    /// The clients with the data that they will train on.
    pub clients: Vec<Client>,
    /// The images that were generated for them.
    pub generated: Option<Arc<Dataset>>,
}

/// Plans every client's data and generates the images for it, unless they are `known`.
pub fn run(setup: &Setup, clients: &[Client], roles: &Roles, known: Option<Arc<Dataset>>) -> Outcome<Augmented> {
    of_modes(setup, clients, &roles.modes, &roles.target, known)
}

/// The same for given modes, one for each client, and label shares to aim at.
pub fn of_modes(
    setup: &Setup,
    clients: &[Client],
    modes: &[Mode],
    target: &[f64],
    known: Option<Arc<Dataset>>,
) -> Outcome<Augmented> {
    let chosen = clients.iter().zip(modes).map(|(client, mode)| (client, *mode == Mode::Augmented));
    let (prepared, requests) = fill(setup, chosen, target)?;
    if known.as_ref().is_some_and(|images| images.len() == requests.len()) {
        return Ok(Augmented { clients: prepared, generated: known });
    }
    let Some(generator) = setup.generator.as_deref().filter(|_| !requests.is_empty()) else {
        return Ok(Augmented { clients: prepared, generated: None });
    };
    say_what_is_short(setup, generator, &requests);
    let images = setup.draw(generator, &requests, "generating for clients")?;
    Ok(Augmented { clients: prepared, generated: Some(images) })
}

/// Says where a source with so many samples and no more gives some of them to several clients.
fn say_what_is_short(setup: &Setup, generator: &dyn SampleSource, requests: &[Request]) {
    let Some(stock) = generator.stock() else { return };
    for (label, (&held, name)) in stock.iter().zip(generator.class_names()).enumerate() {
        let wanted = requests.iter().filter(|request| usize::from(request.label) == label).count();
        if wanted > held {
            setup.progress.warn(format!(
                "{wanted} images of class {name} are needed, but the {} has {held}: they are used again, which is worth less than \
                 theta says; bring more of them",
                generator.provenance().name
            ));
        }
    }
}

/// Fills the data of those clients that are marked up to the target's shares: their new samples, and the images that these
/// ask for, in order.
pub fn fill<'a>(
    setup: &Setup,
    clients: impl IntoIterator<Item = (&'a Client, bool)>,
    target: &[f64],
) -> Outcome<(Vec<Client>, Vec<Request>)> {
    let (mut prepared, mut requests) = (Vec::new(), Vec::new());
    for (client, augmented) in clients {
        if !augmented {
            prepared.push(client.clone());
            continue;
        }
        let labels: Vec<u16> = client.samples.iter().map(|&sample| setup.label(sample)).collect();
        let plan = Augmentation::plan(&labels, target, setup.seed, u64::from(client.id))?;
        let mut samples: Vec<Sample> =
            plan.kept(labels.len()).into_iter().map(|place| client.samples[place as usize]).collect();
        let first = requests.len();
        requests.extend(Request::of_counts(&plan.generated, FIRST_IMAGE + first as u64));
        samples.extend((first..requests.len()).map(|image| Sample::Generated(image as u32)));
        prepared.push(Client { id: client.id, samples });
    }
    Ok((prepared, requests))
}

/// Clients whose generated samples are those of `stock`, by class, in the place of the images that they ask for; again from the first when all of a
/// class were used.
pub(super) fn from_stock(mut clients: Vec<Client>, requests: &[Request], stock: &Dataset) -> Vec<Client> {
    let there = stock.by_class();
    let mut used = vec![0; there.len()];
    for sample in clients.iter_mut().flat_map(|client| &mut client.samples) {
        if let Sample::Generated(asked) = *sample {
            let class = usize::from(requests[asked as usize].label);
            *sample = Sample::Generated(there[class][used[class] % there[class].len()]);
            used[class] += 1;
        }
    }
    clients
}

impl Setup {
    /// The class of an authentic sample.
    fn label(&self, sample: Sample) -> u16 {
        match sample {
            Sample::Authentic(index) => self.train.labels()[index as usize],
            Sample::Generated(_) => unreachable!("clients hold authentic samples until they are augmented"),
        }
    }
}
