//! Where generated samples come from.

mod fitted;
mod folder;
mod ngram;
mod program;
mod rule;

pub use fitted::{Fit, Fitted};
pub use folder::Folder;
pub use ngram::Ngram;
pub use program::Program;

use crate::fingerprint::Fingerprints;
use imfl_engine::data::{DataError, Dataset, ImageShape, Kind};
use imfl_engine::device::Compute;
use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

/// One sample to draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// Its class.
    pub label: u16,
    /// Which of all samples of a seed: what is random about it belongs to (seed, index), whatever else is drawn with it.
    pub index: u64,
}

impl Request {
    /// Asks for `counts[class]` samples of each class, numbered from `first`.
    ///
    /// ```
    /// use imfl_aigc::Request;
    ///
    /// let requests = Request::of_counts(&[1, 0, 2], 100);
    /// assert_eq!(requests.iter().map(|request| request.label).collect::<Vec<_>>(), [0, 2, 2]);
    /// assert_eq!(requests[2].index, 102);
    /// ```
    pub fn of_counts(counts: &[usize], first: u64) -> Vec<Self> {
        let labels = counts.iter().enumerate().flat_map(|(label, &count)| std::iter::repeat_n(label as u16, count));
        labels.zip(first..).map(|(label, index)| Self { label, index }).collect()
    }

    /// Asks for the next `counts[class]` samples of each class after the first `before[class]`. Sample n of a class has the same number whatever
    /// else is asked for, so that who draws it later, or elsewhere, draws the same.
    ///
    /// ```
    /// use imfl_aigc::Request;
    ///
    /// let first = Request::of_classes(&[2, 1], &[0, 0]);
    /// let next = Request::of_classes(&[1, 1], &[2, 1]);
    /// assert_eq!([first, next].concat().iter().map(|request| request.index).collect::<Vec<_>>(), [0, 2, 1, 4, 3]);
    /// ```
    pub fn of_classes(counts: &[usize], before: &[u64]) -> Vec<Self> {
        let classes = counts.len() as u64;
        let of_class = |(label, (&count, &before)): (u64, (&usize, &u64))| {
            (before..before + count as u64)
                .map(move |place| Self { label: label as u16, index: place * classes + label })
        };
        (0..).zip(counts.iter().zip(before)).flat_map(of_class).collect()
    }

    /// Which of its class's samples it is, counted from 0, if it is one of [`Self::of_classes`].
    pub fn place(&self, classes: usize) -> u64 {
        self.index / classes.max(1) as u64
    }

    /// The class of each.
    pub(crate) fn labels(requests: &[Self]) -> Vec<u16> {
        requests.iter().map(|request| request.label).collect()
    }
}

/// Numbers the samples of each class in the order in which clients ask for them, as if one process drew all of them.
///
/// ```
/// use imfl_aigc::Numbering;
///
/// let mut numbering = Numbering::new(2);
/// assert_eq!(numbering.next(&[2, 1]), [0, 0]);
/// assert_eq!(numbering.next(&[]), [2, 1], "a client that asks for nothing");
/// assert_eq!(numbering.next(&[1, 1]), [2, 1]);
/// ```
#[derive(Clone, Debug)]
pub struct Numbering(Vec<u64>);

impl Numbering {
    /// From the first sample of each of so many classes.
    pub fn new(classes: usize) -> Self {
        Self(vec![0; classes])
    }

    /// Hands out the next `counts[class]` of each class: how many of it were handed out before, which [`Request::of_classes`] wants.
    pub fn next(&mut self, counts: &[usize]) -> Vec<u64> {
        let before = self.0.clone();
        self.0.iter_mut().zip(counts).for_each(|(next, count)| *next += *count as u64);
        before
    }
}

/// Checks that something is asked for, and of classes that there are.
pub fn check(requests: &[Request], classes: usize) -> Result<(), SampleError> {
    if requests.is_empty() {
        return Err(SampleError::Nothing);
    }
    match requests.iter().find(|request| usize::from(request.label) >= classes) {
        Some(&Request { label, .. }) => Err(SampleError::Class { label, classes }),
        None => Ok(()),
    }
}

/// Where a source's samples come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provenance {
    /// What messages call the source.
    pub name: String,
    /// Name of the dataset that it learnt from.
    pub learnt_from: String,
    /// The samples that it learnt from: no client may hold them, and no test.
    pub fingerprints: Fingerprints,
    /// SHA-256 of the file that it was read from, if there is one.
    pub sha256: Option<String>,
}

impl Provenance {
    /// Of a rule, called so, that is fitted to these samples.
    fn of_rule(rule: &str, learnt: &Dataset) -> Self {
        Self {
            name: format!("{rule} of {}", learnt.name),
            learnt_from: learnt.name.clone(),
            fingerprints: Fingerprints::of(learnt),
            sha256: None,
        }
    }
}

/// Why a source cannot stand in for a dataset's samples: a sentence that names both and what differs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Misfit(pub String);

