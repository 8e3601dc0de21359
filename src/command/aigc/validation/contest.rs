//! Who competes: given generators, one trained on the spot at several lengths, and corrupted ones.

use crate::command::aigc::assess::Assess;
use crate::failure::{Failure, Kind, Outcome};
use crate::pipeline::{self, Opened};
use crate::progress::{self, Bar};
use imfl_aigc::{Corruption, DenoiserConfig, Generator, SampleSource, Trainer, TrainingConfig};
use imfl_ranks::Ranks;
use std::ops::ControlFlow;
use std::sync::Arc;

/// Images of a step of training on the spot.
const BATCH: usize = 64;

/// One of those that are compared.
pub struct Contestant {
    /// What tables call it.
    pub name: String,
    /// Whose images it has.
    pub generator: usize,
    /// What is done to them.
    pub corruption: Option<Corruption>,
}

/// All that are compared.
pub struct Contest {
    /// Where images come from.
    pub generators: Vec<Arc<dyn SampleSource>>,
    /// Who has which of them.
    pub contestants: Vec<Contestant>,
}

impl Contest {
    /// Opens the given generators and trains the others.
    pub fn open(assess: &Assess) -> Outcome<Self> {
        let mut opened = Opened::new(assess.config(assess.seed)?, &Ranks::alone())?;
        let (mut generators, mut contestants): (Vec<Arc<dyn SampleSource>>, _) = (Vec::new(), Vec::new());
        let enter = |name: String, generator: usize| Contestant { name, generator, corruption: None };
        for given in &assess.generator {
            let generator = assess.sampler.open(given)?;
            generator.check_fits(&opened.benchmark.train)?;
            contestants.push(enter(given.clone(), generators.len()));
            generators.push(Arc::new(generator));
        }
        contestants.extend(assess.validation.corrupt.iter().map(|&corruption| Contestant {
            name: format!("{}, {corruption}", assess.generator[0]),
            generator: 0,
            corruption: Some(corruption),
        }));
        let mut lengths: Vec<u64> = assess.validation.lengths.iter().copied().filter(|steps| *steps > 0).collect();
        lengths.sort_unstable();
        lengths.dedup();
        for (steps, generator) in ladder(&mut opened, &lengths)? {
            contestants.push(enter(format!("{steps} steps"), generators.len()));
            generators.push(Arc::new(assess.sampler.apply(generator)?));
        }
        Ok(Self { generators, contestants })
    }

    /// What tables call the contestants.
    pub fn names(&self) -> Vec<String> {
        self.contestants.iter().map(|contestant| contestant.name.clone()).collect()
    }
}

/// One training, of which the averaged weights after each of these numbers of steps are kept.
fn ladder(opened: &mut Opened, lengths: &[u64]) -> Outcome<Vec<(u64, Generator)>> {
    let Some(&steps) = lengths.last() else { return Ok(Vec::new()) };
    let corpus = pipeline::corpus(&mut opened.benchmark, opened.seed)?;
    progress::note(format!("training a generator for {steps} steps on {} images that no client gets", corpus.len()));
    let training = TrainingConfig { steps, batch: BATCH, shards: 4, seed: opened.seed, ..TrainingConfig::default() };
    let mut trainer = Trainer::new(&corpus, &DenoiserConfig::small(corpus.shape, corpus.classes()), &training)?;
    let bar = Bar::new("training a generator", steps);
    let mut kept = Vec::new();
    trainer.run(&opened.compute.device, opened.compute.workers, |trainer, progress| {
        bar.set(progress.step);
        if lengths.contains(&progress.step) {
            kept.push((progress.step, trainer.finished()));
        }
        ControlFlow::Continue(())
    })?;
    let open = |(steps, checkpoint)| match Generator::of(checkpoint) {
        Ok(generator) => Ok((steps, generator)),
        Err(problem) => Err(Failure::new(Kind::Unexpected, problem)),
    };
    kept.into_iter().map(open).collect()
}
