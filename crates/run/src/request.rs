//! Which run is asked for: settings that are said over those of a file, or over those of a run that goes on, or over the defaults.

use crate::checkpoint::{self, Resumed};
use crate::config::RunConfig;
use crate::failure::Outcome;
use crate::host::Host;

/// Where a run goes on.
#[derive(Clone, Debug)]
pub struct GoOn {
    /// `latest`, the folder of a run, or that of a checkpoint.
    pub from: String,
    /// Whether it goes on although its configuration changes.
    pub changed: bool,
}

/// The configuration of the run that is asked for, and where it goes on if it does. `said` puts what is said beside the `file` over a
/// configuration. A run that goes on keeps its seed unless another is said, and without a file all its settings.
///
/// # Errors
/// What `said` finds wrong, and what [`checkpoint::resume`] and [`Resumed::with`] do.
pub fn resolve(
    host: &Host,
    file: Option<RunConfig>,
    on: Option<&GoOn>,
    said: impl Fn(&mut RunConfig) -> Outcome,
) -> Outcome<(RunConfig, Option<Resumed>)> {
    let Some(GoOn { from, changed }) = on else {
        let mut config = file.unwrap_or_default();
        said(&mut config)?;
        return Ok((config, None));
    };
    let mut first = file.clone().unwrap_or_default();
    said(&mut first)?;
    let resumed = checkpoint::resume(host, from, &first.runs)?;
    let mut config = file.unwrap_or_else(|| resumed.config.clone());
    config.seed = config.seed.or(resumed.config.seed);
    said(&mut config)?;
    let resumed = resumed.with(&mut config, *changed)?;
    Ok((config, Some(resumed)))
}
