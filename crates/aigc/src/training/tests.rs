use super::*;
use crate::sampling::Sampling;
use crate::source::SampleSource;
use crate::text::testing::{TEXTS, texts, tiny};
use imfl_engine::data::{Columns, ImageShape};
use imfl_engine::device::Compute;

const SHAPE: ImageShape = ImageShape { channels: 1, height: 8, width: 8 };

/// A bright square at the top left or at the bottom right.
fn squares() -> Dataset {
    let image = |index: usize| {
        let dark = (index % 5 * 10) as u8;
        (0..64).map(move |place| {
            let (row, column) = (place / 8, place % 8);
            if (row < 4) == index.is_multiple_of(2) && (row < 4) == (column < 4) { 250 } else { dark }
        })
    };
    let labels = (0..20).map(|index| (index % 2) as u16).collect();
    let names = vec!["top".to_string(), "bottom".into()];
    Dataset::new("squares", SHAPE, names, (0..20).flat_map(image).collect(), labels).unwrap()
}

fn trainer(data: &Dataset, steps: u64) -> Trainer<'_> {
    let network = DenoiserConfig { width: 8, embedding: 16, ..DenoiserConfig::small(SHAPE, 2) };
    let training = TrainingConfig { steps, batch: 10, shards: 3, learning_rate: 5e-3, ..TrainingConfig::default() };
    Trainer::new(data, &network, &training).unwrap()
}

