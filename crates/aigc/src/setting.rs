//! Settings that are numbers, and what is said of one out of range.

/// A setting out of range.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("{name} = {value}: {problem}")]
pub struct SettingError {
    /// The setting.
    pub name: &'static str,
    /// Its value.
    pub value: f64,
    /// What would be right.
    pub problem: &'static str,
}

/// Says which is the first of some settings that is out of range: each is its name, its value, whether that is right, and what would be.
pub fn check<const N: usize>(settings: [(&'static str, f64, bool, &'static str); N]) -> Result<(), SettingError> {
    match settings.into_iter().find(|(_, _, right, _)| !right) {
        Some((name, value, _, problem)) => Err(SettingError { name, value, problem }),
        None => Ok(()),
    }
}
