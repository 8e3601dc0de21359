//! How a client takes part, and values that there is one of for each way.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How a client takes part. Ordered by preference where a client is indifferent: augmented, then local, then out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Does not take part.
    #[default]
    Out,
    /// Trains on its authentic data.
    Local,
    /// Trains on as much data, where generated samples of the missing classes replace the surplus ones.
    Augmented,
}

impl Mode {
    /// The three modes, out first.
    pub const ALL: [Mode; 3] = [Mode::Out, Mode::Local, Mode::Augmented];
    /// The two modes of taking part.
    pub const PLAYING: [Mode; 2] = [Mode::Local, Mode::Augmented];

    /// Whether the client takes part.
    pub const fn plays(self) -> bool {
        !matches!(self, Mode::Out)
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Mode::Out => "out",
            Mode::Local => "local",
            Mode::Augmented => "augmented",
        })
    }
}

/// One value for each of the two modes of taking part: what it costs, what it brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct PerMode<T> {
    /// In local mode.
    pub local: T,
    /// In augmented mode.
    pub augmented: T,
}

impl<T> PerMode<T> {
    /// The value of each mode.
    pub fn from_fn(mut of: impl FnMut(Mode) -> T) -> Self {
        PerMode { local: of(Mode::Local), augmented: of(Mode::Augmented) }
    }

    /// The value of each mode, or the first error.
    ///
    /// # Errors
    /// What `of` returns.
    pub fn try_from_fn<E>(mut of: impl FnMut(Mode) -> Result<T, E>) -> Result<Self, E> {
        Ok(PerMode { local: of(Mode::Local)?, augmented: of(Mode::Augmented)? })
    }

    /// The same change of both.
    pub fn map<U>(self, mut change: impl FnMut(T) -> U) -> PerMode<U> {
        PerMode { local: change(self.local), augmented: change(self.augmented) }
    }

    /// The value of a mode; staying out has none.
    pub fn get(&self, mode: Mode) -> Option<&T> {
        match mode {
            Mode::Out => None,
            Mode::Local => Some(&self.local),
            Mode::Augmented => Some(&self.augmented),
        }
    }

    /// The value of a mode, to be changed.
    pub fn get_mut(&mut self, mode: Mode) -> Option<&mut T> {
        match mode {
            Mode::Out => None,
            Mode::Local => Some(&mut self.local),
            Mode::Augmented => Some(&mut self.augmented),
        }
    }

    /// Both modes with their values, local first.
    pub fn iter(&self) -> impl Iterator<Item = (Mode, &T)> {
        [(Mode::Local, &self.local), (Mode::Augmented, &self.augmented)].into_iter()
    }
}

impl<T: Copy + Default> PerMode<T> {
    /// The value of a mode, where staying out costs and brings nothing.
    pub fn of(&self, mode: Mode) -> T {
        self.get(mode).copied().unwrap_or_default()
    }
}
