use imfl_engine::data::Dataset;
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
    /// Every pixel moves by normal noise and is cut to black and white.
    Noise {
        /// Deviation of the noise on the scale of bytes, 0 to 255.
        deviation: f64,
    },
}

/// Text that names no fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no corruption; expected labels:SHARE with a share from 0 to 1, or noise:DEVIATION of at least 0")]
pub struct CorruptionError(String);

impl FromStr for Corruption {
    type Err = CorruptionError;

    fn from_str(text: &str) -> Result<Self, CorruptionError> {
        let up_to = |highest: f64, text: &str| text.parse().ok().filter(|value: &f64| (0.0..=highest).contains(value));
        let fault = match text.split_once(':') {
            Some(("labels", share)) => up_to(1.0, share).map(|share| Self::Labels { share }),
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
        }
    }
}

impl Corruption {
    /// The images with the fault; labels and their order stay. The fault is drawn for `seed`.
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
        for text in ["labels:0.25", "labels:1", "noise:96", "noise:0.5"] {
            assert_eq!(text.parse::<Corruption>().unwrap().to_string(), text);
        }
        for wrong in ["labels", "labels:1.1", "noise:-1", "noise:inf", "noise:NaN", "blur:2", ""] {
            assert!(wrong.parse::<Corruption>().unwrap_err().to_string().contains("labels:SHARE"), "{wrong}");
        }
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
