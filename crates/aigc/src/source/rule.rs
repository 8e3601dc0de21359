//! From the name of a rule to the source that it makes of samples.

use super::fitted::{Fit, Fitted};
use super::ngram::Ngram;
use super::{Misfit, SampleSource};
use imfl_engine::data::{Dataset, Kind};
use std::sync::Arc;

impl Fit {
    /// What `auto` means for a kind of samples that the project trains no diffusion model of.
    pub fn suited(kind: &Kind) -> Self {
        match kind {
            Kind::Text(_) => Self::Ngram,
            _ => Self::Gaussian,
        }
    }

    /// Fits the rule to samples.
    ///
    /// # Errors
    /// [`Misfit`] if it is made for another kind, or a class has fewer than two samples.
    pub fn to(self, learnt: Arc<Dataset>) -> Result<Arc<dyn SampleSource>, Misfit> {
        Ok(match self {
            Self::Ngram => Arc::new(Ngram::new(learnt)?),
            Self::Gaussian | Self::Mixup | Self::Smote => Arc::new(Fitted::new(self, learnt)?),
        })
    }
}
