//! Forecasts: the laws of a learning problem, read, fitted and asked.

use crate::failure::{about, short};
use crate::settings::Said;
use crate::table::Table;
use crate::values;
use crate::watch::watch;
use imfl_mechanism::objective::{self, Fit, Pilot, Prediction, Update};
use imfl_run::{Failure, Kind, config, pipeline};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::path::PathBuf;

/// What accuracy and loss to expect of whom.
#[pyclass(frozen, module = "imfl._imfl")]
pub struct Forecast(pub objective::Forecast);

#[pymethods]
impl Forecast {
    /// Reads a forecast file.
    #[staticmethod]
    fn load(py: Python, path: PathBuf) -> PyResult<Self> {
        short(py, || {
            let forecast: objective::Forecast = config::read_as(&path)?;
            about(&path.display().to_string(), forecast.check().map_err(Failure::from))?;
            Ok::<_, Failure>(Self(forecast))
        })
    }

    /// Reads the text of a forecast file.
    #[staticmethod]
    fn parse(py: Python, text: &str) -> PyResult<Self> {
        short(py, || objective::Forecast::parse(text).map(Self))
    }

    /// Fits the laws to pilots. What is not said of nobody taking part is that of a guess.
    #[staticmethod]
    fn fit<'py>(
        py: Python<'py>,
        pilots: Table,
        initial_loss: Option<f64>,
        initial_error: Option<f64>,
        about: &str,
    ) -> PyResult<(Self, Bound<'py, PyAny>)> {
        let Fit { forecast, candidates } = short(py, || {
            let (name, table) = pilots.open(Kind::Data)?;
            let pilots = Pilot::read_csv(table, &name)?;
            let guess = Pilot::guess(&pilots);
            let nobody =
                Prediction { loss: initial_loss.unwrap_or(guess.loss), error: initial_error.unwrap_or(guess.error) };
            Ok::<_, Failure>(objective::fit(&pilots, nobody, None, about)?)
        })?;
        Ok((Self(forecast), values::of(py, &candidates)?))
    }

    /// Trains the pilots of a run with these settings and fits the laws to them. Says too how each family of laws did, and the pilots
    /// as a CSV file.
    #[staticmethod]
    fn calibrate<'py>(
        py: Python<'py>,
        config: Option<&Bound<'py, PyAny>>,
        given: &Bound<'py, PyDict>,
        recorded: Option<PathBuf>,
        on_event: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<(Self, Bound<'py, PyAny>, String)> {
        let said = Said::read(config, given, recorded)?;
        let (pilots, fit) = watch(py, on_event, move |host| pipeline::calibrate(said.config()?, host))?;
        let Fit { forecast, candidates } = fit;
        Ok((Self(forecast), values::of(py, &candidates)?, Pilot::to_csv(&pilots)))
    }

    /// Accuracy and loss to expect after training on so many authentic and generated samples of each class.
    #[pyo3(signature = (authentic, generated, mix=None, skew=None, steps=None))]
    fn predict(
        &self,
        py: Python,
        authentic: Vec<u64>,
        generated: Vec<u64>,
        mix: Option<f64>,
        skew: Option<f64>,
        steps: Option<f64>,
    ) -> PyResult<(f64, f64)> {
        let found = short(py, || self.0.predict(&authentic, &generated, Update { mix, skew, steps }))?;
        Ok((found.accuracy(), found.loss))
    }

    /// The text of its file.
    fn text(&self) -> String {
        self.0.to_toml()
    }

    /// Its file's content.
    fn content<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        values::of(py, &self.0)
    }
}