fn run(trainer: &mut Trainer, workers: usize, until: u64) -> Vec<f64> {
    let mut losses = Vec::new();
    let observe = |trainer: &Trainer, progress: &Progress| {
        assert_eq!(progress.step, trainer.step());
        losses.push(progress.loss);
        if progress.step == until { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    trainer.run(&Device::flex(), workers, observe).unwrap();
    losses
}

#[test]
fn workers_and_interruptions_change_no_bit() {
    let data = squares();
    let mut whole = trainer(&data, 6);
    let losses = run(&mut whole, 1, u64::MAX);
    let mut parallel = trainer(&data, 6);
    run(&mut parallel, 3, u64::MAX);
    assert_eq!(parallel.state, whole.state);

    let mut first = trainer(&data, 6);
    let mut seen = run(&mut first, 2, 4);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("training.safetensors");
    first.checkpoint().write(&path).unwrap();
    let mut second = Trainer::resume(&data, Checkpoint::read(&path).unwrap()).unwrap();
    seen.extend(run(&mut second, 2, u64::MAX));
    assert_eq!(seen, losses);
    assert_eq!(second.state, whole.state);
    assert_eq!(second.finished().average, whole.finished().average);
}

#[test]
fn it_learns_which_square_belongs_to_which_class() {
    let data = squares();
    let mut trainer = trainer(&data, 400);
    let losses = run(&mut trainer, 2, u64::MAX);
    let (first, last) = (losses[..10].iter().sum::<f64>(), losses[390..].iter().sum::<f64>());
    assert!(last < 0.5 * first, "{first} then {last}");
    let generator = crate::Generator::of(trainer.finished()).unwrap();
    let requests = crate::Request::of_counts(&[10, 10], 0);
    let compute = Compute { workers: 2, ..Compute::cpu() };
    let drawn = generator.draw(&requests, 1, &compute, &mut |_, _| ControlFlow::Continue(())).unwrap();
    let right = (0..20).filter(|&index| {
        let image = drawn.image(index);
        let brightness = |rows: std::ops::Range<usize>| {
            image[rows.start * 8..rows.end * 8].iter().map(|&b| u32::from(b)).sum::<u32>()
        };
        (brightness(0..4) > brightness(4..8)) == (drawn.label(index) == 0)
    });
    assert!(right.count() >= 19);
}

/// Two whole numbers around a category: of class 0 both low and red, of class 1 one high and one low, and green or blue.
fn rows() -> Dataset {
    let kind = crate::checkpoint::testing::untrained_rows(2).description.kind;
    let row = |index: u16| {
        let (small, high) = (f32::from(index / 2 % 5), f32::from(60 + index / 2 % 7));
        if index.is_multiple_of(2) { [small, 0.0, small + 3.0] } else { [high, f32::from(1 + index / 2 % 2), small] }
    };
    let bytes = (0..80).flat_map(row).flat_map(f32::to_le_bytes).collect();
    let (shape, names) = (kind.shape().unwrap(), vec!["low".to_string(), "mixed".into()]);
    Dataset::of_kind(kind.into(), "rows", shape, names, bytes, (0..80).map(|index| index % 2).collect()).unwrap()
}

#[test]
fn it_learns_numbers_and_words_of_a_table() {
    let data = rows();
    let network = DenoiserConfig { width: 32, embedding: 16, ..DenoiserConfig::suited(&data) };
    let training =
        TrainingConfig { steps: 600, batch: 32, shards: 2, learning_rate: 5e-3, ..TrainingConfig::default() };
    let mut trainer = Trainer::new(&data, &network, &training).unwrap();
    run(&mut trainer, 2, u64::MAX);
    let generator = crate::Generator::of(trainer.finished()).unwrap();
    let compute = Compute { workers: 2, ..Compute::cpu() };
    let requests = crate::Request::of_counts(&[50, 50], 0);
    let drawn = generator.draw(&requests, 1, &compute, &mut |_, _| ControlFlow::Continue(())).unwrap();
    let right = (0..100).filter(|&index| {
        let row: Vec<f32> = Columns::numbers(drawn.image(index)).collect();
        match drawn.label(index) {
            0 => row[0] < 8.0 && row[1] == 0.0 && (row[2] - row[0] - 3.0).abs() < 3.0,
            _ => row[0] > 55.0 && row[1] > 0.0 && row[2] < 8.0,
        }
    });
    let right = right.count();
    assert!(right >= 85, "{right}");
}

#[test]
fn a_table_has_no_picture_s_network_and_is_not_mirrored() {
    let data = rows();
    let problem = |network: &DenoiserConfig, mirror| {
        let training = TrainingConfig { mirror, ..TrainingConfig::default() };
        Trainer::new(&data, network, &training).unwrap_err().to_string()
    };
    let picture = DenoiserConfig::small(SHAPE, 2);
    assert!(problem(&picture, false).contains("draws no rows, which rows has"));
    assert!(problem(&DenoiserConfig::suited(&data), true).contains("no left and right"));
}

#[test]
fn a_training_may_start_from_a_generator_of_the_same_images() {
    let data = squares();
    let mut first = trainer(&data, 5);
    run(&mut first, 1, u64::MAX);
    let start = first.finished();
    let config = TrainingConfig { steps: 3, seed: 9, ..first.config().clone() };
    let mut second = Trainer::start_from(&data, &start, &config).unwrap();
    assert_eq!((second.step(), second.finished().average), (0, start.average.clone()));
    run(&mut second, 1, u64::MAX);
    let description = second.finished().description;
    assert_eq!((description.steps, description.steps_before), (3, 5));
    assert_ne!(second.finished().average, start.average);
    let other = data.select(&[0, 1, 2]);
    assert!(matches!(Trainer::start_from(&other, &start, &config), Err(TrainingError::OtherData(_))));
}

#[test]
fn a_student_draws_in_two_steps_what_its_teacher_draws_in_many() {
    let data = squares();
    // Long enough for a teacher whose steps can be learnt.
    let mut first = trainer(&data, 500);
    run(&mut first, 2, u64::MAX);
    let teacher = || {
        let sampling = Sampling { steps: 8, sigma_max: 5.0, guidance: 0.5, ..Sampling::default() };
        Generator::of(first.finished()).unwrap().with_sampling(sampling).unwrap()
    };
    let mut start = first.finished();
    start.description.sampling =
        Sampling { method: Method::Euler, steps: 2, sigma_min: 0.7, sigma_max: 5.0, ..Sampling::default() };
    let config = TrainingConfig { steps: 300, seed: 9, average: 0.98, ..first.config().clone() };
    let draw = |generator: &Generator| {
        let requests = crate::Request::of_counts(&[10, 10], 0);
        generator.draw(&requests, 4, &Compute::cpu(), &mut |_, _| ControlFlow::Continue(())).unwrap()
    };
    let expected = draw(&teacher());
    let distance = |checkpoint: Checkpoint| {
        let drawn = draw(&Generator::of(checkpoint).unwrap());
        let pairs = (0..20).flat_map(|i| drawn.image(i).iter().zip(expected.image(i)));
        pairs.map(|(a, b)| f64::from(a.abs_diff(*b)).powi(2)).sum::<f64>()
    };
    let begin = || Trainer::start_from(&data, &start, &config).unwrap();
    let mut student = begin().distil(teacher()).unwrap();
    let losses = run(&mut student, 2, u64::MAX);
    let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
    let (first_losses, last_losses) = (mean(&losses[..30]), mean(&losses[270..]));
    let (before, after) = (distance(start.clone()), distance(student.finished()));
    assert!(last_losses < 0.6 * first_losses && after < 0.6 * before, "{first_losses} {last_losses}, {before} {after}");
    let checkpoint = student.checkpoint();
    assert_eq!(checkpoint.description.training.label_dropout, 0.0);
    let mut alone = Trainer::resume(&data, Checkpoint { state: checkpoint.state.clone(), ..checkpoint }).unwrap();
    alone.checkpoint.description.training.steps += 1;
    let error = alone.run(&Device::flex(), 1, |_, _| ControlFlow::Continue(())).unwrap_err();
    assert!(error.to_string().contains("has to be named"), "{error}");
    // Whoever draws by another method learns nothing of use.
    let unfit = Trainer::start_from(&data, &first.finished(), &config).unwrap().distil(teacher()).unwrap_err();
    assert!(unfit.to_string().contains("--method euler"), "{unfit}");
    // What a teacher saw elsewhere would be passed on unnamed.
    let other = data.select(&[0, 1, 2]);
    let stranger = Generator::of(trainer(&other, 1).finished()).unwrap();
    assert!(matches!(begin().distil(stranger), Err(TrainingError::OtherData(_))));
}

#[test]
fn resuming_needs_the_state_and_the_same_images() {
    let data = squares();
    let mut trainer = trainer(&data, 2);
    run(&mut trainer, 1, 1);
    assert_eq!(Trainer::resume(&data, trainer.finished()).unwrap_err(), TrainingError::NotResumable);
    let other = data.select(&[0, 1, 2]);
    let error = Trainer::resume(&other, trainer.checkpoint()).unwrap_err().to_string();
    assert!(error.contains("squares"), "{error}");
    let none = data.select(&[]);
    let network = DenoiserConfig { width: 8, embedding: 16, ..DenoiserConfig::small(SHAPE, 2) };
    let error = Trainer::new(&none, &network, &TrainingConfig::default()).unwrap_err();
    assert!(matches!(error, TrainingError::NoImages { .. }));
}

#[test]
fn divergence_is_an_error_and_keeps_the_last_good_state() {
    let data = squares();
    let mut trainer = trainer(&data, 2);
    trainer.state.weights.values_mut()[0] = f32::INFINITY;
    let before = trainer.state.clone();
    let error = trainer.run(&Device::flex(), 1, |_, _| ControlFlow::Continue(())).unwrap_err();
    assert!(matches!(error, TrainingError::Diverged { step: 0, .. }));
    assert_eq!(trainer.state, before);
}

#[test]
fn it_learns_which_words_follow_each_other_in_a_class() {
    let data = texts(&TEXTS);
    let config = TrainingConfig { steps: 300, batch: 20, shards: 2, learning_rate: 1e-2, ..TrainingConfig::default() };
    let train = |workers| {
        let mut trainer = Trainer::new(&data, &DenoiserConfig { width: 16, ..tiny(&data) }, &config).unwrap();
        let losses = run(&mut trainer, workers, u64::MAX);
        (trainer.finished(), losses)
    };
    let (checkpoint, losses) = train(2);
    let (first, last) = (losses[..20].iter().sum::<f64>(), losses[280..].iter().sum::<f64>());
    assert!(last < 0.4 * first, "{first} then {last}");
    assert_eq!(train(1).0.average, checkpoint.average);
    let generator = crate::Generator::of(checkpoint).unwrap();
    let compute = Compute { workers: 2, ..Compute::cpu() };
    let requests = crate::Request::of_counts(&[30, 30], 0);
    let drawn = generator.draw(&requests, 1, &compute, &mut |_, _| ControlFlow::Continue(())).unwrap();
    let seen = |index: usize| {
        (0..5).any(|text| drawn.image(index) == data.image(text) && drawn.label(index) == data.label(text))
    };
    let right = (0..60).filter(|&index| seen(index)).count();
    assert!(right > 40, "{right} of 60 are texts of their class");
}
