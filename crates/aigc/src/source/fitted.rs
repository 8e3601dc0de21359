//! Samples of simple rules that are fitted in a moment: what a diffusion model has to be better than.

use super::{Misfit, Observe, Provenance, Request, SampleError, SampleSource};
use imfl_engine::data::{Dataset, ImageShape, Kind, Normalisation, Samples, Scale};
use imfl_engine::device::Compute;
use imfl_engine::random::{ChaCha8Rng, Purpose, keyed};
use imfl_engine::worker;
use rand::RngExt;
use rand_distr::StandardNormal;
use std::sync::Arc;

/// Nearest neighbours that SMOTE chooses from (Chawla et al. 2002, section 4.2).
const NEIGHBOURS: usize = 5;

/// How a sample of a class is made of those that were learnt from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// Normal, with the mean and covariance of the class.
    Gaussian,
    /// Between two of the class (Zhang et al. 2018, arXiv 1710.09412, with both of one class).
    Mixup,
    /// Between one of the class and one of its five nearest neighbours there (Chawla et al. 2002, arXiv 1106.1813).
    Smote,
    /// Texts word by word, each drawn by the two before it ([`super::Ngram`]).
    Ngram,
}

impl Fit {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Gaussian, Self::Mixup, Self::Smote, Self::Ngram];

    /// The name by which a command line calls it.
    pub fn name(self) -> &'static str {
        ["gaussian", "mixup", "smote", "ngram"][self as usize]
    }

    /// Checks that it can learn from samples.
    ///
    /// # Errors
    /// [`Misfit`] that says what to take instead, or names a class with fewer than two samples.
    pub fn check(self, learnt: &Dataset) -> Result<(), Misfit> {
        let (name, plural) = (&learnt.name, learnt.kind.plural());
        match (self, matches!(learnt.kind.as_ref(), Kind::Text(_))) {
            (Self::Ngram, false) => {
                Err(Misfit(format!("ngram draws texts, and {name} has {plural}; take gaussian, mixup or smote")))
            }
            (Self::Gaussian | Self::Mixup | Self::Smote, true) => {
                let own = self.name();
                Err(Misfit(format!(
                    "{own} draws from numbers, and {name} has {plural}; take ngram, which is what auto takes"
                )))
            }
            _ => match learnt.histogram().iter().position(|&count| count < 2) {
                Some(class) => {
                    let class = &learnt.class_names[class];
                    Err(Misfit(format!("{name} has fewer than two {plural} of class {class:?}")))
                }
                None => Ok(()),
            },
        }
    }
}

/// What draws the values of a sample from those of members of its class.
type Rule = fn(&Fitted, &[u32], &mut ChaCha8Rng) -> Vec<f32>;

/// A rule, and the samples that it was fitted to.
#[derive(Clone, Debug)]
pub struct Fitted {
    fit: Fit,
    rule: Rule,
    learnt: Arc<Dataset>,
    normalisation: Normalisation,
    /// What a model gets of every sample, one after the other.
    values: Vec<f32>,
    of_class: Vec<Vec<u32>>,
    provenance: Provenance,
}

impl Fitted {
    /// Fits a rule to samples.
    ///
    /// # Errors
    /// [`Misfit`] if a class has fewer than two of them, or they are texts.
    pub fn new(fit: Fit, learnt: Arc<Dataset>) -> Result<Self, Misfit> {
        fit.check(&learnt)?;
        let rule: Rule = match fit {
            Fit::Gaussian => Self::normal,
            Fit::Mixup => Self::between_any,
            Fit::Smote => Self::towards_a_neighbour,
            Fit::Ngram => return Err(Misfit("ngram draws words, not numbers: it is fitted by Fit::to".into())),
        };
        let of_class = learnt.by_class();
        let normalisation = learnt.normalisation();
        let scale = Scale::from(&normalisation);
        let mut values = Vec::with_capacity(learnt.len() * learnt.shape.size());
        (0..learnt.len()).for_each(|index| learnt.extend(&mut values, index, &scale));
        let provenance = Provenance::of_rule(fit.name(), &learnt);
        Ok(Self { fit, rule, learnt, normalisation, values, of_class, provenance })
    }

    fn row(&self, index: u32) -> &[f32] {
        let size = self.learnt.shape.size();
        &self.values[index as usize * size..][..size]
    }

    fn one(&self, request: &Request, seed: u64) -> Vec<u8> {
        let random = &mut keyed(seed, Purpose::Latent, 1 + self.fit as u64, u64::from(request.label), request.index);
        let members = &self.of_class[usize::from(request.label)];
        let values = (self.rule)(self, members, random);
        self.learnt.kind.nearest(&values, self.learnt.shape, &self.normalisation)
    }

    /// `mean + X' z / sqrt(n - 1)` with the centred samples X of a class and normal z: its covariance is that of the samples, all principal
    /// components of it, without computing them.
    fn normal(&self, members: &[u32], random: &mut ChaCha8Rng) -> Vec<f32> {
        let size = self.learnt.shape.size();
        let (mut mean, mut sum, mut total) = (vec![0f64; size], vec![0f64; size], 0f64);
        for &member in members {
            let z: f64 = random.sample(StandardNormal);
            total += z;
            for ((mean, sum), &value) in mean.iter_mut().zip(&mut sum).zip(self.row(member)) {
                *mean += f64::from(value);
                *sum += z * f64::from(value);
            }
        }
        let (count, root) = (members.len() as f64, (members.len() as f64 - 1.0).sqrt());
        let value = |(mean, sum): (f64, f64)| (mean / count + (sum - total * mean / count) / root) as f32;
        mean.into_iter().zip(sum).map(value).collect()
    }

