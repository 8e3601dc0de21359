//! Several sources on one dataset, to be compared: what each may learn from, and what is left for clients.

use super::setup::Opened;
use super::source::{open, parts, servers, untested};
use crate::assets;
use crate::config::GeneratorSource;
use crate::failure::{Failure, Kind, Outcome};
use crate::limits;
use imfl_aigc::{Fingerprints, Folder, Generator, SampleSource};
use imfl_engine::data::Dataset;
use std::sync::Arc;

/// The name of a source that hands out authentic samples which nobody else holds: what a generator could be at best.
pub const ORACLE: &str = "oracle";

/// Share of the training samples that it has: one in so many.
const ORACLE_SHARE: usize = 4;

/// Changes how a generator draws, or refuses.
pub type Sampled<'a> = &'a dyn Fn(Generator) -> Outcome<Generator>;

impl Opened {
    /// Opens the sources of these names (what `--generator` takes, and [`ORACLE`]) on this dataset; with `validation` on what is left after a part of the
    /// training samples has taken the place of the test.
    ///
    /// Where the dataset brings no corpus, training samples that a checkpoint learnt from stand for it, or else the part that a run's server holds: rules
    /// are fitted to the same.
    ///
    /// # Errors
    /// A failure that names the source that does not fit.
    pub fn sources(
        &mut self,
        names: &[String],
        validation: bool,
        sampled: Sampled,
    ) -> Outcome<Vec<Arc<dyn SampleSource>>> {
        let mut found: Vec<Option<Arc<dyn SampleSource>>> = vec![None; names.len()];
        for (name, found) in names.iter().zip(&mut found) {
            if let (false, GeneratorSource::File(_)) = (name == ORACLE, GeneratorSource::from(name.clone())) {
                let generator =
                    sampled(Generator::open(&assets::generator(name)?)?.in_words_of(&parts(&self.benchmark)))?;
                generator.check_fits(&self.benchmark.train)?;
                *found = Some(Arc::new(generator));
            }
        }
        self.keep_from_clients(found.iter().flatten());
        let learns = |name: &String| {
            matches!(name.clone().into(), GeneratorSource::Auto | GeneratorSource::Train | GeneratorSource::Fitted(_))
        };
        if self.benchmark.corpus.is_none() && names.iter().any(learns) {
            let (part, rest) = servers(&self.benchmark.train);
            (self.benchmark.corpus, self.benchmark.train) = (Some(part), rest);
        }
        if validation {
            self.hold_out_validation()?;
        }
        for (name, found) in names.iter().zip(&mut found) {
            if found.is_none() {
                *found = Some(if name == ORACLE { self.oracle()? } else { self.source(name)? });
            }
        }
        Ok(found.into_iter().flatten().collect())
    }

    /// Takes out of the training samples what generators learnt from, for clients as for a validation part; it stands for the corpus where there is none.
    pub fn keep_from_clients<'a>(&mut self, generators: impl Iterator<Item = &'a Arc<dyn SampleSource>>) {
        let learnt = generators.flat_map(|source| source.provenance().fingerprints.values().to_vec()).collect();
        let learnt = Fingerprints::from_values(learnt);
        let train = &self.benchmark.train;
        let is_known = |index: &u32| learnt.contains(train.image(*index as usize));
        let (known, rest): (Vec<u32>, Vec<u32>) = (0..train.len() as u32).partition(is_known);
        if known.is_empty() {
            return;
        }
        if self.benchmark.corpus.is_none() {
            self.benchmark.corpus = Some(train.select(&known));
        }
        self.benchmark.train = train.select(&rest);
    }

    fn source(&mut self, name: &str) -> Outcome<Arc<dyn SampleSource>> {
        let mut config = self.config.clone();
        config.generator.source = name.to_string().into();
        let Self { benchmark, compute, seed, progress, .. } = self;
        match open(&config, benchmark, compute, *seed, progress)? {
            Some((source, _)) => Ok(source),
            None => Err(Failure::new(Kind::Usage, "--generator none draws nothing that could be measured")),
        }
    }

    fn oracle(&mut self) -> Outcome<Arc<dyn SampleSource>> {
        let train = &self.benchmark.train;
        let parts = train.split_balanced(&[train.len() / ORACLE_SHARE], self.seed);
        let [part, rest] = <[Dataset; 2]>::try_from(parts).expect("one size makes two parts");
        limits::enough_for_gradients(&rest)?;
        let source = Folder::new(&untested(&part, &self.benchmark.test), &train.class_names, &[])?;
        self.benchmark.train = rest;
        Ok(Arc::new(source))
    }
}
