//! When clients can be reached, out of a file.

use super::error::NetworkError;
use super::moment::Moment;
use super::table::{self, Row};
use std::collections::BTreeMap;
use std::path::Path;

/// Spans of time in which clients can be reached; after its last time the trace begins anew.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    /// Of each client of the file, in the order of ids: from and to, in seconds, in order.
    spans: Vec<Vec<(f64, f64)>>,
    /// Seconds after which it repeats.
    period: f64,
}

impl Trace {
    /// Reads `client,from,to` in seconds.
    pub(super) fn read(path: &Path) -> Result<Self, NetworkError> {
        Self::of(table::read(path, ["from", "to"])?, &path.display().to_string())
    }

    fn of(rows: Vec<Row<2>>, file: &str) -> Result<Self, NetworkError> {
        let mut clients: BTreeMap<u32, Vec<(f64, f64)>> = BTreeMap::new();
        let mut period = 0.0f64;
        for Row { line, client, numbers: [from, to] } in rows {
            let fail = |problem: String| NetworkError::Line { file: file.into(), line, problem };
            if !(from < to && to.is_finite()) {
                return Err(fail(format!("from {from} to {to} is no span of time; give seconds, the earlier first")));
            }
            let spans = clients.entry(client).or_default();
            if let Some((_, last)) = spans.last().filter(|(_, last)| *last > from) {
                return Err(fail(format!("client {client} is there until {last} already; give its spans in order")));
            }
            spans.push((from, to));
            period = period.max(to);
        }
        if clients.is_empty() {
            return Err(NetworkError::File { file: file.into(), problem: "has a header and no span of time".into() });
        }
        Ok(Self { spans: clients.into_values().collect(), period })
    }

    /// A client at second `time`.
    pub(super) fn at(&self, client: u32, time: f64) -> Moment {
        let spans = &self.spans[client as usize % self.spans.len()];
        let now = time.rem_euclid(self.period);
        let begun = time - now;
        // Every client of the file has a span; beyond its last comes the first one of the repeated trace.
        let first = spans[0];
        match spans.iter().find(|(_, to)| *to > now) {
            Some(&(from, to)) if from <= now => {
                let goes_on = if to == self.period && first.0 == 0.0 { first.1 } else { 0.0 };
                Moment { there: true, until: begun + to + goes_on }
            }
            Some(&(from, _)) => Moment { there: false, until: begun + from },
            None => Moment { there: false, until: begun + self.period + first.0 },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trace(rows: &str) -> Result<Trace, String> {
        let rows = table::parse(&format!("client,from,to\n{rows}"), "t.csv", ["from", "to"]);
        Trace::of(rows.map_err(|error| error.to_string())?, "t.csv").map_err(|error| error.to_string())
    }

    #[test]
    fn spans_repeat_and_clients_share_them() {
        let trace = trace("4,10,20\n4,30,100\n9,0,50\n9,60,100").unwrap();
        let at = |client, time: f64| {
            let moment = trace.at(client, time);
            (moment.there, moment.until)
        };
        assert_eq!(at(0, 0.0), (false, 10.0));
        assert_eq!(at(0, 10.0), (true, 20.0));
        assert_eq!(at(0, 20.0), (false, 30.0));
        assert_eq!(at(2, 215.0), (true, 220.0), "the third client follows the first line, in the third repetition");
        assert_eq!(at(0, 99.0), (true, 100.0));
        assert_eq!(at(1, 70.0), (true, 150.0), "it is there at the end and at the beginning");
        assert_eq!(at(1, 155.0), (false, 160.0));
    }

    #[test]
    fn what_is_no_time_is_named() {
        assert!(trace("").unwrap_err().contains("no span of time"));
        assert!(trace("0,5,5").unwrap_err().starts_with("t.csv:2: from 5 to 5"));
        assert!(trace("0,5,inf").unwrap_err().contains("t.csv:2"));
        assert!(trace("0,5,9\n0,8,12").unwrap_err().contains("t.csv:3: client 0 is there until 9"));
    }
}
