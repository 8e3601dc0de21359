//! Who competes: given generators, one trained on the spot at several lengths, and corrupted ones.

use super::settings::Settings;
use imfl_aigc::{Corruption, DenoiserConfig, Generator, SampleSource, Trainer, TrainingConfig};
use imfl_engine::data;
use imfl_run::failure::{Failure, Kind, Outcome};
use imfl_run::host::Host;
use imfl_run::pipeline::{self, Opened};
use std::ops::ControlFlow;
use std::sync::Arc;

/// After how many steps a generator that is trained on the spot competes, unless somebody says otherwise.
pub const LENGTHS: [u64; 5] = [100, 250, 500, 1000, 2000];
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
pub struct Contestants {
    /// Where images come from.
    pub generators: Vec<Arc<dyn SampleSource>>,
    /// Who has which of them.
    pub all: Vec<Contestant>,
}

impl Contestants {
    /// Opens the given generators and trains the others.
    pub fn open(settings: &Settings, host: &Host) -> Outcome<Self> {
        let mut opened = Opened::new(settings.assess.config(settings.assess.seed)?, host)?;
        let (mut generators, mut contestants): (Vec<Arc<dyn SampleSource>>, _) = (Vec::new(), Vec::new());
        let enter = |name: String, generator: usize| Contestant { name, generator, corruption: None };
        let kind = opened.benchmark.train.kind.clone();
        for corruption in &settings.corrupt {
            corruption.check(&kind).map_err(|error| Failure::new(Kind::Usage, error))?;
        }
        let sampled = |generator: Generator| settings.assess.sampled(generator);
        generators.extend(opened.sources(&settings.generators, false, &sampled)?);
        contestants.extend(settings.generators.iter().cloned().zip(0..).map(|(name, index)| enter(name, index)));
        contestants.extend(settings.corrupt.iter().map(|&corruption| Contestant {
            name: format!("{}, {corruption}", settings.generators[0]),
            generator: 0,
            corruption: Some(corruption),
        }));
        let usual = if matches!(*kind, data::Kind::Text(_)) { &[][..] } else { &LENGTHS };
        let asked = settings.lengths.as_deref().unwrap_or(usual);
        let mut lengths: Vec<u64> = asked.iter().copied().filter(|steps| *steps > 0).collect();
        lengths.sort_unstable();
        lengths.dedup();
        for (steps, generator) in ladder(&mut opened, &lengths)? {
            contestants.push(enter(format!("{steps} steps"), generators.len()));
            generators.push(Arc::new(settings.assess.sampled(generator)?));
        }
        Ok(Self { generators, all: contestants })
    }

    /// What tables call the contestants.
    pub fn names(&self) -> Vec<String> {
        self.all.iter().map(|contestant| contestant.name.clone()).collect()
    }
}

/// One training, of which the averaged weights after each of these numbers of steps are kept.
fn ladder(opened: &mut Opened, lengths: &[u64]) -> Outcome<Vec<(u64, Generator)>> {
    let Some(&steps) = lengths.last() else { return Ok(Vec::new()) };
    let corpus = pipeline::corpus(&mut opened.benchmark, opened.seed)?;
    opened.progress.note(format!(
        "training a generator for {steps} steps on {} {} that no client gets",
        corpus.len(),
        corpus.kind.plural()
    ));
    let training = TrainingConfig { steps, batch: BATCH, shards: 4, seed: opened.seed, ..TrainingConfig::default() };
    let mut trainer = Trainer::new(&corpus, &DenoiserConfig::suited(&corpus), &training)?;
    let bar = opened.progress.task("training a generator", steps);
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
