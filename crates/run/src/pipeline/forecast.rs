//! Before prices: the laws by which the server knows what accuracy to expect of whom, out of a file or by pilots.

use super::pilots::{Ground, Plan};
use super::provenance::Origin;
use super::setup::Setup;
use crate::agreement;
use crate::assessment::Assessment;
use crate::assets;
use crate::checkpoint::digest;
use crate::config::{ObjectiveChoice, RecordedCosts, read_as};
use crate::failure::{Failure, Kind, Outcome};
use imfl_engine::data::Dataset;
use imfl_mechanism::Forecast;
use imfl_mechanism::objective::{self, Fit, Pilot};
use imfl_storage::{FileSystem, replace_shared};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Forecasts that ship with the project.
const SHIPPED: [&str; 4] =
    ["forecasts/mnist.toml", "forecasts/letters.toml", "forecasts/glosses.toml", "forecasts/notes.toml"];
/// Folder of those that runs have fitted, beside the runs.
const KEPT: &str = "forecasts";
/// Pilots of clients whose size differs from the run's by more than this factor say too little about it.
const ALIKE: f64 = 2.0;
/// The name of that size among the settings.
const PER_CLIENT: &str = "samples per client";
/// The name of the generator among them.
const GENERATOR: &str = "generator";
/// The name of clipping and noise among them; forecasts that do not say know of none.
const PRIVACY: &str = "privacy";
/// The name of how uneven the labels of clients are.
const SKEW: &str = "skew";
/// Labels that are more uneven than those of pilots by more than this are something that nobody has tried.
const TRIED: f64 = 0.1;

/// The forecast of a run, if that is its objective: the one that is `known` from before it was interrupted, the file's, the shipped one, an earlier
/// run's, or a new one. `stock` are generated images that pilots may train on. None also where the server holds too few images for pilots, which
/// it says: a small dataset can be run all the same.
///
/// # Errors
/// A forecast that does not fit the run, by name of the setting that differs; what a pilot's training returns.
pub fn find(
    setup: &Setup,
    files: &dyn FileSystem,
    known: Option<Forecast>,
    stock: Option<&Arc<Dataset>>,
    costs: &RecordedCosts,
) -> Outcome<Option<Forecast>> {
    if setup.config.mechanism.objective != ObjectiveChoice::Forecast {
        return Ok(None);
    }
    if known.is_some() {
        return Ok(known);
    }
    let ranks = &setup.compute.ranks;
    if let Some(forecast) = agreement::from_first(ranks, || there(setup))? {
        return Ok(Some(forecast));
    }
    let ground = match Ground::new(setup) {
        Ok(ground) => ground,
        Err(failure) => {
            setup.progress.warn(format!("{failure}; until then the convergence bound decides"));
            return Ok(None);
        }
    };
    let plan = agreement::from_first(ranks, || passes(setup, &ground, costs))?;
    let (_, Fit { forecast, .. }) = fit(setup, &ground, &ground.plan(plan), stock, costs)?;
    agreement::from_first(ranks, || keep(setup, files, &forecast).map(|()| forecast)).map(Some)
}

/// Whether generated images are worth something: by the forecast, else by what was tried.
pub(super) fn offers(forecast: Option<&Forecast>, assessment: &Assessment) -> bool {
    forecast.map_or(assessment.offered().is_some(), |forecast| forecast.error.generated > 0.0)
}

/// Trains the pilots and fits the laws to what came of them.
///
/// # Errors
/// As [`find`].
pub fn fit(
    setup: &Setup,
    ground: &Ground,
    plan: &Plan,
    stock: Option<&Arc<Dataset>>,
    costs: &RecordedCosts,
) -> Outcome<(Vec<Pilot>, Fit)> {
    let seconds = plan.passes * costs.seconds_per_sample / setup.compute.workers.max(1) as f64;
    setup.progress.note(format!(
        "pilots: {} trainings on {} {} that the server holds, scored on {} others; {:.0} % of the work of the run's training, \
         about {seconds:.0} s",
        plan.trials.len(),
        ground.parts()[1].len(),
        setup.train.kind.plural(),
        ground.parts()[0].len(),
        100.0 * plan.passes / plan.training.max(1.0),
    ));
    let pilots = ground.train(plan, stock)?;
    let settings = settings(setup, ground);
    let private = ground.private().map_or_else(String::new, |private| format!(", private: {private}"));
    let about = format!(
        "{} pilots of {} rounds on {} {} of {} that no client holds, scored on {} others{private}",
        pilots.len(),
        setup.config.training.rounds,
        ground.parts()[1].len(),
        setup.train.kind.plural(),
        setup.train.name,
        ground.parts()[0].len()
    );
    let mut found = objective::fit(&pilots, ground.nobody()?, None, &about)?;
    if let Some(fitted) = &mut found.forecast.fitted {
        fitted.settings = settings;
        setup.progress.note(format!(
            "forecast: off by {:.2} points of accuracy on pilots that it was not fitted on, rank correlation {:.2}",
            fitted.error.usual(),
            fitted.error.spearman
        ));
    }
    Ok((pilots, found))
}

