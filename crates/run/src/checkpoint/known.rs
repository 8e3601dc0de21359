//! What an earlier process has left of a run.

use super::prepared::Prepared;
use super::resume::Resumed;
use crate::allocation::Allocation;
use crate::assessment::Assessment;
use crate::config::RecordedCosts;
use crate::failure::Outcome;
use crate::host::Host;
use crate::run_dir::RunDir;
use imfl_engine::data::Dataset;
use imfl_engine::federated::ServerState;
use imfl_engine::parameters::Layout;
use imfl_mechanism::Forecast;
use std::path::Path;
use std::sync::Arc;

/// What need not be found out again; nothing of it for a new run.
///
/// Costs and the server's state stay what they were; the rest is known only if nothing that it depends on was changed.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a>(pub Option<&'a Resumed>);

impl<'a> Known<'a> {
    fn prepared(self) -> Option<&'a Prepared> {
        self.0.filter(|resumed| !resumed.changed).map(|resumed| &resumed.prepared)
    }

    /// The run's folder; a new run makes one.
    ///
    /// # Errors
    /// A failure that names the folder that could not be made.
    pub fn folder(self, host: &Host, runs: &Path, name: &str) -> Outcome<RunDir> {
        self.0.map_or_else(|| RunDir::create(host.files.clone(), runs, name), |resumed| Ok(resumed.folder.clone()))
    }

    /// Seconds of work.
    pub fn costs(self) -> Option<RecordedCosts> {
        self.0.map(|resumed| resumed.prepared.numbers.costs)
    }

    /// What generated images are worth.
    pub fn assessment(self) -> Option<Assessment> {
        self.prepared().map(|prepared| prepared.numbers.assessment.clone())
    }

    /// What to expect of whom.
    pub fn forecast(self) -> Option<Forecast> {
        self.prepared().and_then(|prepared| prepared.numbers.forecast.clone())
    }

    /// The images that were generated for clients.
    pub fn generated(self) -> Option<Arc<Dataset>> {
        self.prepared()?.generated.clone()
    }

    /// Refuses to go on with other data or other pay than before.
    ///
    /// # Errors
    /// As [`Prepared::check`].
    pub fn check(self, data: &str, allocation: &Allocation) -> Outcome {
        self.prepared().map_or(Ok(()), |prepared| prepared.check(data, allocation))
    }

    /// The server after the last round.
    ///
    /// # Errors
    /// As [`Resumed::state`].
    pub fn state(self, layout: &Arc<Layout>) -> Outcome<Option<ServerState>> {
        self.0.map(|resumed| resumed.state(layout)).transpose()
    }
}
