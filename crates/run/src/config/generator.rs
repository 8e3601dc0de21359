//! Where generated images come from, and how what they are worth is measured.

use crate::setting::{Value, Wrong, settings};
use imfl_aigc::Fit;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::PathBuf;

settings! {
    /// Where generated images come from.
    GeneratorConfig {
        /// Where generated samples come from; auto takes the shipped generator if it learnt from images like these, else trains one on the
        /// spot (of tables: gaussian, of texts: ngram); gaussian, mixup, smote and ngram are fitted to the server's samples; a folder has samples drawn elsewhere, images and sounds in one folder for each class, others in a CSV file; a command is called with class, count, seed and folder.
        source: GeneratorSource = GeneratorSource::Auto, flag "generator";
        /// Steps of the sampler: denoiser evaluations for an image, with guidance a second where it acts.
        evaluations: Option<usize> = None, absent "the generator's own";
        /// Optimizer steps of a generator that is trained on the spot.
        train_steps: u64 = 400;
        /// Dataset that a folder's or command's generator learnt from: no client gets an image of it, and no test image may be in it.
        learnt: Option<String> = None, absent "unknown", flag "learnt";
        /// Seconds that one call of a command may take.
        limit_seconds: f64 = 600.0;
    }
}

settings! {
    /// How quality and the constants of the bound are measured.
    ProbeConfig {
        /// Points of the authentic-only trajectory where gradients are taken, a round apart.
        points: Option<usize> = None, absent "2; 3 where the bound is the objective";
        /// Images of a class whose gradients are averaged, in each of: generated, one authentic half, the other.
        images_per_class: usize = 200;
    }
}

/// Where a generator is taken from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum GeneratorSource {
    /// The shipped one if it learnt from the dataset's images, else one trained on the spot.
    Auto,
    /// One trained on the spot.
    Train,
    /// None: nobody can be augmented.
    None,
    /// A rule that is fitted to the server's samples in a moment.
    Fitted(Fit),
    /// A checkpoint.
    File(PathBuf),
    /// Images drawn elsewhere: a folder of them for each class.
    Folder(PathBuf),
    /// A program and its first arguments, quoted as in a shell.
    Command(String),
}

/// What stands before the path of a folder.
const FOLDER: &str = "folder:";
/// What stands before a command.
const COMMAND: &str = "command:";

impl From<String> for GeneratorSource {
    fn from(text: String) -> Self {
        match text.as_str() {
            "auto" => Self::Auto,
            "train" => Self::Train,
            "none" => Self::None,
            text if let Some(fit) = Fit::ALL.into_iter().find(|fit| fit.name() == text) => Self::Fitted(fit),
            text if text.starts_with(FOLDER) => Self::Folder(text[FOLDER.len()..].into()),
            text if text.starts_with(COMMAND) => Self::Command(text[COMMAND.len()..].into()),
            text => Self::File(text.into()),
        }
    }
}

impl fmt::Display for GeneratorSource {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Train => f.write_str("train"),
            Self::None => f.write_str("none"),
            Self::Fitted(fit) => f.write_str(fit.name()),
            Self::File(path) => path.display().fmt(f),
            Self::Folder(path) => write!(f, "{FOLDER}{}", path.display()),
            Self::Command(command) => write!(f, "{COMMAND}{command}"),
        }
    }
}

impl From<GeneratorSource> for String {
    fn from(source: GeneratorSource) -> Self {
        source.to_string()
    }
}

impl Value for GeneratorSource {
    fn read(text: &str) -> Result<Self, Wrong> {
        Ok(String::from(text).into())
    }

    fn write(&self) -> String {
        self.to_string()
    }

    fn offered() -> Option<String> {
        Some("auto, train, none, gaussian, mixup, smote, ngram, PATH, folder:PATH or command:\"PROGRAM ARGS\"".into())
    }
}
