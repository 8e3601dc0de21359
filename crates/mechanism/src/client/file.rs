//! Client tables: CSV in, a [`Population`] out, and every error with its line and column.

use std::collections::HashMap;
use std::io::Read;
use std::str::FromStr;

use csv::{ReaderBuilder, StringRecord, Trim};

use crate::client::entry::{Client, Row};
use crate::client::population::Population;
use crate::client::scale::{NANOS, nanos};
use crate::client::target::{TargetChoice, check_sum};
use crate::error::{Error, Result};
use crate::printable::Printable;

const COLUMNS: [&str; 7] = ["client", "samples", "skew", "compute_cost", "synthesis_cost", "setup_cost", "batch"];

/// Where each column of the table is.
struct Header {
    fixed: [usize; 7],
    /// Label shares p0, p1, ... or counts n0, n1, ...
    labels: Vec<usize>,
    counts: bool,
}

impl Population {
    /// Reads the clients of a CSV table: `client,samples,skew,compute_cost,synthesis_cost,setup_cost,batch` and, where labels
    /// are known, shares `p0,p1,...` or counts `n0,n1,...` of each class. `name` is what errors call the table.
    ///
    /// # Errors
    /// [`Error::Table`] with line and column, [`Error::TableShape`] for a wrong header or no client.
    pub fn read_csv(reader: impl std::io::Read, name: &str, target: &TargetChoice) -> Result<Self> {
        read(reader, name, target)
    }
}

fn read(reader: impl Read, name: &str, target: &TargetChoice) -> Result<Population> {
    let mut table = ReaderBuilder::new().trim(Trim::All).from_reader(reader);
    let header = header(table.headers().map_err(|error| broken(name, error))?, name)?;
    let mut rows = Vec::new();
    let mut lines: Vec<u64> = Vec::new();
    let mut shares: Vec<u32> = Vec::new();
    let mut record = StringRecord::new();
    while table.read_record(&mut record).map_err(|error| broken(name, error))? {
        let line = record.position().map_or(0, csv::Position::line);
        let fail = |column: &str, problem: String| Error::Table {
            file: name.to_owned(),
            line,
            column: column.to_owned(),
            problem: Printable(&problem).to_string(),
        };
        let client = client(&record, &header, &fail)?;
        if header.counts {
            shares.extend(counted(&record, &header, client.samples, &fail)?);
        } else {
            for (class, &at) in header.labels.iter().enumerate() {
                let share = nanos(&record[at], 1).map_err(|problem| fail(&format!("p{class}"), problem))?;
                shares.push(share as u32);
            }
            if !header.labels.is_empty() {
                check_sum(&shares[shares.len() - header.labels.len()..]).map_err(|problem| fail("p0", problem))?;
            }
        }
        rows.push(Row { client, has_skew: true });
        lines.push(line);
    }
    if rows.is_empty() {
        return Err(Error::TableShape { file: name.to_owned(), problem: "has a header but no client".into() });
    }
    duplicates(&rows, &lines, name)?;
    Population::assemble(rows, shares, header.labels.len(), target, |index, _, problem| Error::Table {
        file: name.to_owned(),
        line: lines[index],
        column: "skew".into(),
        problem,
    })
}

fn client(record: &StringRecord, header: &Header, fail: &impl Fn(&str, String) -> Error) -> Result<Client> {
    let text = |column: usize| &record[header.fixed[column]];
    let count = |column: usize| match text(column).parse::<u64>() {
        Ok(0) => Err(fail(COLUMNS[column], "is 0; it must be at least 1".into())),
        Ok(count) => Ok(count),
        Err(_) => Err(fail(COLUMNS[column], format!("`{}` is not a whole number of at least 1", text(column)))),
    };
    if text(0).is_empty() {
        return Err(fail(COLUMNS[0], "is empty; every client needs an id".into()));
    }
    Ok(Client {
        id: text(0).to_owned(),
        samples: count(1)?,
        skew: nanos(text(2), 2).map_err(|problem| fail(COLUMNS[2], problem))?,
        compute_cost: number(text(3)).map_err(|problem| fail(COLUMNS[3], problem))?,
        synthesis_cost: number(text(4)).map_err(|problem| fail(COLUMNS[4], problem))?,
        setup_cost: number(text(5)).map_err(|problem| fail(COLUMNS[5], problem))?,
        batch: u32::try_from(count(6)?).map_err(|_| fail(COLUMNS[6], "is more than 4294967295".into()))?,
    })
}