    fn between_any(&self, members: &[u32], random: &mut ChaCha8Rng) -> Vec<f32> {
        let (a, b) = (any(members, random), any(members, random));
        self.between(a, b, random)
    }

    fn towards_a_neighbour(&self, members: &[u32], random: &mut ChaCha8Rng) -> Vec<f32> {
        let a = any(members, random);
        let b = any(&self.nearest(a, members), random);
        self.between(a, b, random)
    }

    fn between(&self, a: u32, b: u32, random: &mut ChaCha8Rng) -> Vec<f32> {
        let share: f32 = random.random();
        self.row(a).iter().zip(self.row(b)).map(|(a, b)| a + share * (b - a)).collect()
    }

    /// The nearest of a class, without the sample itself.
    fn nearest(&self, own: u32, members: &[u32]) -> Vec<u32> {
        let distance =
            |other: u32| self.row(own).iter().zip(self.row(other)).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>();
        let others = members.iter().filter(|&&other| other != own);
        let mut others: Vec<(f64, u32)> = others.map(|&other| (distance(other), other)).collect();
        others.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        others.into_iter().take(NEIGHBOURS).map(|(_, other)| other).collect()
    }
}

/// One of several; there is one, since every class has at least two members.
fn any(members: &[u32], random: &mut ChaCha8Rng) -> u32 {
    members[random.random_range(0..members.len())]
}

impl SampleSource for Fitted {
    fn provenance(&self) -> &Provenance {
        &self.provenance
    }

    fn shape(&self) -> ImageShape {
        self.learnt.shape
    }

    fn kind(&self) -> &Kind {
        &self.learnt.kind
    }

    fn class_names(&self) -> &[String] {
        &self.learnt.class_names
    }

    fn refitted(&self, learnt: &Arc<Dataset>) -> Option<Arc<dyn SampleSource>> {
        self.fit.to(learnt.clone()).ok()
    }

    fn draw_part(
        &self,
        requests: &[Request],
        seed: u64,
        compute: &Compute,
        observe: Observe,
    ) -> Result<Dataset, SampleError> {
        let bytes = worker::map(compute.workers, requests.len(), |place| self.one(&requests[place], seed)).concat();
        if observe(requests.len(), requests.len()).is_break() {
            return Err(SampleError::Stopped);
        }
        Ok(self.learnt.like(self.provenance.name.clone(), bytes, Request::labels(requests))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ops::ControlFlow;

    /// Grey images of two pixels: class 0 along a line, class 1 around two far places.
    fn pairs() -> Arc<Dataset> {
        let shape = ImageShape { channels: 1, height: 1, width: 2 };
        let line = (0..40u8).flat_map(|at| [60 + 2 * at, 80 + at]);
        let places = (0..40u8).flat_map(|at| if at % 2 == 0 { [10 + at / 8, 200] } else { [240, 20 + at / 8] });
        let names = vec!["line".to_string(), "places".into()];
        let labels = (0..80).map(|at| u16::from(at >= 40)).collect();
        Arc::new(Dataset::new("pairs", shape, names, line.chain(places).collect(), labels).unwrap())
    }

    fn draw(fit: Fit, counts: &[usize], workers: usize) -> Dataset {
        let source = Fitted::new(fit, pairs()).unwrap();
        let compute = Compute { workers, ..Compute::cpu() };
        source.draw(&Request::of_counts(counts, 3), 5, &compute, &mut |_, _| ControlFlow::Continue(())).unwrap()
    }

    #[test]
    fn a_sample_depends_on_its_request_alone() {
        for fit in [Fit::Gaussian, Fit::Mixup, Fit::Smote] {
            let all = draw(fit, &[4, 3], 2);
            assert_eq!(all, draw(fit, &[4, 3], 1), "{}", fit.name());
            assert_eq!(all.image(1), draw(fit, &[2, 0], 1).image(1));
            assert_ne!(all.image(0), all.image(1));
        }
    }

    #[test]
    fn the_normal_has_the_moments_of_its_class() {
        let drawn = draw(Fit::Gaussian, &[4000, 0], 2);
        let mean =
            |of: &dyn Fn(&[u8]) -> f64| (0..drawn.len()).map(|index| of(drawn.image(index))).sum::<f64>() / 4000.0;
        let (first, second) = (mean(&|image| f64::from(image[0])), mean(&|image| f64::from(image[1])));
        assert!((first - 99.0).abs() < 1.5 && (second - 99.5).abs() < 1.0, "{first} {second}");
        let together = mean(&|image| (f64::from(image[0]) - first) * (f64::from(image[1]) - second));
        // 2 * (40^2 - 1) / 12 * 40 / 39 on a line
        assert!((together / 273.3 - 1.0).abs() < 0.1, "{together}");
    }

    #[test]
    fn smote_stays_near_a_sample_and_mixup_does_not() {
        let far = |fit| {
            let drawn = draw(fit, &[0, 200], 1);
            (0..200).filter(|&index| (30..220).contains(&drawn.image(index)[0])).count()
        };
        assert_eq!(far(Fit::Smote), 0);
        assert!(far(Fit::Mixup) > 50);
    }

    #[test]
    fn a_class_of_one_is_named() {
        let error = Fitted::new(Fit::Smote, Arc::new(pairs().select(&[0, 50, 51]))).unwrap_err().to_string();
        assert!(error.contains("\"line\""), "{error}");
    }
}
