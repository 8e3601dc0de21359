//! Replacing a share of every client's samples, by generated images or by authentic ones that nobody holds.

use super::world::Place;
use imfl_aigc::{Augmentation, Request};
use imfl_engine::client::{Client, Sample};
use imfl_engine::data::Dataset;
use imfl_engine::random::{ChaCha8Rng, Purpose, keyed};
use imfl_mechanism::Target;
use imfl_run::failure::{Failure, Kind, Outcome};
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Shares of each class that nobody holds: those that may replace a client's samples, and those that the target objective is measured on.
/// Slightly more may replace than clients hold, so that rounding to whole images does not use them up.
const RESERVE: f64 = 0.47;
const TARGET: f64 = 0.08;
/// What is drawn of [`Purpose::Experiment`] here, by its round.
const SPLIT: u64 = 2;
const REPLACE: u64 = 3;
/// Number of the first generated image; those before it were drawn for measuring.
const FIRST_IMAGE: u64 = 1 << 32;

/// Which classes new samples belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Aim {
    /// Those that the client misses, until its labels are the target's.
    Targeted,
    /// All alike.
    Uniform,
}

/// Where new samples come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// The generator.
    Generated,
    /// Authentic images that no client holds.
    Authentic,
}

/// Clients, and what may take the place of their samples.
pub struct Lot {
    /// The cell's first stages.
    pub place: Place,
    /// As many images of each class as the reserve has.
    pub generated: Arc<Dataset>,
    /// Clients without what was set aside.
    clients: Vec<Client>,
    /// By class.
    reserve: Vec<Vec<Sample>>,
    /// By class, numbers of generated images.
    made: Vec<Vec<Sample>>,
    /// By class.
    target: Vec<Vec<Sample>>,
    set_aside: BTreeSet<u32>,
}

impl Lot {
    /// Sets images of every class aside and generates as many.
    ///
    /// # Errors
    /// No generator, or a class with too few images.
    pub fn open(place: Place) -> Outcome<Self> {
        let setup = &place.setup;
        let Some(generator) = setup.generator.as_deref() else {
            return Err(Failure::new(Kind::Usage, "replacing samples needs a generator"));
        };
        let (mut reserve, mut target, mut set_aside) = (Vec::new(), Vec::new(), BTreeSet::new());
        for (class, mut members) in setup.train.by_class().into_iter().enumerate() {
            members.shuffle(&mut random(&place, SPLIT, class as u64));
            let part = |share: f64| (members.len() as f64 * share) as usize;
            let (spare, measured) = (part(RESERVE), part(TARGET));
            if spare == 0 || measured == 0 {
                let name = &setup.train.class_names[class];
                let problem = format!("class `{name}` has {} images, too few to set some aside", members.len());
                return Err(Failure::new(Kind::Data, problem));
            }
            set_aside.extend(&members[..spare + measured]);
            reserve.push(members[..spare].iter().copied().map(Sample::Authentic).collect::<Vec<_>>());
            target.push(members[spare..spare + measured].iter().copied().map(Sample::Authentic).collect());
        }
        let sizes: Vec<usize> = reserve.iter().map(Vec::len).collect();
        let requests = Request::of_counts(&sizes, FIRST_IMAGE);
        let drawn = setup.draw(generator, &requests, "generating a reserve")?;
        let made = drawn.by_class().into_iter().map(|class| class.into_iter().map(Sample::Generated).collect());
        let made = made.collect();
        let held = |client: &Client| {
            let kept = client.samples.iter().filter(|sample| !is_in(&set_aside, **sample)).copied();
            Client { id: client.id, samples: kept.collect() }
        };
        let clients = place.clients.iter().map(held).filter(|client| !client.samples.is_empty()).collect();
        Ok(Self { generated: drawn, clients, reserve, made, target, set_aside, place })
    }

