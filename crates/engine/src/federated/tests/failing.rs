//! A device that fails in the middle of a run.

use super::*;
use crate::device::failed::fail;
use crate::layer::Pass;
use crate::model::Model;
use crate::parameters::Layout;
use burn::tensor::Tensor;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A model on a device that fails at the forward pass with that number.
struct Failing {
    model: Arc<dyn Model>,
    passes: AtomicUsize,
    last: usize,
}

impl Model for Failing {
    fn layout(&self) -> &Arc<Layout> {
        self.model.layout()
    }

    fn features(&self, pass: &mut Pass, inputs: Tensor<5>) -> Tensor<3> {
        if self.passes.fetch_add(1, Ordering::Relaxed) == self.last {
            fail("out of memory");
        }
        self.model.features(pass, inputs)
    }

    fn classify(&self, pass: &mut Pass, features: Tensor<3>) -> Tensor<3> {
        self.model.classify(pass, features)
    }
}

/// A model on a device without room for more clients than that at once.
struct Narrow {
    model: Arc<dyn Model>,
    room: usize,
}

impl Model for Narrow {
    fn layout(&self) -> &Arc<Layout> {
        self.model.layout()
    }

    fn features(&self, pass: &mut Pass, inputs: Tensor<5>) -> Tensor<3> {
        if inputs.dims()[0] > self.room {
            fail("out of memory");
        }
        self.model.features(pass, inputs)
    }

    fn classify(&self, pass: &mut Pass, features: Tensor<3>) -> Tensor<3> {
        self.model.classify(pass, features)
    }
}

#[test]
fn chunks_are_halved_until_they_fit_and_the_result_is_the_same() {
    let (mut federation, cohort) = federation(Architecture::Mlp, local(0.05));
    assert!(cohort.len() >= 4);
    let whole = federation.train(federation.start(), 3, &cohort).unwrap();
    federation.compute.chunk = Some(cohort.len());
    for room in [2, 1, 0] {
        let (mut plans, mut halved) = (Vec::new(), Vec::new());
        let narrow = Federation {
            model: Arc::new(Narrow { model: federation.model.clone(), room }),
            ceiling: Default::default(),
            ..federation.clone()
        };
        let see = |_: &ServerState, report: RoundReport| {
            plans.push(report.plan.chunk);
            halved.extend(report.halved.map(|halved| halved.to_string()));
            Ok::<_, TrainingError>(())
        };
        let trained = narrow.train_with(narrow.start(), 3, |_| Ok(&cohort), see);
        if room == 0 {
            let error = trained.unwrap_err();
            assert!(matches!(error, TrainingError::Device { round: 1, chunk: 1, .. }), "{error}");
            continue;
        }
        assert!(trained.unwrap() == whole);
        assert!(plans.iter().all(|chunk| *chunk <= room) && plans.len() == 3, "{plans:?}");
        // Said once, in the round where it happened.
        assert_eq!(halved.len(), 1);
        assert!(halved[0].contains("out of memory"), "{halved:?}");
    }
}

#[test]
fn a_round_whose_device_fails_is_an_error_and_what_was_kept_before_goes_on() {
    for workers in [1, 3] {
        let (mut federation, cohort) = federation(Architecture::Mlp, local(0.05));
        federation.compute.workers = workers;
        let whole = federation.train(federation.start(), 4, &cohort).unwrap();
        let sound = federation.model.clone();
        // The trace showed the model nothing of this wrapper; a client makes a pass for each step.
        let passes = cohort.iter().map(|one| 2 * one.client.samples.len().div_ceil(4)).sum::<usize>();
        federation.model = Arc::new(Failing { model: sound.clone(), passes: 0.into(), last: 2 * passes + 3 });
        let mut kept = federation.start();
        let keep = |state: &ServerState, _| {
            kept = state.clone();
            Ok::<_, TrainingError>(())
        };
        let error = federation.train_with(federation.start(), 4, |_| Ok(&cohort), keep).unwrap_err();
        let TrainingError::Device { round: 3, .. } = &error else { panic!("{error}") };
        assert!(error.to_string().contains("out of memory; nothing of this round was kept"), "{error}");
        assert_eq!(kept.round, 2);
        federation.model = sound;
        assert!(federation.train(kept, 4, &cohort).unwrap() == whole, "{workers} workers");
    }
}
