use super::*;
use crate::checkpoint::testing::{untrained, untrained_rows, untrained_texts};
use crate::fingerprint::Fingerprints;
use crate::text::testing::{TEXTS, texts};

fn generator(sampling: Sampling) -> Generator {
    Generator::of(untrained(3)).unwrap().with_sampling(sampling).unwrap()
}

fn draw(generator: &Generator, requests: &[Request], workers: usize) -> Dataset {
    let compute = Compute { workers, ..Compute::cpu() };
    generator.draw(requests, 5, &compute, &mut |_, _| ControlFlow::Continue(())).unwrap()
}

#[test]
fn an_image_depends_on_its_request_alone() {
    depends_on_its_request_alone(&generator(Sampling { steps: 3, guidance: 0.5, ..Sampling::default() }));
}

#[test]
fn a_row_depends_on_its_request_alone_and_keeps_to_what_was_seen() {
    let sampling = Sampling { steps: 3, guidance: 0.5, ..Sampling::default() };
    let generator = Generator::of(untrained_rows(3)).unwrap().with_sampling(sampling).unwrap();
    depends_on_its_request_alone(&generator);
    let drawn = draw(&generator, &Request::of_counts(&[40; 3], 0), 2);
    let cells: Vec<f32> =
        (0..drawn.len()).flat_map(|row| imfl_engine::data::Columns::numbers(drawn.image(row))).collect();
    for row in cells.chunks(3) {
        assert!(
            [row[0], row[2]].iter().all(|number| (0.0..=90.0).contains(number) && number.fract() == 0.0),
            "{row:?}"
        );
        assert!([0.0, 1.0, 2.0].contains(&row[1]), "{row:?}");
    }
    let different =
        |column: usize| cells.chunks(3).map(|row| row[column] as i64).collect::<std::collections::BTreeSet<_>>().len();
    assert!(different(0) > 5 && different(1) > 1, "{cells:?}");
}

fn depends_on_its_request_alone(generator: &Generator) {
    let requests = Request::of_counts(&[20, 0, 17], 100);
    let together = draw(generator, &requests, 1);
    assert_eq!(together.histogram(), [20, 0, 17]);
    assert_eq!(draw(generator, &requests, 3), together);
    for count in [1, 2, 3, 6, 29] {
        let last = &requests[requests.len() - count..];
        let alone = draw(generator, last, 2);
        for (index, place) in (requests.len() - count..requests.len()).enumerate() {
            assert_eq!(alone.image(index), together.image(place), "{index} of {count}");
        }
    }
    let other = |label| draw(generator, &[100, 101, 102].map(|index| Request { label, index }), 1);
    assert_eq!(other(0).image(0), together.image(0));
    assert!((0..3).any(|at| other(0).image(at) != other(1).image(at)), "the class has no effect");
    assert_ne!(together.image(0), together.image(1), "the index has no effect");
}

#[test]
fn the_last_guess_of_a_path_is_the_image() {
    let generator = generator(Sampling { steps: 4, ..Sampling::default() });
    let requests = [Request { label: 2, index: 7 }, Request { label: 0, index: 8 }];
    let path = generator.path(&requests, 5, &Device::flex()).unwrap();
    assert_eq!(path.labels(), [2, 2, 2, 2, 0, 0, 0, 0]);
    let images = draw(&generator, &requests, 1);
    assert_eq!((path.image(3), path.image(7)), (images.image(0), images.image(1)));
    assert_ne!(path.image(0), path.image(3));
}

#[test]
fn ranks_draw_a_part_each_and_get_everything() {
    let generator = generator(Sampling { steps: 2, ..Sampling::default() });
    for count in [1, 2, 7] {
        let requests = Request::of_counts(&[0, count, 1], 3);
        let alone = draw(&generator, &requests, 1);
        let on_ranks = |ranks| {
            let compute = Compute { workers: 1, ranks, ..Compute::cpu() };
            generator.draw(&requests, 5, &compute, &mut |_, _| ControlFlow::Continue(())).unwrap()
        };
        imfl_ranks::together(3, on_ranks).into_iter().for_each(|images| assert_eq!(images, alone));
    }
}

#[test]
fn what_cannot_be_drawn_says_why() {
    let sample = |requests: &[Request]| {
        let generator = generator(Sampling { steps: 1, ..Sampling::default() });
        let compute = Compute { workers: 1, ..Compute::cpu() };
        generator.draw(requests, 0, &compute, &mut |_, _| ControlFlow::Break(())).unwrap_err()
    };
    let one = [Request { label: 0, index: 0 }];
    assert_eq!(sample(&[]), SampleError::Nothing);
    let error = sample(&[Request { label: 3, index: 0 }]).to_string();
    assert!(error.contains("class 3") && error.contains("0 to 2"), "{error}");
    let none = Sampling { steps: 0, ..Sampling::default() };
    let error = Generator::of(untrained(3)).unwrap().with_sampling(none).unwrap_err();
    assert_eq!((error.name, error.value), ("steps", 0.0));
    assert_eq!(sample(&[one[0]; 51]), SampleError::Stopped);
}

