//! Part of stage 5: generated images take the place of surplus ones in the data of augmented clients.

use super::{Setup, assess};
use crate::allocation::Roles;
use crate::failure::Outcome;
use imfl_aigc::{Augmentation, Numbering, Request, SampleSource};
use imfl_engine::client::{Client, Sample};
use imfl_engine::data::Dataset;
use imfl_mechanism::Mode;
use std::sync::Arc;

/// The data of a run as it is trained on.
pub struct Augmented {
    /// The clients with the data that they will train on.
    pub clients: Vec<Client>,
    /// The images that were generated for them.
    pub generated: Option<Arc<Dataset>>,
}

/// What progress calls it.
const TASK: &str = "generating for clients";

/// Plans every client's data and generates the images for it, unless they are `known`. Those that were drawn for measuring are used first.
pub fn run(
    setup: &Setup,
    clients: &[Client],
    roles: &Roles,
    known: Option<Arc<Dataset>>,
    measured: Option<&Arc<Dataset>>,
) -> Outcome<Augmented> {
    let draw = |generator: &dyn SampleSource, requests: &[Request]| draw_rest(setup, generator, requests, measured);
    with(setup, clients, (&roles.modes, &roles.target), known, draw)
}

/// The same for given modes, one for each client, and label shares to aim at.
pub fn of_modes(
    setup: &Setup,
    clients: &[Client],
    modes: &[Mode],
    target: &[f64],
    known: Option<Arc<Dataset>>,
) -> Outcome<Augmented> {
    with(setup, clients, (modes, target), known, |generator, requests| setup.draw(generator, requests, TASK))
}

fn with(
    setup: &Setup,
    clients: &[Client],
    (modes, target): (&[Mode], &[f64]),
    known: Option<Arc<Dataset>>,
    draw: impl FnOnce(&dyn SampleSource, &[Request]) -> Outcome<Arc<Dataset>>,
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
    let images = draw(generator, &requests)?;
    Ok(Augmented { clients: prepared, generated: Some(images) })
}

/// The images that are asked for. The first of each class were drawn to be `measured`, and are drawn again only where they are not at hand.
fn draw_rest(
    setup: &Setup,
    generator: &dyn SampleSource,
    requests: &[Request],
    measured: Option<&Arc<Dataset>>,
) -> Outcome<Arc<Dataset>> {
    // Whoever has samples and no more hands them out from the first each time.
    let measured = match measured.cloned() {
        _ if generator.stock().is_some() => None,
        None => assess::generate(setup)?,
        there => there,
    };
    let Some(measured) = measured else { return setup.draw(generator, requests, TASK) };
    let there = measured.by_class();
    let place = |request: &Request| there[usize::from(request.label)].get(request.place(there.len()) as usize).copied();
    let places: Vec<Option<u32>> = requests.iter().map(place).collect();
    let rest: Vec<Request> =
        requests.iter().zip(&places).filter(|(_, place)| place.is_none()).map(|(request, _)| *request).collect();
    let drawn = if rest.is_empty() { None } else { Some(setup.draw(generator, &rest, TASK)?) };
    let mut others = drawn.iter().flat_map(|drawn| (0..drawn.len()).map(|index| drawn.image(index)));
    let mut bytes = Vec::new();
    for place in &places {
        // As many were drawn as have no place among those that were measured.
        let image = place.map(|index| measured.image(index as usize)).or_else(|| others.next());
        bytes.extend_from_slice(image.expect("an image for each request"));
    }
    let labels = requests.iter().map(|request| request.label).collect();
    Ok(Arc::new(measured.like(measured.name.clone(), bytes, labels)?))
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
    let mut numbering = Numbering::new(target.len());
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
        requests.extend(Request::of_classes(&plan.generated, &numbering.next(&plan.generated)));
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
