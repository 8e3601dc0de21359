use imfl_engine::data::{Columns, Content, Dataset, Kind, Vocabulary};
use imfl_engine::random::{Purpose, keyed};
use rand::RngExt;
use rand::seq::SliceRandom;
use std::fmt;
use std::str::FromStr;

/// A fault put into generated images on purpose, so that a measure can be seen to notice it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Corruption {
    /// This share of the images changes places at random, so that most of them carry others' labels.
    Labels {
        /// In [0, 1].
        share: f64,
    },
    /// Every pixel moves by normal noise and is cut to black and white; every number of a table, and is kept to the range of the server's rows.
    Noise {
        /// Deviation of the noise: of pixels on the scale of bytes, 0 to 255, of numbers in deviations of their column.
        deviation: f64,
    },
    /// Of every text this share of the words gives way to words drawn from all texts, whatever their class.
    Words {
        /// In [0, 1].
        share: f64,
    },
}

/// Why a fault cannot be put into samples of a kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UnfitCorruption(String);

/// Text that names no fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no corruption; expected labels:SHARE or words:SHARE with a share from 0 to 1, or noise:DEVIATION of at least 0"
)]
pub struct CorruptionError(String);

impl FromStr for Corruption {
    type Err = CorruptionError;

    fn from_str(text: &str) -> Result<Self, CorruptionError> {
        let up_to = |highest: f64, text: &str| text.parse().ok().filter(|value: &f64| (0.0..=highest).contains(value));
        let fault = match text.split_once(':') {
            Some(("labels", share)) => up_to(1.0, share).map(|share| Self::Labels { share }),
            Some(("words", share)) => up_to(1.0, share).map(|share| Self::Words { share }),
            Some(("noise", deviation)) => up_to(f64::MAX, deviation).map(|deviation| Self::Noise { deviation }),
            _ => None,
        };
        fault.ok_or_else(|| CorruptionError(text.into()))
    }
}

impl fmt::Display for Corruption {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Labels { share } => write!(f, "labels:{share}"),
            Self::Noise { deviation } => write!(f, "noise:{deviation}"),
            Self::Words { share } => write!(f, "words:{share}"),
        }
    }
}

impl Corruption {
    /// Checks that it is a fault of samples of a kind.
    ///
    /// # Errors
    /// [`UnfitCorruption`] that says what to take.
    pub fn check(self, kind: &Kind) -> Result<(), UnfitCorruption> {
        match (self, kind) {
            (Self::Noise { .. }, Kind::Text(_)) => {
                Err(UnfitCorruption(format!("{self} moves numbers, and texts have none; take words:SHARE")))
            }
            (Self::Words { .. }, Kind::Images | Kind::Table(_) | Kind::Sound(_)) => {
                let plural = kind.plural();
                Err(UnfitCorruption(format!("{self} is for texts, and these are {plural}; take noise:DEVIATION")))
            }
            _ => Ok(()),
        }
    }

    /// The samples with the fault; labels and their order stay. The fault is drawn for `seed`. One that is not of this kind ([`Corruption::check`])
    /// changes nothing.
    pub fn apply(self, images: &Dataset, seed: u64) -> Dataset {
        match self {
            Self::Labels { share } => {
                let mut moved: Vec<u32> = (0..images.len() as u32).collect();
                moved.shuffle(&mut keyed(seed, Purpose::Benchmark, 0, 1, 0));
                moved.truncate((share.clamp(0.0, 1.0) * images.len() as f64).round() as usize);
                let mut sources: Vec<u32> = (0..images.len() as u32).collect();
                for (place, &to) in moved.iter().enumerate() {
                    sources[to as usize] = moved[(place + 1) % moved.len()];
                }
                let pixels = sources.iter().flat_map(|&source| images.image(source as usize)).copied().collect();
                relabelled(images, pixels)
            }
            Self::Noise { deviation } if let Kind::Table(columns) = images.kind.as_ref() => {
                let noisy = |index: usize| noisy_row(columns, images.image(index), deviation, seed, index as u64);
                relabelled(images, (0..images.len()).flat_map(noisy).collect())
            }
            Self::Words { share } => {
                let all: Vec<u16> = words(images).filter(|word| *word != Vocabulary::PADDING).collect();
                if !matches!(images.kind.as_ref(), Kind::Text(_)) || all.is_empty() {
                    return images.clone();
                }
                let mut random = keyed(seed, Purpose::Benchmark, 0, 3, 0);
                // What is behind the end of a text stays so.
                let other = |word| match word != Vocabulary::PADDING && random.random::<f64>() < share {
                    true => all[random.random_range(0..all.len())],
                    false => word,
                };
                relabelled(images, Vocabulary::record(&words(images).map(other).collect::<Vec<_>>()))
            }
            Self::Noise { deviation } => {
                let noisy = |index: usize| {
                    let mut random = keyed(seed, Purpose::Benchmark, 0, 2, index as u64);
                    images.image(index).iter().map(move |&byte| {
                        let noise: f64 = random.sample(rand_distr::StandardNormal);
                        // The cast saturates.
                        (f64::from(byte) + deviation * noise).round() as u8
                    })
                };
                relabelled(images, (0..images.len()).flat_map(noisy).collect())
            }
        }
    }
}

