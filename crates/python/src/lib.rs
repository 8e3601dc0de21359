//! imfl from Python: what the libraries can do, as functions and classes that the package `imfl` (`python/imfl`) gives types to.
//!
//! Nothing is decided or counted here. Work runs without the interpreter's lock, a panic comes out as an exception, and money
//! crosses as integers: micro-credits, or pico-credits a unit.
#![forbid(unsafe_code)]

mod arrays;
mod bench;
mod clients;
mod dataset;
mod events;
mod experiments;
mod failure;
mod federation;
mod forecast;
mod fork;
mod generator;
mod handed;
mod joining;
mod leaving;
mod ledger;
mod mechanism;
mod offer;
mod outcome;
mod own;
mod remote;
mod run;
mod settings;
mod share;
mod table;
mod trainer;
mod values;
mod watch;
mod weights;

use pyo3::prelude::*;

/// The extension module `imfl._imfl`.
#[pymodule]
mod _imfl {
    use super::*;

    #[pymodule_export]
    use super::{
        bench::bench, clients::combine, dataset::Dataset, experiments::experiment, experiments::experiments,
        experiments::report, experiments::sweep, federation::Federation, forecast::Forecast, generator::Generator,
        generator::train_generator, ledger::Ledger, ledger::replay, mechanism::Market, mechanism::verify,
        offer::answer, offer::instalment, own::Own, remote::run_remote, run::devices, run::run, settings::settings,
        settings::template, share::device_factors, share::shares, trainer::Trainer, watch::finish, watch::leave,
    };

    #[pymodule_init]
    fn init(module: &Bound<PyModule>) -> PyResult<()> {
        fork::imported();
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }

    /// Says where the package keeps the files that ship with the project.
    #[pyfunction]
    fn bring_assets(folder: std::path::PathBuf) {
        imfl_run::assets::bring(folder);
    }
}
