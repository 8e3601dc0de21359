//! Samples of one's own: implement `SampleSource`, and whatever takes a source takes yours.
//!
//! `cargo run --release -p imfl-aigc --example own_source`
//!
//! This one draws the mean image of a class with normal noise for each pixel. A client that lacks a class is filled from it.

use imfl_aigc::{Augmentation, Fingerprints, Observe, Provenance, Request, SampleError, SampleSource};
use imfl_engine::data::{self, Dataset, ImageShape};
use imfl_engine::device::Compute;
use imfl_engine::random::{Purpose, keyed};
use rand::RngExt;
use std::error::Error;
use std::ops::ControlFlow;
use std::path::Path;

/// The mean image of each class, and how far images are from it.
#[derive(Debug)]
struct Means {
    provenance: Provenance,
    shape: ImageShape,
    class_names: Vec<String>,
    means: Vec<Vec<f64>>,
    deviation: f64,
}

impl Means {
    fn learn(data: &Dataset, deviation: f64) -> Self {
        let mean = |images: Vec<u32>| {
            let mut sum = vec![0.0; data.shape.size()];
            for &image in &images {
                sum.iter_mut().zip(data.image(image as usize)).for_each(|(sum, byte)| *sum += f64::from(*byte));
            }
            sum.into_iter().map(|sum| sum / images.len().max(1) as f64).collect()
        };
        let provenance = Provenance {
            name: "source of means".into(),
            learnt_from: data.name.clone(),
            // So that a run keeps these images from its clients, and refuses a test that has one.
            fingerprints: Fingerprints::of(data),
            sha256: None,
        };
        let means = data.by_class().into_iter().map(mean).collect();
        Self { provenance, shape: data.shape, class_names: data.class_names.clone(), means, deviation }
    }
}

impl SampleSource for Means {
    fn provenance(&self) -> &Provenance {
        &self.provenance
    }

    fn shape(&self) -> ImageShape {
        self.shape
    }

    fn class_names(&self) -> &[String] {
        &self.class_names
    }

    fn draw_part(
        &self,
        requests: &[Request],
        seed: u64,
        _: &Compute,
        observe: Observe,
    ) -> Result<Dataset, SampleError> {
        let mut images = Vec::with_capacity(requests.len() * self.shape.size());
        for (done, request) in requests.iter().enumerate() {
            // Keyed by seed and index: the image is the same whatever is drawn with it.
            let random = &mut keyed(seed, Purpose::Latent, 0, 0, request.index);
            let pixel =
                |mean: &f64| (mean + self.deviation * random.sample::<f64, _>(rand_distr::StandardNormal)) as u8;
            images.extend(self.means[usize::from(request.label)].iter().map(pixel));
            if observe(done + 1, requests.len()).is_break() {
                return Err(SampleError::Stopped);
            }
        }
        let labels = requests.iter().map(|request| request.label).collect();
        Dataset::new("noisy means", self.shape, self.class_names.clone(), images, labels)
            .map_err(|error| SampleError::Failed(error.to_string()))
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let images = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/mnist");
    let benchmark = data::open(&images, 0)?;
    let learnt = benchmark.corpus.as_ref().ok_or("the shipped images have a corpus")?;
    let source = Means::learn(learnt, 30.0);
    source.check_fits(&benchmark.train)?;

    // A client that holds zeros and ones alone is to hold all classes alike.
    let held: Vec<u16> = benchmark.train.labels().iter().copied().filter(|label| *label < 2).take(100).collect();
    let plan = Augmentation::plan(&held, &[0.1; 10], 1, 0)?;
    let requests = Request::of_counts(&plan.generated, 0);
    let drawn = source.draw(&requests, 1, &Compute::cpu(), &mut |_, _| ControlFlow::Continue(()))?;
    println!("{} of {} samples give way to generated ones", plan.removed.len(), held.len());
    println!("drawn of each class: {:?}", drawn.histogram());
    Ok(())
}
