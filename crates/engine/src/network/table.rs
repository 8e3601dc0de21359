//! Tables of numbers, one line for each client or span of time, with errors that name file and line.

use super::error::NetworkError;
use super::link::{Link, MEGABIT};
use std::path::Path;

/// The most bytes of a table: a million clients have 40 MB.
const MOST: u64 = 1 << 30;

/// One line of a table.
pub(super) struct Row<const N: usize> {
    pub line: u64,
    pub client: u32,
    pub numbers: [f64; N],
}

/// Reads a CSV file with the header `client` and these names. Empty lines and lines that start with `#` are skipped.
pub(super) fn read<const N: usize>(path: &Path, names: [&str; N]) -> Result<Vec<Row<N>>, NetworkError> {
    let file = path.display().to_string();
    let whole = |problem: String| NetworkError::File { file: file.clone(), problem };
    let size = std::fs::metadata(path).map_err(|error| whole(format!("cannot be read ({error})")))?.len();
    if size > MOST {
        return Err(whole(format!("it has {size} bytes, and at most {MOST} are read")));
    }
    let text = std::fs::read_to_string(path).map_err(|error| whole(format!("cannot be read ({error})")))?;
    parse(&text, &file, names)
}

pub(super) fn parse<const N: usize>(text: &str, file: &str, names: [&str; N]) -> Result<Vec<Row<N>>, NetworkError> {
    let header = format!("client,{}", names.join(","));
    let fail = |line: u64, problem: String| NetworkError::Line { file: file.into(), line, problem };
    let lines = (1u64..).zip(text.lines().map(str::trim));
    let mut lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    match lines.next() {
        Some((_, first)) if first.replace(' ', "") == header => {}
        Some((line, first)) => {
            return Err(fail(line, format!("the header is `{first:.60}`, expected `{header}`")));
        }
        None => {
            return Err(NetworkError::File { file: file.into(), problem: format!("is empty, expected `{header}`") });
        }
    }
    let row = |(line, text): (u64, &str)| {
        let fields: Vec<&str> = text.split(',').map(str::trim).collect();
        if fields.len() != N + 1 {
            return Err(fail(line, format!("{} columns, expected {}: `{header}`", fields.len(), N + 1)));
        }
        let client = fields[0];
        let client = client
            .parse()
            .map_err(|_| fail(line, format!("column `client`: `{client:.40}` is no number of a client, from 0")))?;
        let mut numbers = [0.0; N];
        for ((number, text), name) in numbers.iter_mut().zip(&fields[1..]).zip(names) {
            let read: Option<f64> = text.parse().ok().filter(|number: &f64| *number >= 0.0);
            *number =
                read.ok_or_else(|| fail(line, format!("column `{name}`: `{text:.40}` is no number of at least 0")))?;
        }
        Ok(Row { line, client, numbers })
    };
    lines.map(row).collect()
}

/// A link for each of so many clients.
pub(super) fn links(path: &Path, clients: usize) -> Result<Vec<Link>, NetworkError> {
    links_of(read(path, ["down", "up", "latency"])?, &path.display().to_string(), clients)
}

fn links_of(rows: Vec<Row<3>>, file: &str, clients: usize) -> Result<Vec<Link>, NetworkError> {
    let mut links = vec![None; clients];
    for Row { line, client, numbers: [down, up, latency] } in rows {
        let fail = |problem: String| NetworkError::Line { file: file.into(), line, problem };
        if down == 0.0 || up == 0.0 {
            return Err(fail("column `down` or `up`: 0 Mbit/s, over which nothing ever arrives; give more".into()));
        }
        if latency.is_infinite() {
            return Err(fail("column `latency`: infinite; give milliseconds".into()));
        }
        let link = Link { down: down * MEGABIT, up: up * MEGABIT, latency: latency * 1e-3 };
        match links.get_mut(client as usize) {
            // A file may describe more clients than a run has.
            None => {}
            Some(known @ None) => *known = Some(link),
            Some(Some(_)) => return Err(fail(format!("client {client} has a line already"))),
        }
    }
    let missing = links.iter().position(Option::is_none);
    let complete: Option<Vec<Link>> = links.into_iter().collect();
    complete.ok_or_else(|| NetworkError::File {
        file: file.into(),
        problem: format!("has no line for client {}; give one for each of {clients}", missing.unwrap_or(0)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, clients: usize) -> Result<Vec<Link>, String> {
        let rows = parse(text, "n.csv", ["down", "up", "latency"]).map_err(|error| error.to_string())?;
        links_of(rows, "n.csv", clients).map_err(|error| error.to_string())
    }

    #[test]
    fn links_are_read_in_any_order_and_on_the_scale_of_bytes_and_seconds() {
        let links = of("# two\nclient, down, up, latency\n1,8,4,250\n\n0,inf,80,0\n7,1,1,1\n", 2).unwrap();
        assert_eq!(links[0], Link { down: f64::INFINITY, up: 1e7, latency: 0.0 });
        assert_eq!(links[1], Link { down: 1e6, up: 5e5, latency: 0.25 });
    }

    #[test]
    fn each_fault_is_named_with_its_line() {
        let header = "client,down,up,latency\n";
        let problem = |rows: &str| of(&format!("{header}{rows}"), 2).unwrap_err();
        assert_eq!(of("a,b\n", 1).unwrap_err(), "n.csv:1: the header is `a,b`, expected `client,down,up,latency`");
        assert!(of("", 1).unwrap_err().contains("is empty"));
        assert!(problem("0,1,2").starts_with("n.csv:2: 3 columns, expected 4"));
        assert!(problem("x,1,2,3").contains("n.csv:2: column `client`: `x`"));
        for wrong in ["-1", "nan", "fast", ""] {
            assert!(problem(&format!("0,1,{wrong},3")).contains("n.csv:2: column `up`"), "{wrong}");
        }
        assert!(problem("0,0,1,1").contains("0 Mbit/s"));
        assert!(problem("0,1,1,inf").contains("`latency`"));
        assert!(problem("0,1,1,1\n0,1,1,1").contains("n.csv:3: client 0 has a line already"));
        assert_eq!(problem("0,1,1,1"), "n.csv: has no line for client 1; give one for each of 2");
    }
}
