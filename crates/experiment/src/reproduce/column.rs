//! Quantities of results: once one is named, tables, JSON and curves are read off it.

use imfl_report::Table;
use imfl_report::chart::{Series, Style};
use imfl_statistics::Interval;
use plotters::style::RGBColor;
use serde::Serialize;
use serde_json::{Map, Value, json};

/// How a cell of a table shows a quantity.
#[derive(Clone, Copy, Debug)]
pub enum Unit {
    /// The mean and half its interval, with so many decimals.
    Plain(usize),
    /// The same of a share, in percent.
    Percent(usize),
    /// The mean alone.
    Mean(usize),
    /// The mean of a share alone, in percent.
    Share(usize),
}

/// A quantity of a result.
pub struct Column<R> {
    /// Its key in JSON; empty if it is in none.
    pub key: &'static str,
    /// Its name at the head of a table.
    pub name: &'static str,
    /// How tables show it.
    pub unit: Unit,
    /// How it is read off a result.
    pub of: fn(&R) -> f64,
}

impl<R> Column<R> {
    /// Its mean over results.
    pub fn over(&self, results: &[&R]) -> Interval {
        results.iter().map(|result| (self.of)(result)).collect()
    }

    fn cell(&self, results: &[&R]) -> String {
        let over = self.over(results);
        match self.unit {
            Unit::Plain(digits) => format!("{over:.digits$}"),
            Unit::Percent(digits) => over.percent(digits),
            Unit::Mean(digits) => format!("{:.digits$}", over.mean),
            Unit::Share(digits) => format!("{:.digits$} %", over.mean * 100.0),
        }
    }
}

/// What columns have in JSON for some results.
pub fn object<R>(columns: &[Column<R>], results: &[&R]) -> Map<String, Value> {
    let named = columns.iter().filter(|column| !column.key.is_empty());
    named.map(|column| (column.key.into(), json!(column.over(results)))).collect()
}

/// What columns have in a row of a table for some results.
pub fn row<R>(columns: &[Column<R>], results: &[&R]) -> Vec<String> {
    columns.iter().map(|column| column.cell(results)).collect()
}

/// Results by what they have in common: the rows of a table, the points of a curve.
pub struct Groups<'a, K, R>(pub Vec<(K, Vec<&'a R>)>);

impl<'a, K: Clone, R> Groups<'a, K, R> {
    /// The results of those cells that belong to each key, in the order of the cells.
    pub fn by<C>(keys: &[K], cells: &[C], results: &'a [R], belongs: impl Fn(&C, &K) -> bool) -> Self {
        let of = |key: &K| {
            let pairs = cells.iter().zip(results).filter(|(cell, _)| belongs(cell, key));
            (key.clone(), pairs.map(|(_, result)| result).collect())
        };
        Self(keys.iter().map(of).collect())
    }

    /// A part of each result.
    pub fn part<P>(&self, part: impl Fn(&'a R) -> &'a P) -> Groups<'a, K, P> {
        let of = |(key, results): &(K, Vec<&'a R>)| (key.clone(), results.iter().map(|result| part(result)).collect());
        Groups(self.0.iter().map(of).collect())
    }

    /// A row for each group: what `name` says of its key under the heads in `first`, then the columns.
    pub fn table(&self, title: &str, first: &[&str], columns: &[Column<R>], name: impl Fn(&K) -> Vec<String>) -> Table {
        let heads = first.iter().copied().chain(columns.iter().map(|column| column.name));
        Table {
            title: title.into(),
            header: heads.map(String::from).collect(),
            rows: self.0.iter().map(|(key, results)| [name(key), row(columns, results)].concat()).collect(),
        }
    }

    /// A JSON object for each group: its key under `name`, then the columns.
    pub fn points(&self, name: &str, columns: &[Column<R>]) -> Value
    where
        K: Serialize,
    {
        let point = |(key, results): &(K, Vec<&R>)| {
            let mut point = object(columns, results);
            point.insert(name.into(), json!(key));
            Value::Object(point)
        };
        self.0.iter().map(point).collect()
    }

    /// A column's cells, side by side.
    pub fn cells(&self, column: &Column<R>) -> Vec<String> {
        self.0.iter().map(|(_, results)| column.cell(results)).collect()
    }
}

impl<R> Groups<'_, f64, R> {
    /// A column as a curve over the keys.
    pub fn curve(&self, name: impl Into<String>, colour: RGBColor, style: Style, column: &Column<R>) -> Series {
        let points = self.0.iter().map(|(key, results)| (*key, column.over(results))).collect();
        Series { name: name.into(), colour, style, points }
    }
}

/// A table with a row for each line of groups, the values of one column side by side under the heads of their keys.
pub fn across<'a, K: Clone + 'a, R: 'a>(
    title: &str,
    head: (&str, &[String]),
    column: &Column<R>,
    lines: impl IntoIterator<Item = (String, Groups<'a, K, R>)>,
) -> Table {
    Table {
        title: title.into(),
        header: [&[head.0.to_string()], head.1].concat(),
        rows: lines.into_iter().map(|(name, groups)| [vec![name], groups.cells(column)].concat()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use imfl_report::plot::INK;

    const COLUMNS: [Column<f64>; 3] = [
        Column { key: "value", name: "the value", unit: Unit::Plain(1), of: |value| *value },
        Column { key: "", name: "in percent", unit: Unit::Share(0), of: |value| *value },
        Column { key: "double", name: "twice", unit: Unit::Mean(2), of: |value| 2.0 * value },
    ];

    #[test]
    fn a_column_is_a_cell_a_key_and_a_point() {
        // Cells of two seeds, each with two values.
        let (cells, results) = ([(1, 0.5), (1, 2.0), (2, 0.5), (2, 2.0)], [1.0, 3.0, 1.0, 5.0]);
        let groups = Groups::by(&[0.5, 2.0], &cells, &results, |cell, key| cell.1 == *key);
        let table = groups.table("T", &["key"], &COLUMNS, |key| vec![format!("{key}")]);
        assert_eq!(table.header, ["key", "the value", "in percent", "twice"]);
        assert_eq!(table.rows[0], ["0.5", "1.0 ±0.0", "100 %", "2.00"]);
        assert!(table.rows[1][1].starts_with("4.0 ±") && table.rows[1][3] == "8.00", "{:?}", table.rows);
        let points = groups.points("key", &COLUMNS);
        assert_eq!((&points[1]["key"], &points[1]["double"]["mean"]), (&json!(2.0), &json!(8.0)));
        assert!(points[0].get("").is_none());
        let curve = groups.curve("c", INK, Style::Dots, &COLUMNS[2]);
        assert_eq!(curve.points.iter().map(|(x, y)| (*x, y.mean)).collect::<Vec<_>>(), [(0.5, 2.0), (2.0, 8.0)]);
        let wide = across("W", ("who", &["a".into(), "b".into()]), &COLUMNS[0], [("x".into(), groups)]);
        assert_eq!((wide.header.len(), wide.rows[0][0].as_str(), wide.rows[0].len()), (3, "x", 3));
    }
}