/// Counts of each class as shares in parts of 1e9, from which up to 10^9 samples are recovered exactly.
fn counted(
    record: &StringRecord,
    header: &Header,
    samples: u64,
    fail: &impl Fn(&str, String) -> Error,
) -> Result<Vec<u32>> {
    let count = |(class, &at): (usize, &usize)| {
        let problem = |_| fail(&format!("n{class}"), format!("`{}` is not a whole number of at least 0", &record[at]));
        record[at].parse::<u64>().map_err(problem)
    };
    let counts = header.labels.iter().enumerate().map(count).collect::<Result<Vec<u64>>>()?;
    let sum: u128 = counts.iter().map(|count| u128::from(*count)).sum();
    if sum != u128::from(samples) {
        return Err(fail("n0", format!("the counts of the classes sum to {sum}, but `samples` is {samples}")));
    }
    // no count is above their sum, so each is a share
    let share = |count: &u64| (u128::from(*count) * u128::from(NANOS) + sum / 2) / sum;
    Ok(counts.iter().map(|count| share(count) as u32).collect())
}

fn number<T: FromStr<Err = Error>>(text: &str) -> std::result::Result<T, String> {
    text.parse().map_err(|error: Error| error.to_string())
}

fn header(record: &StringRecord, name: &str) -> Result<Header> {
    let shape = |problem: String| Error::TableShape { file: name.to_owned(), problem: Printable(&problem).to_string() };
    if record.iter().all(str::is_empty) {
        return Err(shape(format!("is empty; expected the header `{}`", COLUMNS.join(","))));
    }
    let mut places: HashMap<&str, usize> = HashMap::new();
    for (at, column) in record.iter().enumerate() {
        if places.insert(column.trim_start_matches('\u{feff}'), at).is_some() {
            return Err(shape(format!("line 1: column `{column}` appears twice")));
        }
    }
    let mut fixed = [0; 7];
    for (slot, column) in fixed.iter_mut().zip(COLUMNS) {
        *slot = places
            .remove(column)
            .ok_or_else(|| shape(format!("line 1: there is no column `{column}`; expected `{}`", COLUMNS.join(","))))?;
    }
    let counts = places.contains_key("n0");
    let letter = if counts { "n" } else { "p" };
    let labels = (0..places.len()).map_while(|class| places.remove(format!("{letter}{class}").as_str())).collect();
    if let Some(unknown) = places.keys().min() {
        return Err(shape(format!(
            "line 1: unknown column `{unknown}`; known are `{}` and labels: either shares p0, p1, ... or counts n0, n1, ... without a gap",
            COLUMNS.join(",")
        )));
    }
    Ok(Header { fixed, labels, counts })
}

fn duplicates(rows: &[Row], lines: &[u64], name: &str) -> Result<()> {
    let mut seen: HashMap<&str, u64> = HashMap::with_capacity(rows.len());
    for (row, &line) in rows.iter().zip(lines) {
        if let Some(first) = seen.insert(&row.client.id, line) {
            return Err(Error::Table {
                file: name.to_owned(),
                line,
                column: COLUMNS[0].into(),
                problem: format!("`{}` is already on line {first}; ids must be distinct", Printable(&row.client.id)),
            });
        }
    }
    Ok(())
}

