use super::*;
use crate::checkpoint::testing::untrained;

fn draw(generator: &Generator, requests: &[Request], workers: usize) -> Dataset {
    let sampling = Sampling { steps: 3, guidance: 0.5, ..Sampling::default() };
    let observe = |_, _| ControlFlow::Continue(());
    generator.sample(requests, &sampling, 5, &Device::flex(), workers, observe).unwrap()
}

#[test]
fn an_image_depends_on_its_request_alone() {
    let generator = Generator::of(untrained(3)).unwrap();
    let requests = Request::of_counts(&[20, 0, 17], 100);
    let together = draw(&generator, &requests, 1);
    assert_eq!(together.histogram(), [20, 0, 17]);
    assert_eq!(draw(&generator, &requests, 3), together);
    for count in [1, 2, 3, 6, 29] {
        let last = &requests[requests.len() - count..];
        let alone = draw(&generator, last, 2);
        for (index, place) in (requests.len() - count..requests.len()).enumerate() {
            assert_eq!(alone.image(index), together.image(place), "{index} of {count}");
        }
    }
    let other = draw(&generator, &[Request { label: 0, index: 100 }, Request { label: 1, index: 100 }], 1);
    assert_eq!(other.image(0), together.image(0));
    assert_ne!(other.image(0), other.image(1), "the class has no effect");
    assert_ne!(together.image(0), together.image(1), "the index has no effect");
}

#[test]
fn the_last_guess_of_a_path_is_the_image() {
    let generator = Generator::of(untrained(3)).unwrap();
    let sampling = Sampling { steps: 4, ..Sampling::default() };
    let requests = [Request { label: 2, index: 7 }, Request { label: 0, index: 8 }];
    let path = generator.path(&requests, &sampling, 5, &Device::flex()).unwrap();
    assert_eq!(path.labels(), [2, 2, 2, 2, 0, 0, 0, 0]);
    let go_on = |_, _| ControlFlow::Continue(());
    let images = generator.sample(&requests, &sampling, 5, &Device::flex(), 1, go_on).unwrap();
    assert_eq!((path.image(3), path.image(7)), (images.image(0), images.image(1)));
    assert_ne!(path.image(0), path.image(3));
}

#[test]
fn what_cannot_be_drawn_says_why() {
    let generator = Generator::of(untrained(3)).unwrap();
    let sample = |requests: &[Request], sampling: Sampling| {
        generator.sample(requests, &sampling, 0, &Device::flex(), 1, |_, _| ControlFlow::Break(())).unwrap_err()
    };
    let one = [Request { label: 0, index: 0 }];
    assert_eq!(sample(&[], Sampling::default()), SampleError::Nothing);
    let error = sample(&[Request { label: 3, index: 0 }], Sampling::default()).to_string();
    assert!(error.contains("class 3") && error.contains("0 to 2"), "{error}");
    let none = Sampling { steps: 0, ..Sampling::default() };
    assert!(matches!(sample(&one, none), SampleError::Sampling(_)));
    let quick = Sampling { steps: 1, ..Sampling::default() };
    assert_eq!(sample(&[one[0]; BATCH + 1], quick), SampleError::Stopped);
}

#[test]
fn a_generator_fits_its_own_kind_of_images() {
    let generator = Generator::of(untrained(3)).unwrap();
    let shape = generator.denoiser.config().shape;
    let data = |shape: imfl_engine::data::ImageShape, classes: usize| {
        let names = (0..classes).map(|class| class.to_string()).collect();
        Dataset::new("other", shape, names, vec![0; shape.size()], vec![0]).unwrap()
    };
    generator.check_fits(&data(shape, 3)).unwrap();
    assert!(generator.check_fits(&data(shape, 4)).unwrap_err().to_string().contains("0, 1, 2"));
    let wider = imfl_engine::data::ImageShape { width: 12, ..shape };
    assert!(generator.check_fits(&data(wider, 3)).unwrap_err().to_string().contains("1x8x12"));
}
