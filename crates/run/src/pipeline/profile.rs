//! Stage 2: what each client holds, and what its work costs, measured on this device.

use super::Setup;
use super::links;
use crate::agreement;
use crate::config::RecordedCosts;
use crate::failure::Outcome;
use imfl_aigc::{Request, SampleSource};
use imfl_engine::client::{Client, Images};
use imfl_engine::device::Compute;
use imfl_engine::network::Link;
use imfl_engine::profile;
use imfl_engine::random::{Purpose, keyed};
use imfl_mechanism::prior::Distribution;
use rand::RngExt;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

/// How long a training step is measured.
const MEASURING: Duration = Duration::from_millis(1500);
/// Images of the timed generation.
const TIMED_IMAGES: u64 = 50;

/// One client's profile.
#[derive(Clone, Debug)]
pub struct ClientProfile {
    /// Number of samples of each class.
    pub histogram: Vec<usize>,
    /// How many times slower than this machine its device is at training.
    pub device_factor: f64,
    /// The same at generating.
    pub generating_factor: f64,
    /// The same for getting a generator.
    pub setup_factor: f64,
    /// What connects it with the server, if the run has a network.
    pub link: Option<Link>,
}

/// What all clients hold and what work costs.
#[derive(Clone, Debug)]
pub struct Profile {
    /// One for each client.
    pub clients: Vec<ClientProfile>,
    /// Seconds on this device, measured or taken over.
    pub costs: RecordedCosts,
}

/// Counts labels, draws device speeds, times one thread of this device unless its times are `known`.
pub fn run(setup: &Setup, clients: &[Client], known: Option<RecordedCosts>) -> Outcome<Profile> {
    let images = Images::new(setup.train.clone(), &setup.train.normalisation());
    let given = &setup.config.costs;
    let links = links::of(setup)?;
    let profile = |client: &Client| {
        let draw = |factor: &Distribution, step| {
            factor.quantile(keyed(setup.seed, Purpose::DeviceSpeed, 0, u64::from(client.id), step).random())
        };
        let device_factor = draw(&given.device_factor, 0);
        let apart = |factor: &Option<Distribution>, step| factor.as_ref().map_or(device_factor, |own| draw(own, step));
        ClientProfile {
            histogram: client.histogram(&images),
            device_factor,
            generating_factor: apart(&given.generating_factor, 1),
            setup_factor: apart(&given.setup_factor, 2),
            link: links.as_ref().map(|links| links[client.id as usize]),
        }
    };
    // Rank 0 measures and the others wait, so that nothing disturbs it on its own machine.
    let costs = known.map_or_else(|| agreement::from_first(&setup.compute.ranks, || costs(setup)), Ok)?;
    Ok(Profile { clients: clients.iter().map(profile).collect(), costs })
}

fn costs(setup: &Setup) -> Outcome<RecordedCosts> {
    let given = &setup.config.costs;
    let seconds_per_sample = match given.seconds_per_sample {
        Some(seconds) => seconds,
        None => {
            let mut federation = setup.undisturbed(None)?;
            federation.local.batch = federation.local.batch.min(profile::PIECE);
            profile::seconds_per_sample(&federation, &federation.start(), MEASURING)?
        }
    };
    let (mut for_setup, mut per_image) = (0.0, 0.0);
    if let Some(generator) = setup.generator.as_deref() {
        // One image alone pays for what is done once; the rate of many is the price of an image.
        for_setup = match given.seconds_for_setup {
            Some(seconds) => seconds,
            None => time(setup, generator, 1)?,
        };
        per_image = match given.seconds_per_image {
            Some(seconds) => seconds,
            None => time(setup, generator, TIMED_IMAGES)? / TIMED_IMAGES as f64,
        };
    }
    Ok(RecordedCosts { seconds_per_sample, seconds_per_image: per_image, seconds_for_setup: for_setup })
}

/// Seconds for so many images on one thread.
fn time(setup: &Setup, generator: &dyn SampleSource, images: u64) -> Outcome<f64> {
    let requests: Vec<Request> = (0..images).map(|index| Request { label: 0, index }).collect();
    let compute = Compute { workers: 1, ..setup.compute.alone() };
    let started = Instant::now();
    generator.draw(&requests, setup.seed, &compute, &mut |_, _| ControlFlow::Continue(()))?;
    Ok(started.elapsed().as_secs_f64())
}