/// A row whose numbers moved by so many deviations of their columns; words stay.
fn noisy_row(columns: &Columns, row: &[u8], deviation: f64, seed: u64, index: u64) -> Vec<u8> {
    let mut random = keyed(seed, Purpose::Benchmark, 0, 2, index);
    let cells = columns.list().iter().zip(Columns::numbers(row));
    let moved = cells.map(|(column, number)| match column.content {
        Content::Number { deviation: own, range: [least, most], whole, .. } => {
            let noise: f64 = random.sample(rand_distr::StandardNormal);
            let number = number + (deviation * noise) as f32 * own;
            (if whole { number.round() } else { number }).max(least).min(most)
        }
        Content::Category(_) => number,
    });
    moved.flat_map(f32::to_le_bytes).collect()
}

/// All words of all texts.
fn words(texts: &Dataset) -> impl Iterator<Item = u16> {
    (0..texts.len()).flat_map(|index| Vocabulary::numbers(texts.image(index)))
}

/// Other pixels under the same labels.
fn relabelled(images: &Dataset, pixels: Vec<u8>) -> Dataset {
    let name = format!("{}, corrupted", images.name);
    // As many images of the same shape as there were, under labels that were checked before.
    let names = images.class_names.clone();
    let corrupted = Dataset::of_kind(images.kind.clone(), name, images.shape, names, pixels, images.labels().to_vec());
    corrupted.expect("consistent")
}

#[cfg(test)]
mod tests {
    use super::*;
    use imfl_engine::data::ImageShape;

    /// A hundred images of ten classes; every pixel of an image is its number.
    fn numbered() -> Dataset {
        let shape = ImageShape { channels: 1, height: 4, width: 4 };
        let names = (0..10).map(|class| class.to_string()).collect();
        let pixels = (0..100u8).flat_map(|image| [image; 16]).collect();
        Dataset::new("t", shape, names, pixels, (0..100).map(|image| image % 10).collect()).unwrap()
    }

    #[test]
    fn the_share_of_images_that_asked_for_changes_places_and_no_image_is_lost() {
        let images = numbered();
        for (share, moved) in [(0.0, 0), (0.3, 30), (1.0, 100)] {
            let shuffled = Corruption::Labels { share }.apply(&images, 1);
            assert_eq!(shuffled.labels(), images.labels());
            let elsewhere = (0..100).filter(|&index| shuffled.image(index) != images.image(index)).count();
            assert_eq!(elsewhere, moved, "share {share}");
            let mut all: Vec<u8> = (0..100).map(|index| shuffled.image(index)[0]).collect();
            all.sort_unstable();
            assert_eq!(all, (0..100).collect::<Vec<u8>>());
        }
        let shuffled = |seed| Corruption::Labels { share: 0.5 }.apply(&images, seed);
        assert_eq!(shuffled(1), shuffled(1));
        assert_ne!(shuffled(1), shuffled(2));
    }