#[test]
fn a_generator_says_what_it_learnt_from_and_which_file_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("g.safetensors");
    let checkpoint = untrained(3);
    checkpoint.write(&path).unwrap();
    let opened = Generator::open(&path).unwrap();
    let digest = imfl_storage::hex_digest(&std::fs::read(&path).unwrap());
    assert_eq!(opened.provenance().sha256, Some(digest));
    let of_no_file = Generator::of(checkpoint.clone()).unwrap();
    let expected = Provenance {
        name: "generator".into(),
        learnt_from: "squares".into(),
        fingerprints: checkpoint.fingerprints,
        sha256: None,
    };
    assert_eq!(*of_no_file.provenance(), expected);
}

#[test]
fn a_generator_fits_its_own_kind_of_images() {
    let generator = Generator::of(untrained(3)).unwrap();
    let shape = generator.shape();
    let data = |shape: imfl_engine::data::ImageShape, classes: usize| {
        let names = (0..classes).map(|class| class.to_string()).collect();
        Dataset::new("other", shape, names, vec![0; shape.size()], vec![0]).unwrap()
    };
    generator.check_fits(&data(shape, 3)).unwrap();
    assert!(generator.check_fits(&data(shape, 4)).unwrap_err().to_string().contains("0, 1, 2"));
    let wider = imfl_engine::data::ImageShape { width: 12, ..shape };
    assert!(generator.check_fits(&data(wider, 3)).unwrap_err().to_string().contains("1x8x12"));
}

#[test]
fn a_text_depends_on_its_request_alone() {
    let generator = Generator::of(untrained_texts()).unwrap();
    let requests = Request::of_counts(&[70, 45], 100);
    let together = draw(&generator, &requests, 1);
    assert_eq!(together.histogram(), [70, 45]);
    assert_eq!(draw(&generator, &requests, 3), together);
    for count in [1, 2, 5, 46] {
        let alone = draw(&generator, &requests[requests.len() - count..], 2);
        for index in 0..count {
            assert_eq!(alone.image(index), together.image(requests.len() - count + index), "{index} of {count}");
        }
    }
    let on_ranks = |ranks| {
        let compute = Compute { workers: 1, ranks, ..Compute::cpu() };
        generator.draw(&requests[..5], 5, &compute, &mut |_, _| ControlFlow::Continue(())).unwrap()
    };
    let alone = draw(&generator, &requests[..5], 1);
    imfl_ranks::together(3, on_ranks).into_iter().for_each(|drawn| assert_eq!(drawn, alone));
    let path = generator.path(&requests[..2], 5, &Device::flex()).unwrap();
    assert_eq!((path.len(), path.image(1)), (2, together.image(1)));
}

#[test]
fn a_generator_of_texts_has_steps_alone() {
    let mut generator = Generator::of(untrained_texts()).unwrap();
    // Words that depend on each other.
    generator.weights.values_mut().iter_mut().for_each(|value| *value *= 5.0);
    let own = generator.sampling().clone();
    assert_eq!(own, Sampling::of_texts());
    let error = generator.clone().with_sampling(Sampling { guidance: 1.0, ..own.clone() }).unwrap_err();
    assert_eq!(error.name, "guidance");
    let one = generator.clone().with_sampling(Sampling { steps: 1, ..own }).unwrap();
    let requests = Request::of_counts(&[20, 20], 0);
    assert!(draw(&one, &requests, 1) != draw(&generator, &requests, 1));
}

#[test]
fn a_generator_of_texts_writes_in_the_words_of_others() {
    let (mut checkpoint, own) = (untrained_texts(), texts(&TEXTS));
    checkpoint.description.class_names = own.class_names.clone();
    let generator = Generator::of(checkpoint).unwrap();
    generator.check_fits(&own).unwrap();
    let other = texts(&[TEXTS[0], TEXTS[4], ("a green hill", 1)]);
    assert!(generator.check_fits(&other).unwrap_err().to_string().contains("in another way"));
    let mut generator = generator;
    generator.provenance.fingerprints = Fingerprints::of(&own);
    let translated = generator.clone().in_words_of(&[&other]);
    translated.check_fits(&other).unwrap();
    // The numbers of an own text are another text there.
    assert_eq!(translated.provenance.fingerprints, Fingerprints::of(&other.select(&[0, 1])));
    let requests = Request::of_counts(&[9, 9], 0);
    let (there, here) = (draw(&translated, &requests, 2), draw(&generator, &requests, 2));
    let (Kind::Text(theirs), Kind::Text(ours)) = (there.kind.as_ref(), here.kind.as_ref()) else { panic!("texts") };
    for index in 0..18 {
        let words = ours.decode(here.image(index));
        let expected: Vec<&str> =
            words.split(' ').map(|word| if theirs.words().iter().any(|w| w == word) { word } else { "_" }).collect();
        assert_eq!(theirs.decode(there.image(index)), expected.join(" "));
    }
    let same = generator.clone().in_words_of(&[&own]);
    assert_eq!(draw(&same, &requests, 1), here);
}