    /// The clients after a share of each one's samples gave way. Each keeps its number of samples.
    ///
    /// Targeted: first surplus samples give way to missing classes, as in augmented mode; once the labels are the target's, samples give
    /// way to others of their own class. Uniform: any samples give way, to all classes alike. If more of a class are wanted than there are,
    /// some are given out twice.
    ///
    /// # Errors
    /// A share that is none.
    pub fn replace(&self, share: f64, aim: Aim, origin: Origin) -> Outcome<Vec<Client>> {
        if !(0.0..=1.0).contains(&share) {
            return Err(Failure::new(Kind::Config, format!("`grid.shares` has {share}; a share lies in [0, 1]")));
        }
        let pools = match origin {
            Origin::Generated => &self.made,
            Origin::Authentic => &self.reserve,
        };
        let mut taken = vec![0; pools.len()];
        let mut next = |class: u16| {
            let (pool, taken) = (&pools[usize::from(class)], &mut taken[usize::from(class)]);
            *taken += 1;
            pool[(*taken - 1) % pool.len()]
        };
        let replaced = |client: &Client| {
            let (gone, labels) = self.exchange(client, share, aim)?;
            let kept = (0..client.samples.len()).filter(|place| !gone.contains(&(*place as u32)));
            let mut samples: Vec<Sample> = kept.map(|place| client.samples[place]).collect();
            samples.extend(labels.into_iter().map(&mut next));
            Ok(Client { id: client.id, samples })
        };
        self.clients.iter().map(replaced).collect()
    }

    /// Places of the samples that give way, and the classes of those that come.
    fn exchange(&self, client: &Client, share: f64, aim: Aim) -> Outcome<(BTreeSet<u32>, Vec<u16>)> {
        let setup = &self.place.setup;
        let count = (client.samples.len() as f64 * share).round() as usize;
        let mut random = random(&self.place, REPLACE, u64::from(client.id));
        let labels: Vec<u16> = client.samples.iter().map(|&sample| self.label(sample)).collect();
        let mut places: Vec<u32> = (0..labels.len() as u32).collect();
        if aim == Aim::Uniform {
            places.shuffle(&mut random);
            let classes = setup.train.classes() as u16;
            let comes = (0..count).map(|index| (index as u16).wrapping_add(client.id as u16) % classes);
            return Ok((places.into_iter().take(count).collect(), comes.collect()));
        }
        let target = self.place.market.population().target().map(Target::shares).unwrap_or_default();
        let plan = Augmentation::plan(&labels, &target, setup.seed, u64::from(client.id))?;
        let mut surplus = plan.removed.clone();
        let mut missing: Vec<u16> =
            plan.generated.iter().enumerate().flat_map(|(class, &n)| std::iter::repeat_n(class as u16, n)).collect();
        surplus.shuffle(&mut random);
        missing.shuffle(&mut random);
        let mut others = plan.kept(labels.len());
        others.shuffle(&mut random);
        // In these pairs the label changes, in those behind it stays.
        let moves = surplus.into_iter().zip(missing);
        let swaps = others.into_iter().map(|place| (place, labels[place as usize]));
        Ok(moves.chain(swaps).take(count).unzip())
    }

    /// Authentic images of each class that nobody holds and nothing replaces.
    pub fn target_sets(&self, images_per_class: usize) -> Vec<Vec<Sample>> {
        self.target.iter().map(|class| class.iter().copied().take(images_per_class).collect()).collect()
    }

    /// Whether a sample is none that a client came with.
    pub fn is_new(&self, sample: Sample) -> bool {
        is_in(&self.set_aside, sample)
    }

    fn label(&self, sample: Sample) -> u16 {
        match sample {
            Sample::Authentic(index) => self.place.setup.train.labels()[index as usize],
            Sample::Generated(index) => self.generated.labels()[index as usize],
        }
    }
}

/// Whether a sample is generated or of these authentic images.
fn is_in(set_aside: &BTreeSet<u32>, sample: Sample) -> bool {
    match sample {
        Sample::Authentic(index) => set_aside.contains(&index),
        Sample::Generated(_) => true,
    }
}

fn random(place: &Place, what: u64, of: u64) -> ChaCha8Rng {
    keyed(place.setup.seed, Purpose::Experiment, what, of, 0)
}