/// Samples that pilots may pass over: by the seconds that were allowed, else as [`Ground::passes`] says.
///
/// # Errors
/// A failure that names a wrong setting.
pub fn passes(setup: &Setup, ground: &Ground, costs: &RecordedCosts) -> Outcome<f64> {
    match setup.config.mechanism.pilots {
        Some(seconds) => {
            Ok(seconds * setup.compute.workers.max(1) as f64 / costs.seconds_per_sample.max(f64::MIN_POSITIVE))
        }
        None => ground.passes(),
    }
}

/// A forecast that need not be fitted.
fn there(setup: &Setup) -> Outcome<Option<Forecast>> {
    let ground = Ground::new(setup);
    if let Some(path) = setup.config.mechanism.forecast.as_deref().filter(|path| path.exists()) {
        let forecast = read(path)?;
        let differing = match (&ground, forecast.fitted.as_ref().map(|fitted| &fitted.settings)) {
            (Ok(ground), Some(settings)) if !settings.is_empty() => {
                differences(settings, &self::settings(setup, ground))
            }
            _ => Vec::new(),
        };
        if forecast.classes != setup.train.classes() {
            let (known, found) = (forecast.classes, setup.train.classes());
            let problem = format!(
                "{} is for {known} classes, but {} has {found}; name another file, and one is fitted",
                path.display(),
                setup.train.name
            );
            return Err(Failure::new(Kind::Config, problem));
        }
        if !differing.is_empty() {
            let problem = format!(
                "{} was fitted for other settings: {}; name another file, and a forecast for these is fitted and written there",
                path.display(),
                differing.join(", ")
            );
            return Err(Failure::new(Kind::Config, problem));
        }
        setup.progress.note(format!("forecast: {}", path.display()));
        return Ok(Some(forecast));
    }
    let Ok(ground) = ground else { return Ok(None) };
    let settings = settings(setup, &ground);
    let shipped = SHIPPED.iter().filter_map(|name| assets::path(name).ok());
    let kept = setup.config.mechanism.forecast.is_none().then(|| kept(setup, &settings));
    for path in shipped.chain(kept).filter(|path| path.is_file()) {
        let forecast = read(&path)?;
        let fits = |fitted: &objective::Fitted| differences(&fitted.settings, &settings).is_empty();
        if forecast.classes == setup.train.classes() && forecast.fitted.as_ref().is_some_and(fits) {
            setup.progress.note(format!("forecast: {}", path.display()));
            return Ok(Some(forecast));
        }
    }
    Ok(None)
}

fn read(path: &Path) -> Outcome<Forecast> {
    let forecast: Forecast = read_as(path)?;
    forecast.check().map_err(|error| Failure::new(Kind::Config, format!("{}: {error}", path.display())))?;
    Ok(forecast)
}

fn keep(setup: &Setup, files: &dyn FileSystem, forecast: &Forecast) -> Outcome {
    let settings = forecast.fitted.as_ref().map(|fitted| fitted.settings.clone()).unwrap_or_default();
    let path = setup.config.mechanism.forecast.clone().unwrap_or_else(|| kept(setup, &settings));
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        let fail = |error| Failure::new(Kind::Unexpected, format!("cannot make {}: {error}", folder.display()));
        std::fs::create_dir_all(folder).map_err(fail)?;
    }
    // Runs of a sweep that need the same forecast may fit it at the same time, and come to the same.
    Ok(replace_shared(files, &path, forecast.to_toml().as_bytes())?)
}

/// Where a forecast for these settings is kept.
fn kept(setup: &Setup, settings: &BTreeMap<String, String>) -> PathBuf {
    let mut hasher = imfl_storage::Hasher::default();
    settings.iter().for_each(|(key, value)| hasher.update(format!("{key}={value}\n").as_bytes()));
    setup.config.runs.join(KEPT).join(format!("{:.12}.toml", hasher.hex()))
}

