//! The sections of a run's page, each in a file of its own. Another one is a file with a function and a line in [`all`].

mod answer;
mod method;
mod network;
mod people;
mod privacy;
mod words;

pub(crate) use words::of as words;

use crate::figure::Figure;
use crate::table::Table;
use imfl_run::Finished;
use maud::{Markup, html};
use serde_json::Value;

/// What sections are made from.
pub struct Material<'a> {
    /// Everything that the run found.
    pub finished: &'a Finished,
    /// Its summary as stored; for keys that not every run has.
    pub summary: &'a Value,
    /// The plots, by the names of their files.
    pub figures: &'a [Figure],
    /// Generated images, one row a class.
    pub generated: Option<&'a [u8]>,
    /// Generated texts beside authentic ones.
    pub texts: Option<&'a Table>,
    /// The resolved configuration.
    pub config: &'a str,
}

impl Material<'_> {
    /// A number of the summary, by its JSON pointer.
    pub fn number(&self, pointer: &str) -> Option<f64> {
        self.summary.pointer(pointer).and_then(Value::as_f64)
    }

    /// A plot by name, with its numbers behind it.
    fn plot(&self, name: &str) -> Markup {
        html! { @for found in self.figures.iter().filter(|figure| figure.name == name) { (crate::page::figure(found)) } }
    }
}

/// All sections in their order: the answer, then who, by when, then how.
pub fn all(material: &Material) -> Markup {
    html! {
        (answer::section(material))
        (people::section(material))
        (network::section(material))
        (privacy::section(material))
        (method::section(material))
        (words::section())
    }
}
