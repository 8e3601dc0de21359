//! What a plot of another hand needs to look like the rest: dark rules, a name, letters of the page, a size that gives way.

use crate::palette;

/// An SVG document of `plotters` with the rules of every page, and with a name for screen readers.
pub fn themed(svg: &str, title: &str) -> String {
    let title = title.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
    let Some((head, body)) = svg.split_once('>') else { return svg.into() };
    let rules = palette::dark_rules();
    let body = body.replace("font-family=\"sans-serif\"", "font-family=\"system-ui, sans-serif\"");
    format!("{head} role=\"img\" aria-label=\"{title}\">\n<title>{title}</title><style>{rules}</style>{body}")
}

#[cfg(test)]
mod tests {
    use super::themed;

    #[test]
    fn a_plot_gets_a_name_and_keeps_its_shapes() {
        let svg = themed("<svg width=\"1\"><rect/></svg>", "a \"b\"");
        assert!(svg.starts_with("<svg width=\"1\" role=\"img\" aria-label=\"a &quot;b&quot;\">"), "{svg}");
        assert!(svg.contains("<rect/></svg>") && svg.contains("prefers-color-scheme"));
    }
}
