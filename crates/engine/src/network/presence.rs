//! When clients can be reached.

use super::error::NetworkError;
use super::moment::Moment;
use super::trace::Trace;
use crate::choice::{Choice, as_text, positive};
use crate::random::{Purpose, keyed};
use rand::RngExt;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// Seconds of a day.
const DAY: f64 = 86_400.0;

/// When clients can be reached, as it is told.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Presence {
    /// Always.
    #[default]
    Always,
    /// A Markov process with two states: exponential times of so many seconds on average, there and away.
    Markov {
        /// Mean seconds there.
        there: f64,
        /// Mean seconds away.
        away: f64,
    },
    /// So many hours of each day, from an hour of its own: phones that train while they charge (Bonawitz et al. 2019, arXiv
    /// 1902.01046).
    Daily {
        /// Hours, in (0, 24].
        hours: f64,
    },
    /// Times out of a CSV file: `client,from,to` in seconds. The trace repeats after its last time; a client that it does not know
    /// follows the lines of another.
    Trace(PathBuf),
}

/// When clients can be reached, ready to be asked.
#[derive(Clone, Debug, Default)]
pub enum Rhythm {
    /// Always.
    #[default]
    Always,
    /// As [`Presence::Markov`].
    Markov {
        /// Mean seconds there.
        there: f64,
        /// Mean seconds away.
        away: f64,
    },
    /// So many seconds of a day.
    Daily {
        /// Seconds.
        seconds: f64,
    },
    /// Times out of a file.
    Trace(Arc<Trace>),
}

impl Presence {
    /// Reads what has to be read.
    ///
    /// # Errors
    /// [`NetworkError`] that names the trace's file and line.
    pub fn open(&self) -> Result<Rhythm, NetworkError> {
        Ok(match *self {
            Self::Always => Rhythm::Always,
            Self::Markov { there, away } => Rhythm::Markov { there, away },
            Self::Daily { hours } => Rhythm::Daily { seconds: hours * 3600.0 },
            Self::Trace(ref path) => Rhythm::Trace(Arc::new(Trace::read(path)?)),
        })
    }
}

impl Rhythm {
    /// A client at second `time`, keyed by `seed`.
    pub(super) fn at(&self, seed: u64, client: u32, time: f64) -> Moment {
        let random = || keyed(seed, Purpose::Presence, 0, u64::from(client), 0);
        match self {
            Self::Always => Moment { there: true, until: f64::INFINITY },
            &Self::Markov { there: on, away } => {
                let mut random = random();
                // What is left of an exponential time is exponential: the first one needs no past.
                let mut there = random.random::<f64>() * (on + away) < on;
                let mut until = 0.0;
                loop {
                    until -= if there { on } else { away } * (1.0 - random.random::<f64>()).ln();
                    if until > time {
                        return Moment { there, until };
                    }
                    there = !there;
                }
            }
            &Self::Daily { seconds } => {
                if seconds >= DAY {
                    return Moment { there: true, until: f64::INFINITY };
                }
                let since = (time - random().random::<f64>() * DAY).rem_euclid(DAY);
                let there = since < seconds;
                Moment { there, until: time + if there { seconds } else { DAY } - since }
            }
            Self::Trace(trace) => trace.at(client, time),
        }
    }
}

impl Choice for Presence {
    const THING: &'static str = "presence";
    const LIMITS: &'static str = ", with seconds above 0 and at most 24 hours";

    fn forms() -> Vec<&'static str> {
        vec!["always", "markov:THERE:AWAY", "daily:HOURS", "trace:FILE"]
    }

    fn named(text: &str) -> Option<Self> {
        if let Some(path) = text.strip_prefix("trace:") {
            return (!path.is_empty()).then(|| Self::Trace(path.into()));
        }
        Some(match text.split(':').collect::<Vec<_>>()[..] {
            ["always"] => Self::Always,
            ["markov", there, away] => Self::Markov { there: positive(there)?, away: positive(away)? },
            ["daily", hours] => Self::Daily { hours: positive(hours).filter(|hours| *hours <= 24.0)? },
            _ => return None,
        })
    }
}

as_text!([] Presence);

impl fmt::Display for Presence {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Always => f.pad("always"),
            Self::Markov { there, away } => write!(f, "markov:{there}:{away}"),
            Self::Daily { hours } => write!(f, "daily:{hours}"),
            Self::Trace(path) => write!(f, "trace:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The share of moments at which clients are there, and whether each moment agrees with what was said before.
    fn share(rhythm: &Rhythm) -> f64 {
        let mut there = 0;
        for client in 0..200 {
            let mut last: Option<Moment> = None;
            for step in 0..100 {
                let time = f64::from(step) * 997.0;
                let moment = rhythm.at(5, client, time);
                assert!(moment.until > time);
                if let Some(last) = last.filter(|last| last.until > time) {
                    assert_eq!(moment.there, last.there, "it stays as it was until then");
                }
                there += usize::from(moment.there);
                last = Some(moment);
            }
        }
        there as f64 / 20_000.0
    }

    #[test]
    fn clients_are_there_as_often_as_they_should_be() {
        let open = |text: &str| text.parse::<Presence>().unwrap().open().unwrap();
        assert_eq!(share(&open("always")), 1.0);
        // 200 clients, 100,000 s each: about 5,000 periods, so a deviation below 0.01.
        assert!((share(&open("markov:3000:1000")) - 0.75).abs() < 0.04);
        assert!((share(&open("daily:6")) - 0.25).abs() < 0.04);
        assert_eq!(share(&open("daily:24")), 1.0);
    }

    #[test]
    fn texts_are_read_and_written_alike_and_wrong_ones_refused() {
        for text in ["always", "markov:600:1200.5", "daily:8", "trace:a:b.csv"] {
            assert_eq!(text.parse::<Presence>().unwrap().to_string(), text);
        }
        for wrong in ["", "markov:1", "markov:0:1", "markov:inf:1", "daily:25", "daily:0", "trace:", "trace", "never"] {
            let problem = wrong.parse::<Presence>().unwrap_err().to_string();
            assert!(problem.contains(&format!("`{wrong}`")) && problem.contains("daily:HOURS"), "{problem}");
        }
    }
}