fn broken(name: &str, error: csv::Error) -> Error {
    let line = error.position().map_or(0, csv::Position::line);
    let problem = match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("line {line}: has {len} fields, the header has {expected_len}")
        }
        csv::ErrorKind::Utf8 { err, .. } => {
            format!("line {line}, field {}: is not UTF-8", err.field() + 1)
        }
        _ => error.to_string(),
    };
    Error::TableShape { file: name.to_owned(), problem }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "client,samples,skew,compute_cost,synthesis_cost,setup_cost,batch";

    fn error(header: &str, rows: &str) -> String {
        read(format!("{header}\n{rows}").as_bytes(), "bids.csv", &TargetChoice::Uniform).unwrap_err().to_string()
    }

    #[test]
    fn a_good_table_reads_exactly() {
        let text = format!("{HEADER},p0,p1\na,600,1.0, 1e-05 ,0.002,0.5,10,1.0,0\nb,10,0,0,0,0,1,0.5,0.5\n");
        let population = read(text.as_bytes(), "x", &TargetChoice::Uniform).unwrap();
        assert_eq!(population.clients()[0].compute_cost().picos(), 10_000_000);
        assert_eq!(population.classes(), 2);
        assert_eq!(population.deviations, [500_000_000, -500_000_000, 0, 0]);
    }

    #[test]
    fn counts_are_kept_to_the_sample() {
        let text =
            format!("{HEADER},n0,n1,n2\na,7,0.666667,0,0,0,1,4,3,0\nb,900000001,1.333333,0,0,0,1,0,900000001,0\n");
        let population = read(text.as_bytes(), "x", &TargetChoice::Uniform).unwrap();
        let held = population.held().unwrap();
        let authentic: Vec<u32> = held.iter().map(|held| held.authentic).collect();
        assert_eq!(authentic, [4, 3, 0, 0, 900_000_001, 0]);
        assert_eq!(
            held[..3].iter().map(|held| (held.kept(), held.generated())).collect::<Vec<_>>(),
            [(3, 0), (2, 0), (0, 2)]
        );
    }

    #[test]
    fn every_bad_cell_is_named_with_line_and_column() {
        let shares = format!("{HEADER},p0,p1");
        let counts = format!("{HEADER},n0,n1");
        for (header, rows, expected) in [
            (HEADER, "a,1,NaN,0,0,0,1", "bids.csv: line 2, column `skew`: `NaN` is not a finite number"),
            (HEADER, "a,1,2.1,0,0,0,1", "line 2, column `skew`: 2.1 is outside [0, 2]"),
            (HEADER, "a,1,1,0,0,0,1\nb,1,1,-1,0,0,1", "line 3, column `compute_cost`: `-1` is negative"),
            (HEADER, "a,0,1,0,0,0,1", "column `samples`: is 0"),
            (HEADER, "a,1.5,1,0,0,0,1", "column `samples`: `1.5` is not a whole number"),
            (HEADER, "a,1,1,0,0,1e99,1", "column `setup_cost`: `1e99` is too large"),
            (
                HEADER,
                "a,1,1,0,0,0,1\nb,1,1,0,0,0,1\na,1,1,0,0,0,1",
                "line 4, column `client`: `a` is already on line 2",
            ),
            (HEADER, "a,1,1,0,0,0", "line 2: has 6 fields, the header has 7"),
            (HEADER, "", "has a header but no client"),
            ("", "", "is empty; expected the header"),
            ("client,samples", "", "there is no column `skew`"),
            (&format!("{HEADER},p1"), "a,1,1,0,0,0,1,1", "unknown column `p1`"),
            (&format!("{HEADER},p0,n0"), "a,1,1,0,0,0,1,1,1", "unknown column `p0`"),
            (
                &counts,
                "a,9,1,0,0,0,1,9,1",
                "line 2, column `n0`: the counts of the classes sum to 10, but `samples` is 9",
            ),
            (&counts, "a,9,1,0,0,0,1,9,x", "line 2, column `n1`: `x` is not a whole number"),
            (
                &counts,
                "a,10,0.5,0,0,0,1,10,0",
                "line 2, column `skew`: is 0.5, but the label shares and the target give 1",
            ),
            (&shares, "a,1,1,0,0,0,1,0.5,0.4", "line 2, column `p0`: the label shares sum to 0.9"),
            (
                &shares,
                "a,1,0.5,0,0,0,1,1,0",
                "line 2, column `skew`: is 0.5, but the label shares and the target give 1",
            ),
        ] {
            let error = error(header, rows);
            assert!(error.contains(expected), "{error}\ndoes not contain\n{expected}");
        }
    }
}
