//! Settings that are written as a name, with numbers behind colons where they take some, as in `fedprox:0.1`.
//!
//! Each such type lists its choices once. Reading, writing, what a message says of a wrong one and what a help text offers
//! are made from that list. Rules that a user may bring are trait objects behind a [`Named`]; those that ship with the engine
//! stand in the registry of their trait ([`Registered`]), one line for each.

use std::fmt;
use std::ops::Deref;
use std::str::FromStr;
use std::sync::Arc;

/// Text that stands for none of the choices; says which there are.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UnknownName(String);

impl UnknownName {
    /// `text` is no `thing`; `expected` says what would be one.
    pub fn new(text: &str, thing: &str, expected: impl fmt::Display) -> Self {
        Self(format!("`{text}` is no {thing}; expected {expected}"))
    }
}

/// A setting that is chosen by name.
pub trait Choice: Sized {
    /// What messages call one of them.
    const THING: &'static str;
    /// What the numbers behind the names must be, as the end of a sentence that lists the choices.
    const LIMITS: &'static str = "";

    /// How each is written, as in `clip:NORM`.
    fn forms() -> Vec<&'static str>;

    /// The one that `text` names.
    fn named(text: &str) -> Option<Self>;

    /// All of them in a sentence, as in `sgd, fedprox:MU or scaffold`.
    fn choices() -> String {
        match Self::forms().split_last() {
            Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
            _ => Self::forms().concat(),
        }
    }

    /// The one that `text` names.
    ///
    /// # Errors
    /// [`UnknownName`] with the text and all choices.
    fn read(text: &str) -> Result<Self, UnknownName> {
        Self::named(text).ok_or_else(|| match Self::forms() {
            forms if forms.iter().any(|form| form.contains(':')) => {
                UnknownName::new(text, Self::THING, Self::choices() + Self::LIMITS)
            }
            names => UnknownName(format!("no {} is called `{text}`; there are: {}", Self::THING, names.join(", "))),
        })
    }
}

/// Parses, serialises and deserialises a [`Choice`] that has a `Display` as its text.
macro_rules! as_text {
    ($([$($generic:tt)*] $type:ty),+) => {$(
        impl<$($generic)*> std::str::FromStr for $type {
            type Err = $crate::choice::UnknownName;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                <Self as $crate::choice::Choice>::read(text)
            }
        }

        impl<$($generic)*> serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de, $($generic)*> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )+};
}
pub(crate) use as_text;

/// A rule of a kind that users may bring: one that ships with the engine, by its text, or a value of one's own.
///
/// Two are equal if their texts are.
pub struct Named<T: ?Sized> {
    text: Arc<str>,
    value: Arc<T>,
}

/// How one implementation is written, as in `clip:NORM`, and what makes it of the numbers behind its name; `None` if they make no
/// sense.
pub type Entry<T> = (&'static str, fn(&[&str]) -> Option<Arc<T>>);

/// A trait with a registry of those implementations that ship with the engine.
pub trait Registered: 'static {
    /// As [`Choice::THING`].
    const THING: &'static str;
    /// As [`Choice::LIMITS`].
    const LIMITS: &'static str;
    /// One for each implementation.
    const ENTRIES: &'static [Entry<Self>];
}

/// Entries of a registry: `"FORM": [numbers, behind, the, name] => value`.
macro_rules! registry {
    ($($form:literal: $numbers:pat => $value:expr),+ $(,)?) => {
        &[$((
            $form,
            |numbers| match numbers {
                $numbers => Some(std::sync::Arc::new($value)),
                _ => None,
            },
        )),+]
    };
}
pub(crate) use registry;

impl<T: ?Sized> Named<T> {
    /// A value of one's own. Its text is written into stored configurations, from where only registered ones can be read.
    pub fn own(text: &str, value: Arc<T>) -> Self {
        Self { text: text.into(), value }
    }
}

impl<T: Registered + ?Sized> Choice for Named<T> {
    const THING: &'static str = T::THING;
    const LIMITS: &'static str = T::LIMITS;

    fn forms() -> Vec<&'static str> {
        T::ENTRIES.iter().map(|(form, _)| *form).collect()
    }

    fn named(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split(':').collect();
        let (_, make) = T::ENTRIES.iter().find(|(form, _)| form.split([':', '[']).next() == Some(parts[0]))?;
        make(&parts[1..]).map(|value| Self::own(text, value))
    }
}

as_text!([T: Registered + ?Sized] Named<T>);

impl<T: ?Sized> Clone for Named<T> {
    fn clone(&self) -> Self {
        Self { text: self.text.clone(), value: self.value.clone() }
    }
}

impl<T: ?Sized> Deref for Named<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: ?Sized> PartialEq for Named<T> {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl<T: ?Sized> fmt::Display for Named<T> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl<T: ?Sized> fmt::Debug for Named<T> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A number of at least zero.
pub(crate) fn at_least_0(text: &str) -> Option<f64> {
    f64::from_str(text).ok().filter(|number| *number >= 0.0 && number.is_finite())
}

/// A number above zero.
pub(crate) fn positive(text: &str) -> Option<f64> {
    at_least_0(text).filter(|number| *number > 0.0)
}

/// A whole number of at least 1, small enough for sums.
pub(crate) fn count(text: &str) -> Option<usize> {
    text.parse().ok().filter(|count| (1..1 << 30).contains(count))
}

/// A number that may be left out.
pub(crate) fn optional<T>(numbers: &[&str], read: impl FnOnce(&str) -> Option<T>) -> Option<Option<T>> {
    match numbers {
        [] => Some(None),
        [number] => read(number).map(Some),
        _ => None,
    }
}
