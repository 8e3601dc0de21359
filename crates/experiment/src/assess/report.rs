//! What an assessment says, as text and as JSON.

use super::settings::Part;
use imfl_aigc::quality::{Manifold, Memorisation};
use imfl_aigc::{Sampling, Theta};
use serde_json::json;
use std::fmt;

/// Everything that was measured.
pub struct Report {
    /// The checkpoint, or the rule.
    pub generator: String,
    /// Name of the dataset.
    pub dataset: String,
    /// Which authentic images it was compared with.
    pub measured_on: Part,
    /// Generated images that were measured.
    pub images: usize,
    /// Keys all random numbers.
    pub seed: u64,
    /// How images were drawn, if by a checkpoint.
    pub sampling: Option<Sampling>,
    /// Frechet distance between features of generated and of reference images.
    pub fid: f64,
    /// The same between two halves of the reference images.
    pub fid_floor: f64,
    /// Kernel distance.
    pub kid: f64,
    /// Precision, recall, density, coverage.
    pub manifold: Manifold,
    /// Accuracy on reference images when trained on generated ones.
    pub tstr_accuracy: f64,
    /// The same when trained on authentic ones.
    pub trtr_accuracy: f64,
    /// Share of generated images that show their class.
    pub class_accuracy: f64,
    /// Copies, if the learnt images are at hand.
    pub memorisation: Option<Memorisation>,
    /// Distance of gradients.
    pub theta: Theta,
    /// Seconds for one image with all workers.
    pub seconds_per_image: f64,
}

impl Report {
    /// The contract's object; `memorised` and its neighbours are null where nothing could be searched.
    pub fn json(&self) -> serde_json::Value {
        json!({
            "schema": "imfl.assess/1",
            "generator": self.generator, "dataset": self.dataset, "measured_on": self.measured_on.name(), "images": self.images, "seed": self.seed,
            "sampling": self.sampling,
            "fid": self.fid, "fid_floor": self.fid_floor, "kid": self.kid,
            "precision": self.manifold.precision, "recall": self.manifold.recall,
            "density": self.manifold.density, "coverage": self.manifold.coverage,
            "tstr_accuracy": self.tstr_accuracy, "trtr_accuracy": self.trtr_accuracy,
            "class_accuracy": self.class_accuracy,
            "memorised": self.memorisation.map(|found| found.memorised),
            "memorised_by_chance": self.memorisation.map(|found| found.by_chance),
            "nearer_to_learnt": self.memorisation.map(|found| found.nearer_to_learnt),
            "theta": self.theta.theta, "theta_floor": self.theta.theta_floor,
            "g_data": self.theta.g_data, "g_diff": self.theta.g_diff,
            "seconds_per_image": self.seconds_per_image,
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        writeln!(
            f,
            "{} on {} ({} images), {} generated images",
            self.generator,
            self.dataset,
            self.measured_on.name(),
            self.images
        )?;
        writeln!(f, "  FID {:.4} (two authentic halves: {:.4}), KID {:.5}", self.fid, self.fid_floor, self.kid)?;
        let Manifold { precision, recall, density, coverage } = self.manifold;
        writeln!(f, "  precision {precision:.3}, recall {recall:.3}, density {density:.3}, coverage {coverage:.3}")?;
        writeln!(
            f,
            "  accuracy when trained on generated images {:.4}, on authentic ones {:.4}",
            self.tstr_accuracy, self.trtr_accuracy
        )?;
        writeln!(f, "  generated images that show their class: {:.4}", self.class_accuracy)?;
        match self.memorisation {
            Some(found) => writeln!(
                f,
                "  copies {:.4} (by chance {:.4}), nearer to learnt than to other images {:.3} (0.5 is none remembered)",
                found.memorised, found.by_chance, found.nearer_to_learnt
            )?,
            None => writeln!(f, "  copies: not measured")?,
        }
        writeln!(f, "  theta {:.4} (noise floor {:.4})", self.theta.theta, self.theta.theta_floor)?;
        write!(f, "  {:.4} s an image", self.seconds_per_image)
    }
}
