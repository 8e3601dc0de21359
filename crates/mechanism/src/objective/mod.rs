//! What participants are worth: objectives that turn the sums over those who take part into what the server loses.
//!
//! An [`Objective`] is a function of integer sums over clients. That is all that posted prices, enumeration and verification need, so any
//! such function can stand in for the two that are here:
//!
//! - [`LossModel`]: the accuracy loss Phi, the part of a convergence bound that depends on who takes part. `docs/mechanism/theorem.md` states
//!   the bound, proves it and says which term is which;
//! - [`ForecastModel`]: the test error or loss to expect, by laws that were fitted on pilots. `docs/mechanism/forecast.md` has the law and its file.
mod appraisal;
mod bound;
mod constants;
mod fit;
mod forecast;
mod forecast_model;
mod law;
mod part;
mod pilot;
mod power;
mod seam;
mod tally;
mod terms;
mod words;

pub use appraisal::{Appraisal, Prediction};
pub use bound::LossModel;
pub use constants::Constants;
pub use fit::{Candidate, Fit, fit};
pub use forecast::{Fitted, Forecast, HeldOut};
pub use forecast_model::{ForecastModel, Worth};
pub use law::{By, Deviation, Law, Update};
pub(crate) use part::MICRO_SAMPLES;
pub use part::{MAX_THETA, Part, Quality};
pub use pilot::Pilot;
pub use seam::{Member, Objective};
pub use tally::Tally;
pub use terms::Terms;
pub use words::{Bias, Weights};
