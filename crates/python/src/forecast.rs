//! Forecasts: the laws of a learning problem, read, fitted and asked.

use crate::failure::{about, short};
use crate::table::Table;
use crate::values;
use imfl_mechanism::objective::{self, Fit, Pilot, Prediction};
use imfl_run::{Failure, Kind, config};
use pyo3::prelude::*;
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
            // A table has a pilot, and a pilot has classes.
            let classes = pilots.first().map_or(1, |pilot| pilot.authentic.len()) as f64;
            let nobody = Prediction {
                loss: initial_loss.unwrap_or(classes.ln()),
                error: initial_error.unwrap_or(1.0 - 1.0 / classes),
            };
            Ok::<_, Failure>(objective::fit(&pilots, nobody, None, about)?)
        })?;
        Ok((Self(forecast), values::of(py, &candidates)?))
    }

    /// Accuracy and loss to expect after training on so many authentic and generated samples of each class.
    fn predict(&self, py: Python, authentic: Vec<u64>, generated: Vec<u64>, mix: Option<f64>) -> PyResult<(f64, f64)> {
        let found = short(py, || self.0.predict(&authentic, &generated, mix))?;
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