    #[test]
    fn faults_are_read_and_written_alike() {
        for text in ["labels:0.25", "labels:1", "noise:96", "noise:0.5", "words:0.3"] {
            assert_eq!(text.parse::<Corruption>().unwrap().to_string(), text);
        }
        for wrong in ["labels", "labels:1.1", "noise:-1", "noise:inf", "noise:NaN", "blur:2", "words:2", ""] {
            assert!(wrong.parse::<Corruption>().unwrap_err().to_string().contains("labels:SHARE"), "{wrong}");
        }
    }

    #[test]
    fn numbers_of_rows_move_within_their_range_and_words_stay() {
        let kind = crate::checkpoint::testing::untrained_rows(1).description.kind;
        let row = [40f32, 1.0, 44.0].map(f32::to_le_bytes).concat();
        let (shape, names) = (kind.shape().unwrap(), vec!["x".to_string()]);
        let rows = Dataset::of_kind(kind.clone().into(), "t", shape, names, row.repeat(2000), vec![0; 2000]).unwrap();
        let noise = Corruption::Noise { deviation: 0.5 };
        noise.check(&kind).unwrap();
        let noisy = noise.apply(&rows, 3);
        let cells: Vec<f32> = (0..2000).flat_map(|index| Columns::numbers(noisy.image(index))).collect();
        assert!(cells.chunks(3).all(|row| row[1] == 1.0 && row[0].fract() == 0.0 && (0.0..=90.0).contains(&row[2])));
        // Half of the column's deviation of 20.
        let squares = cells.chunks(3).map(|row| f64::from(row[0] - 40.0).powi(2)).sum::<f64>();
        assert!(((squares / 2000.0).sqrt() - 10.0).abs() < 0.6, "{squares}");
        let error = Corruption::Words { share: 0.1 }.check(&kind).unwrap_err().to_string();
        assert!(error.contains("words:0.1 is for texts, and these are rows"), "{error}");
    }

    #[test]
    fn words_give_way_to_words_that_are_there() {
        let counts = ["a", "b", "c", "d"].map(|word| (word.to_string(), 5)).into();
        let vocabulary = Vocabulary::of_counts(counts, 100);
        let mut text = vec![0; vocabulary.length()];
        text[..3].copy_from_slice(&[2, 3, 4]);
        let (text, kind) = (Vocabulary::record(&text), Kind::Text(vocabulary));
        let (shape, names) = (kind.shape().unwrap(), vec!["x".to_string()]);
        let texts = Dataset::of_kind(kind.clone().into(), "t", shape, names, text.repeat(600), vec![0; 600]).unwrap();
        let fault = Corruption::Words { share: 0.5 };
        fault.check(&kind).unwrap();
        let found: Vec<u16> = words(&fault.apply(&texts, 1)).collect();
        assert!(found.chunks(text.len() / 2).all(|text| text[..3].iter().all(|word| (2..5).contains(word))
            && text[3..].iter().all(|word| *word == Vocabulary::PADDING)));
        // Half of the words are drawn anew, and of these a third is the same again.
        let moved = found.iter().zip(words(&texts)).filter(|(a, b)| **a != *b).count();
        assert!((moved as f64 / 1800.0 - 1.0 / 3.0).abs() < 0.05, "{moved}");
        assert!(Corruption::Noise { deviation: 1.0 }.check(&kind).unwrap_err().to_string().contains("words:SHARE"));
        assert_eq!(fault.apply(&texts, 1), fault.apply(&texts, 1));
    }

    #[test]
    fn noise_has_the_deviation_that_was_asked_for() {
        let grey = numbered();
        let shape = grey.shape;
        let grey = Dataset::new("t", shape, grey.class_names.clone(), vec![128; 1600], grey.labels().to_vec()).unwrap();
        let noisy = Corruption::Noise { deviation: 20.0 }.apply(&grey, 3);
        let squares = (0..100).flat_map(|index| noisy.image(index).to_vec()).map(|b| (f64::from(b) - 128.0).powi(2));
        let deviation = (squares.sum::<f64>() / 1600.0).sqrt();
        assert!((deviation - 20.0).abs() < 1.5, "{deviation}");
    }
}