/// Why samples cannot be drawn.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SampleError {
    /// Nothing was asked for.
    #[error("zero images were asked for; ask for at least one")]
    Nothing,
    /// A class that the source does not know.
    #[error("class {label} was asked for, but the generator knows {classes} classes, 0 to {}", classes - 1)]
    Class {
        /// The class asked for.
        label: u16,
        /// Number of classes.
        classes: usize,
    },
    /// The observer said stop.
    #[error("stopped before all images were drawn")]
    Stopped,
    /// The network's output is not a number.
    #[error("image {index} came out as NaN; the checkpoint or the sampler's settings are at fault")]
    NotFinite {
        /// Index of the request.
        index: u64,
    },
    /// A source of somebody's own has failed.
    #[error("{0}")]
    Failed(String),
}

impl From<DataError> for SampleError {
    fn from(error: DataError) -> Self {
        Self::Failed(error.to_string())
    }
}

/// Hears how many samples of how many are done, and may stop there.
pub type Observe<'a> = &'a mut dyn FnMut(usize, usize) -> ControlFlow<()>;

/// Somewhere that samples of every class come from: a diffusion model ([`crate::Generator`]), or one's own.
///
/// Whoever brings one writes `provenance`, `shape`, `class_names` and `draw_part`; whoever wants samples calls `draw` and `check_fits`.
/// Samples drawn elsewhere come as a [`Folder`], those of a program as a [`Program`].
pub trait SampleSource: fmt::Debug + Send + Sync {
    /// Where its samples come from.
    fn provenance(&self) -> &Provenance;

    /// The shape of its samples.
    fn shape(&self) -> ImageShape;

    /// What its samples are.
    fn kind(&self) -> &Kind {
        &Kind::Images
    }

    /// What its classes are called.
    fn class_names(&self) -> &[String];

    /// How many samples of each class there are, where that is bounded; asked for more, a source gives the same ones again.
    fn stock(&self) -> Option<&[usize]> {
        None
    }

    /// The same source as it would be had it learnt from other samples, where finding out takes but a moment.
    fn refitted(&self, _learnt: &Arc<Dataset>) -> Option<Arc<dyn SampleSource>> {
        None
    }

    /// Draws a sample for each request, in their order; there may be none. A sample depends on nothing but the source, the seed and its
    /// request: neither on what is drawn with it nor on device or workers.
    ///
    /// # Errors
    /// [`SampleError`]; nothing is returned of a stopped or failed run.
    fn draw_part(
        &self,
        requests: &[Request],
        seed: u64,
        compute: &Compute,
        observe: Observe,
    ) -> Result<Dataset, SampleError>;

    /// Draws what was asked for: each rank of `compute` draws a part, which `observe` hears of, and all get everything.
    ///
    /// # Errors
    /// [`SampleError`], also for no request, a class that there is not, and a source that drew something else.
    fn draw(
        &self,
        requests: &[Request],
        seed: u64,
        compute: &Compute,
        observe: Observe,
    ) -> Result<Dataset, SampleError> {
        check(requests, self.class_names().len())?;
        let own = &requests[compute.ranks.part(requests.len())];
        let drawn = self.draw_part(own, seed, compute, observe)?;
        if (drawn.kind.as_ref(), drawn.shape, drawn.labels()) != (self.kind(), self.shape(), &Request::labels(own)[..])
        {
            let name = &self.provenance().name;
            return Err(SampleError::Failed(format!("the {name} drew other samples than it was asked for")));
        }
        if !compute.ranks.are_several() {
            return Ok(drawn);
        }
        let bytes: Vec<u8> = (0..drawn.len()).flat_map(|index| drawn.image(index)).copied().collect();
        let bytes = compute.ranks.gather(&bytes).concat();
        Ok(drawn.like(drawn.name.clone(), bytes, Request::labels(requests))?)
    }

    /// Checks that its samples can stand in for a dataset's.
    ///
    /// # Errors
    /// [`Misfit`] that says what differs.
    fn check_fits(&self, data: &Dataset) -> Result<(), Misfit> {
        let Provenance { name, learnt_from, .. } = self.provenance();
        if self.kind().plural() != data.kind.plural() {
            let (own, other) = (self.kind().plural(), data.kind.plural());
            return Err(Misfit(format!("the {name} draws {own}, but {} has {other}", data.name)));
        }
        if let (Kind::Table(own), Kind::Table(other)) = (self.kind(), data.kind.as_ref())
            && own.names() != other.names()
        {
            let [own, other] = [own, other].map(|columns| columns.names().join(", "));
            return Err(Misfit(format!(
                "the {name} draws rows with the columns {own} (learnt from {learnt_from}), but {} has {other}",
                data.name
            )));
        }
        if self.shape() != data.shape {
            let plural = data.kind.plural();
            return Err(Misfit(format!(
                "the {name} draws {} {plural} of {learnt_from}, but {} has {plural} of {}",
                self.shape(),
                data.name,
                data.shape
            )));
        }
        if self.kind() != data.kind.as_ref() {
            let plural = data.kind.plural();
            return Err(Misfit(format!(
                "the {name} draws {plural} that were read in another way than those of {}",
                data.name
            )));
        }
        if self.class_names() != data.class_names {
            return Err(Misfit(format!(
                "the {name}'s classes ({}, learnt from {learnt_from}) are not those of {} ({})",
                self.class_names().join(", "),
                data.name,
                data.class_names.join(", ")
            )));
        }
        Ok(())
    }
}
