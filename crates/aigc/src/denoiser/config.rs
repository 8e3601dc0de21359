use crate::setting::{self, SettingError};
use imfl_engine::data::{Dataset, ImageShape, Kind, Vocabulary};

/// Groups of every group normalisation of a U-net.
pub const GROUPS: usize = 8;

/// How often a word has to be in learnt texts to be drawn: of one that is there once nothing can be learnt but that text.
const LEAST: usize = 2;

/// What a generator's network is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Network {
    /// A U-net with two resolutions, for pictures.
    #[default]
    UNet,
    /// So many residual blocks of two dense layers, for rows of a table.
    Perceptron {
        /// Blocks.
        blocks: usize,
    },
    /// A transformer that guesses masked symbols, for texts.
    Transformer {
        /// Blocks of attention and dense layers.
        layers: usize,
        /// Heads of an attention.
        heads: usize,
        /// Symbols of a text, at most; behind its end stands padding, a symbol like any other.
        length: usize,
        /// Numbers of the vocabulary that it draws, the first ones; a rarer word is an unknown one to it.
        symbols: usize,
    },
}

impl Network {
    /// A U-net does not say so: checkpoints that are older than other networks stay as they are.
    fn is_u_net(&self) -> bool {
        *self == Self::UNet
    }

    /// Whether it can draw samples of a kind.
    pub fn draws(self, kind: &Kind) -> bool {
        match self {
            Self::UNet => kind.is_bytes(),
            Self::Perceptron { .. } => matches!(kind, Kind::Table(_)),
            Self::Transformer { length, symbols, .. } => match kind {
                Kind::Text(vocabulary) => length <= vocabulary.length() && symbols <= vocabulary.symbols(),
                _ => false,
            },
        }
    }
}

/// What a [`Denoiser`](super::Denoiser) is built for.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct DenoiserConfig {
    /// Size of what it cleans: of a picture, whose sides are multiples of four, of a row `[values, 1, 1]`, or of a text `[1, 1, words]`.
    pub shape: ImageShape,
    /// Number of classes.
    pub classes: usize,
    /// Channels of a U-net at half resolution, a multiple of eight (a quarter of the resolution has twice as many); units of a
    /// perceptron's layers; values of a place between the layers of a transformer, a multiple of its heads.
    pub width: usize,
    /// Length of the vector that carries noise level and class; of a transformer, of a word's vector.
    pub embedding: usize,
    /// What it is made of.
    #[serde(default, skip_serializing_if = "Network::is_u_net")]
    pub network: Network,
}

/// Why a denoiser cannot be built.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum DenoiserError {
    /// A size that the network has no form for.
    #[error("a generator for images of {shape} cannot be built: {problem}")]
    Shape {
        /// The images' shape.
        shape: ImageShape,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A number out of range.
    #[error(transparent)]
    Setting(#[from] SettingError),
}

impl DenoiserConfig {
    /// The U-net of about 0.4 million parameters for grey 28x28 and colour 32x32 images.
    pub fn small(shape: ImageShape, classes: usize) -> Self {
        Self { shape, classes, width: 32, embedding: 128, network: Network::UNet }
    }

    /// The perceptron of about 0.14 million parameters for rows of `shape`.
    pub fn rows(shape: ImageShape, classes: usize) -> Self {
        Self { shape, classes, width: 96, embedding: 64, network: Network::Perceptron { blocks: 4 } }
    }

    /// What suits a dataset's kind of samples.
    pub fn suited(data: &Dataset) -> Self {
        match data.kind.as_ref() {
            Kind::Table(_) => Self::rows(data.shape, data.classes()),
            Kind::Text(_) => Self::texts(data),
            Kind::Images | Kind::Sound(_) => Self::small(data.shape, data.classes()),
        }
    }

    /// The transformer of about a million parameters for these texts: as long as the longest of them, with the words that they have at
    /// least twice.
    pub fn texts(data: &Dataset) -> Self {
        let (mut length, mut counts) = (1, vec![0usize; 1 << 16]);
        for text in 0..data.len() {
            for (place, number) in Vocabulary::numbers(data.image(text)).enumerate() {
                counts[usize::from(number)] += 1;
                if number != Vocabulary::PADDING {
                    length = length.max(place + 1);
                }
            }
        }
        // The rarest have the greatest numbers.
        let known = counts.iter().rposition(|count| *count >= LEAST).map_or(0, |last| last + 1);
        let symbols = known.max(usize::from(Vocabulary::UNKNOWN) + 2);
        let network = Network::Transformer { layers: 2, heads: 4, length, symbols };
        Self { shape: data.shape, classes: data.classes(), width: 128, embedding: 64, network }
    }

    /// Checks that such a network exists.
    ///
    /// # Errors
    /// [`DenoiserError`] naming the setting.
    pub fn check(&self) -> Result<(), DenoiserError> {
        let &Self { shape, classes, width, embedding, network } = self;
        let refuse = |problem| Err(DenoiserError::Shape { shape, problem });
        match network {
            Network::UNet => {
                if !matches!(shape.channels, 1 | 3) {
                    return refuse("1 or 3 channels are supported");
                }
                let side = |side: usize| side.is_multiple_of(4) && (8..=256).contains(&side);
                if !side(shape.height) || !side(shape.width) {
                    return refuse("both sides must be multiples of 4 from 8 to 256");
                }
                let fits = width.is_multiple_of(GROUPS) && (8..=512).contains(&width);
                setting::check([("width", width as f64, fits, "must be a multiple of 8 from 8 to 512")])?;
            }
            Network::Perceptron { blocks } => {
                if !(1..=4096).contains(&shape.channels) || (shape.height, shape.width) != (1, 1) {
                    return refuse("a perceptron is for rows of 1 to 4096 values");
                }
                setting::check([
                    ("width", width as f64, (8..=4096).contains(&width), "must be from 8 to 4096"),
                    ("blocks", blocks as f64, (1..=64).contains(&blocks), "must be from 1 to 64"),
                ])?;
            }
            Network::Transformer { layers, heads, length, symbols } => {
                if shape.size() != shape.width || !(1..=4096).contains(&length) || length > shape.width {
                    return refuse("a transformer is for texts of 1 to 4096 words");
                }
                let whole = (1..=64).contains(&heads) && width.is_multiple_of(heads) && (8..=512).contains(&width);
                setting::check([
                    ("width", width as f64, whole, "must be a multiple of the heads (at most 64) from 8 to 512"),
                    ("layers", layers as f64, (1..=16).contains(&layers), "must be from 1 to 16"),
                    ("symbols", symbols as f64, (3..=8192).contains(&symbols), "must be from 3 to 8192"),
                ])?;
            }
        }
        Ok(setting::check([
            ("embedding", embedding as f64, (8..=4096).contains(&embedding), "must be from 8 to 4096"),
            ("classes", classes as f64, (1..=65_535).contains(&classes), "must be from 1 to 65535"),
        ])?)
    }
}
