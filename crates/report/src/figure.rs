//! A picture with its name and what it shows.

use crate::canvas::Canvas;
use crate::sheet::Sheet;
use crate::table::Table;
use imfl_run::failure::{Failure, Kind};
use std::fmt::Display;

/// A plot: the name of its file, what it shows, and the picture.
pub struct Figure {
    /// File name without ending.
    pub name: &'static str,
    /// One sentence under the picture.
    pub caption: String,
    /// A whole SVG document.
    pub svg: String,
    /// The same for a narrow window.
    pub narrow: String,
    /// The same in numbers, for those who do not see the picture; absent where the page has a table of it elsewhere.
    pub table: Option<Table>,
}

impl Figure {
    /// What `draw` puts on either sheet.
    pub(crate) fn new(
        name: &'static str,
        title: &str,
        caption: impl Into<String>,
        table: Option<Table>,
        draw: impl Fn(Sheet) -> Canvas,
    ) -> Self {
        let caption = caption.into();
        let [svg, narrow] = [Sheet::Wide, Sheet::Narrow].map(|sheet| draw(sheet).finish(title, &caption));
        Self { name, caption, svg, narrow, table }
    }

    /// Its files below a folder of results, with what they hold.
    pub fn files(&self) -> [(String, &str); 2] {
        [(wide(self.name), &self.svg), (narrow(self.name), &self.narrow)]
    }
}

/// The file of a figure of this name.
pub(crate) fn wide(name: &str) -> String {
    format!("plots/{name}.svg")
}

/// That of its drawing for a narrow window.
pub(crate) fn narrow(name: &str) -> String {
    format!("plots/{name}-narrow.svg")
}

/// What drawing and writing fail with that should not.
pub(crate) fn unexpected(error: impl Display) -> Failure {
    Failure::new(Kind::Unexpected, format!("cannot make the report: {error}"))
}
