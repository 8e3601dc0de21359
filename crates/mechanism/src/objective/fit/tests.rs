//! Laws are found again, chosen by what they have not seen, and refused where nothing can be said.

use super::*;
use crate::objective::law::{By, Deviation, Update};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Pilots that follow a law, but for relative noise.
fn pilots(seed: u64, count: usize, law: &Law, noise: f64, generated: bool) -> Vec<Pilot> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..count)
        .map(|at| {
            let size = 10f64.powf(rng.random_range(1.5..3.5));
            let power = rng.random_range(0.0..5.0);
            let mut count = |most: f64| (most * rng.random::<f64>().powf(power)) as u64;
            let authentic: Vec<u64> = (0..5).map(|_| 1 + count(size)).collect();
            let made: Vec<u64> = (0..5).map(|_| if generated { count(size) } else { 0 }).collect();
            let mut pilot = Pilot {
                authentic,
                generated: made,
                update: Update {
                    mix: Some(rng.random_range(0.0..1.5)),
                    skew: Some(rng.random_range(0.0..1.8)),
                    steps: Some(rng.random_range(2.0..60.0)),
                },
                measured: Prediction { loss: 0.0, error: 0.0 },
                group: (at / 5).to_string(),
            };
            let value = value(law, &pilot, &[0.2; 5]) * (noise * rng.random_range(-1.0..1.0f64)).exp();
            pilot.measured = Prediction { loss: 3.0 * value, error: value.min(1.0) };
            pilot
        })
        .collect()
}

const LAW: Law = Law {
    by: By::Class,
    floor: 0.02,
    scale: 0.12,
    offset: 10.0,
    exponent: 0.7,
    generated: 0.6,
    mix: None,
    skew: None,
    steps: None,
};

#[test]
fn a_law_is_found_again_and_predicts_what_it_has_not_seen() {
    for (law, name) in [
        (LAW, "class"),
        (Law { mix: Some(Deviation { scale: 0.1, exponent: 1.3 }), ..LAW }, "class + mix"),
        (Law { skew: Some(Deviation { scale: 0.1, exponent: 1.3 }), ..LAW }, "class + skew"),
        (Law { by: By::Samples, ..LAW }, "samples"),
        (Law { steps: Some(0.5), floor: 0.0, ..LAW }, "class + "),
    ] {
        let nobody = Prediction { loss: 2.3, error: 0.8 };
        let found = fit(&pilots(1, 60, &law, 0.02, true), nobody, None, "made up").unwrap();
        let chosen = found.candidates.iter().find(|of| of.chosen && of.quantity == "error").unwrap();
        // the richer family contains the simpler one, so it may win by chance
        assert!(chosen.law.starts_with(name), "{name}: {:?}", found.candidates);
        let fitted = found.forecast.fitted.as_ref().unwrap();
        assert!(
            fitted.error.spearman > 0.97 && fitted.error.r2 > 0.97 && fitted.error.error < 1.0,
            "{name}: {fitted:?}"
        );
        assert!((found.forecast.error.generated - 0.6).abs() < 0.15, "{name}: {:?}", found.forecast.error);
        for pilot in pilots(2, 100, &law, 0.0, true) {
            let predicted = found.forecast.predict(&pilot.authentic, &pilot.generated, pilot.update).unwrap();
            let ratio = (predicted.error + 0.005) / (pilot.measured.error + 0.005);
            assert!((0.8..1.25).contains(&ratio), "{name}: {ratio} at {:?}", pilot);
        }
        // it is written and read back to the bit
        assert_eq!(Forecast::parse(&found.forecast.to_toml()).unwrap(), found.forecast);
    }
}

/// Nothing that is said of held-out pilots is worse than what laws without steps would have had said of them.
#[test]
fn steps_are_looked_at_only_where_nothing_gets_worse() {
    let nobody = Prediction { loss: 2.3, error: 0.8 };
    let (mut with, mut without) = (0, 0);
    for seed in 0..4 {
        for scale in [0.02, 0.5] {
            let stepped = pilots(seed, 14, &Law { steps: Some(scale), ..LAW }, 0.15, false);
            let plain: Vec<Pilot> = stepped
                .iter()
                .map(|pilot| Pilot { update: Update { steps: None, ..pilot.update }, ..pilot.clone() })
                .collect();
            let [stepped, plain] = [stepped, plain].map(|of| fit(&of, nobody, None, "").unwrap().forecast);
            let of = |forecast: &Forecast| forecast.fitted.clone().map(|of| [of.error, of.loss]).unwrap();
            for (with, without) in of(&stepped).iter().zip(of(&plain)) {
                assert!(with.r2 >= without.r2 && with.error <= without.error, "{with:?} {without:?}");
            }
            *if stepped.error.steps.is_some() { &mut with } else { &mut without } += 1;
        }
    }
    assert!(with > 0 && without > 0, "{with} {without}");
}

/// Holding out can say no: where counts tell nothing, nothing is claimed.
#[test]
fn noise_is_not_predicted() {
    let mut noise = pilots(3, 40, &LAW, 0.0, false);
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    for pilot in &mut noise {
        pilot.measured = Prediction { loss: rng.random_range(0.5..2.0), error: rng.random_range(0.1..0.9) };
    }
    let fitted = fit(&noise, Prediction { loss: 2.3, error: 0.8 }, None, "").unwrap().forecast.fitted.unwrap();
    assert!(fitted.error.r2 < 0.3 && fitted.error.spearman < 0.5, "{fitted:?}");
}

#[test]
fn a_generated_sample_that_no_pilot_has_is_worth_nothing_and_eight_pilots_suffice() {
    let found = fit(&pilots(4, 8, &LAW, 0.02, false), Prediction { loss: 2.3, error: 0.8 }, None, "").unwrap();
    assert_eq!(found.forecast.error.generated, 0.0);
    assert!(found.forecast.fitted.unwrap().error.spearman > 0.8);
}

#[test]
fn errors_stay_below_one_without_data() {
    let found = fit(&pilots(6, 40, &LAW, 0.05, true), Prediction { loss: 2.3, error: 0.8 }, None, "").unwrap();
    let law = found.forecast.error;
    assert!(law.floor + law.scale * law.decay(0.0) <= 1.0 + 1e-9);
}

#[test]
fn pilots_that_cannot_be_fitted_are_refused() {
    let nobody = Prediction { loss: 2.3, error: 0.8 };
    let few = pilots(1, 4, &LAW, 0.0, true);
    assert!(fit(&few, nobody, None, "").unwrap_err().to_string().contains("at least 6"));
    let mut other = pilots(1, 10, &LAW, 0.0, true);
    other[3].authentic.pop();
    assert!(fit(&other, nobody, None, "").unwrap_err().to_string().contains("same number of classes"));
    let mut empty = pilots(1, 10, &LAW, 0.0, true);
    (empty[2].authentic, empty[2].generated) = (vec![0; 5], vec![0; 5]);
    assert!(fit(&empty, nobody, None, "").unwrap_err().to_string().contains("number 3 trained on nothing"));
}