/// What a forecast depends on, by name.
fn settings(setup: &Setup, ground: &Ground) -> BTreeMap<String, String> {
    let training = &setup.config.training;
    let generator = match (&setup.generator, &setup.provenance) {
        (Some(_), Some(from)) => match (&from.sha256, from.origin) {
            (Some(sha256), _) => sha256.clone(),
            (None, Origin::Trained) => {
                let (data, steps) = (from.dataset.as_deref().unwrap_or_default(), from.steps.unwrap_or_default());
                format!("trained on {data} for {steps} steps, seed {}", setup.seed)
            }
            // Fitted anew to what pilots train on, whatever the run's seed.
            (None, Origin::Fitted) => {
                setup.generator.as_ref().map_or_else(String::new, |generator| generator.provenance().name.clone())
            }
            (None, _) => from.path.as_deref().map_or_else(String::new, |path| path.display().to_string()),
        },
        _ => "none".into(),
    };
    let named = [
        ("images", digest(ground.parts())),
        (GENERATOR, generator),
        ("model", training.architecture().to_string()),
        ("rounds", training.rounds.to_string()),
        ("local epochs", training.local_epochs().to_string()),
        ("batch", training.batch.to_string()),
        ("rate", training.rate.to_string()),
        ("schedule", training.schedule.to_string()),
        ("momentum", training.momentum.to_string()),
        ("weight decay", training.weight_decay.to_string()),
        ("algorithm", training.algorithm.to_string()),
        ("server", format!("{:?}", training.server.server())),
        (PRIVACY, ground.private().unwrap_or_else(|| "none".into())),
        (PER_CLIENT, format!("{:.1}", ground.per_client())),
        (SKEW, format!("{:.2}", ground.skew())),
    ];
    named.into_iter().map(|(name, value)| (name.to_string(), value)).collect()
}

/// Settings whose values differ, as `rate 0.05 -> 0.1`. Sizes of clients may differ by a factor of [`ALIKE`], and labels may be more even than those of pilots; without a
/// generator it does not matter which one pilots had.
fn differences(fitted: &BTreeMap<String, String>, now: &BTreeMap<String, String>) -> Vec<String> {
    let size = |text: &String| text.parse().unwrap_or(f64::NAN);
    let alike = |name: &str, then: &String, now: &String| match name {
        PER_CLIENT => (1.0 / ALIKE..=ALIKE).contains(&(size(then) / size(now))),
        SKEW => size(now) <= size(then) + TRIED,
        GENERATOR if now == "none" => true,
        _ => then == now,
    };
    let (unknown, none) = ("unknown".to_string(), "none".to_string());
    let then = |name: &String| fitted.get(name).unwrap_or(if name == PRIVACY { &none } else { &unknown });
    now.iter()
        .map(|(name, now)| (name, then(name), now))
        .filter(|(name, then, now)| !alike(name, then, now))
        .map(|(name, then, now)| format!("{name} {then:.40} -> {now:.40}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forecast_is_used_again_only_where_what_it_depends_on_stays() {
        let of = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect::<BTreeMap<_, _>>()
        };
        let fitted = of(&[("rate", "0.1"), (PER_CLIENT, "1000.0"), (GENERATOR, "abc")]);
        assert!(differences(&fitted, &fitted).is_empty());
        assert!(differences(&fitted, &of(&[("rate", "0.1"), (PER_CLIENT, "600"), (GENERATOR, "none")])).is_empty());
        let other = of(&[("rate", "0.2"), (PER_CLIENT, "100"), (GENERATOR, "abd"), ("rounds", "3")]);
        let skewed = |skew: &str| of(&[(SKEW, skew)]);
        assert!(differences(&skewed("1.20"), &skewed("0.40")).is_empty());
        assert_eq!(differences(&skewed("1.20"), &skewed("1.60")), ["skew 1.20 -> 1.60"]);
        assert_eq!(differences(&fitted, &skewed("0.40")), ["skew unknown -> 0.40"]);
        let found = differences(&fitted, &other);
        let expected =
            ["generator abc -> abd", "rate 0.1 -> 0.2", "rounds unknown -> 3", "samples per client 1000.0 -> 100"];
        assert_eq!(found, expected);
        // Forecasts of before there were private runs know of no noise.
        let (private, open) = (of(&[(PRIVACY, "noise 1")]), of(&[(PRIVACY, "none")]));
        assert!(differences(&fitted, &open).is_empty());
        assert_eq!(differences(&fitted, &private), ["privacy none -> noise 1"]);
        assert_eq!(differences(&private, &open), ["privacy noise 1 -> none"]);
    }
}
