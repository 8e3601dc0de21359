//! What every page is made of: the document with its style, figures and tables. One file, nothing loaded from elsewhere; the one script
//! sorts tables.

use crate::figure::Figure;
use crate::palette;
use crate::table::Table;
use base64::{Engine, engine::general_purpose::STANDARD};
use maud::{DOCTYPE, Markup, PreEscaped, html};

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("sort.js");

/// A page of its own around this content.
pub fn document(title: &str, content: &Markup) -> String {
    document_with(title, content, &html! { script { (PreEscaped(SCRIPT)) } })
}

/// The same with another script.
pub fn document_with(title: &str, content: &Markup, script: &Markup) -> String {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (PreEscaped(STYLE)) (PreEscaped(palette::dark_rules())) }
            }
            body {
                main {
                    h1 { (title) }
                    (content)
                }
                (script)
            }
        }
    }
    .into_string()
}

/// A plot with its caption and its numbers.
pub fn figure(figure: &Figure) -> Markup {
    html! {
        (picture(&figure.svg, Some(&figure.narrow), &figure.caption))
        @if let Some(shown) = &figure.table { (folded(shown)) }
    }
}

/// An SVG document with its caption, and another that a narrow window shows in its place; where there is none, the one can be moved sideways.
pub fn picture(svg: &str, narrow: Option<&str>, caption: &str) -> Markup {
    html! {
        figure {
            @match narrow {
                Some(narrow) => {
                    div.wide { (PreEscaped(svg)) }
                    div.narrow { (PreEscaped(narrow)) }
                }
                None => div.scroll tabindex="0" role="group" aria-label=(caption) { (PreEscaped(svg)) }
            }
            figcaption { (caption) }
        }
    }
}

/// A PNG with its caption.
pub fn image(png: &[u8], alt: &str, caption: &str) -> Markup {
    let source = format!("data:image/png;base64,{}", STANDARD.encode(png));
    html! { figure { img alt=(alt) src=(source); figcaption { (caption) } } }
}

/// A table behind a line that opens it.
pub fn folded(shown: &Table) -> Markup {
    html! { details { summary { "The numbers: " (shown.title) } (table(shown)) } }
}

/// A table with its title.
pub fn table(shown: &Table) -> Markup {
    html! {
        div.scroll tabindex="0" role="group" aria-label=(shown.title) {
            table.sortable {
                caption { (shown.title) }
                thead {
                    tr {
                        @for (column, name) in shown.header.iter().enumerate() {
                            th.number[numeric(shown, column)] scope="col" { (name) }
                        }
                    }
                }
                tbody {
                    @for row in &shown.rows {
                        tr { @for (column, cell) in row.iter().enumerate() { td.number[numeric(shown, column)] { (cell) } } }
                    }
                }
            }
        }
    }
}

/// Whether a column holds numbers, in any of its rows.
fn numeric(shown: &Table, column: usize) -> bool {
    let starts = |cell: &str| cell.trim_start_matches(['-', '+']).starts_with(|letter: char| letter.is_ascii_digit());
    column > 0 && shown.rows.iter().any(|row| row.get(column).is_some_and(|cell| starts(cell)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_of_numbers_stand_to_the_right_and_nothing_becomes_markup() {
        let header = ["name", "mode", "paid"].map(str::to_string).into();
        let rows =
            vec![["<a>", "local", "-"].map(str::to_string).into(), ["b", "out", "-1.5"].map(str::to_string).into()];
        let html = table(&Table { title: "t".into(), header, rows }).into_string();
        assert_eq!(html.matches("class=\"number\"").count(), 3, "{html}");
        assert!(html.contains("&lt;a&gt;") && !html.contains("<a>"), "{html}");
        let page = document("t", &PreEscaped(html));
        assert!(page.contains("prefers-color-scheme") && page.contains("lang=\"en\""));
    }
}
