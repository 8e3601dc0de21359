//! What a program that hires clients needs, in one line: `use imfl_mechanism::prelude::*;`

pub use crate::auction::{BudgetFeasible, Optimal, Vcg, VirtualCosts};
pub use crate::client::{Client, ClientSpec, Population, Target, TargetChoice};
pub use crate::error::{Error, Result};
pub use crate::ledger::{Ledger, Transaction};
pub use crate::market::Market;
pub use crate::mode::{Mode, PerMode};
pub use crate::money::{Credits, Price, Rate};
pub use crate::objective::{
    Appraisal, Bias, Constants, Forecast, ForecastModel, LossModel, Member, Objective, Prediction, Weights, Worth,
};
pub use crate::outcome::{Award, Decision, Outcome};
pub use crate::personal::PersonalOffers;
pub use crate::posted::{FixedPrice, PriorPrice, Sampling, UniformPrice};
pub use crate::prior::Prior;
pub use crate::rule::{Facts, Guarantee, Mechanism, Private};
