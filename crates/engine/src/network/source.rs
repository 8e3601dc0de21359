//! Where links come from: a preset's distributions, or a file with a line for each client.

use super::error::NetworkError;
use super::link::{Link, MEGABIT};
use super::table;
use crate::choice::{Choice, as_text};
use crate::random::{Purpose, keyed};
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};
use std::fmt;
use std::path::PathBuf;

/// Links by name, or out of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkSource {
    /// Machines in one house: 1 Gbit/s both ways, half a millisecond.
    Lan,
    /// Fixed lines. Medians of the world in the first quarter of 2023 by Ookla's Speedtest Global Index: 79.0 Mbit/s down, 34.9
    /// up, 9 ms.
    Broadband,
    /// Phones. Medians of the same source: 41.5 Mbit/s down, 10.4 up, 28 ms.
    Mobile,
    /// A CSV file: `client,down,up,latency` in Mbit/s and milliseconds.
    File(PathBuf),
}

/// What a preset draws from: speeds and latency are log-normal around their medians, latency apart from the speeds.
struct Preset {
    /// Mbit/s.
    down: f64,
    /// Mbit/s.
    up: f64,
    /// Milliseconds.
    latency: f64,
    /// Deviation of the logarithm of both speeds, which go together.
    speeds: f64,
    /// Deviation of the logarithm of the latency.
    latencies: f64,
}

impl LinkSource {
    const NAMES: [&str; 3] = ["lan", "broadband", "mobile"];

    fn preset(&self) -> Option<Preset> {
        Some(match self {
            Self::Lan => Preset { down: 1000.0, up: 1000.0, latency: 0.5, speeds: 0.0, latencies: 0.0 },
            Self::Broadband => Preset { down: 79.0, up: 34.9, latency: 9.0, speeds: 0.7, latencies: 0.5 },
            Self::Mobile => Preset { down: 41.5, up: 10.4, latency: 28.0, speeds: 1.0, latencies: 0.5 },
            Self::File(_) => return None,
        })
    }

    /// One link for each of so many clients. Those of a preset are drawn for `seed` and the client's id.
    ///
    /// # Errors
    /// [`NetworkError`] that names file and line.
    pub fn links(&self, clients: usize, seed: u64) -> Result<Vec<Link>, NetworkError> {
        match (self, self.preset()) {
            (Self::File(path), _) => table::links(path, clients),
            (_, Some(preset)) => Ok((0..clients as u64).map(|client| preset.draw(client, seed)).collect()),
            // Only files have no preset.
            (_, None) => Ok(vec![Link::INSTANT; clients]),
        }
    }

    /// So many links of the population that clients come from, with a key of their own: what is believed of a client that is not
    /// known. A file is drawn from with replacement.
    pub fn sample(&self, draws: usize, known: &[Link], seed: u64) -> Vec<Link> {
        let of = |draw: u64| match self.preset() {
            Some(preset) => preset.draw_by(&mut keyed(seed, Purpose::Link, 1, draw, 0)),
            None if known.is_empty() => Link::INSTANT,
            None => known[keyed(seed, Purpose::Link, 1, draw, 0).random_range(0..known.len())],
        };
        (0..draws as u64).map(of).collect()
    }
}

impl Preset {
    fn draw(&self, client: u64, seed: u64) -> Link {
        self.draw_by(&mut keyed(seed, Purpose::Link, 0, client, 0))
    }

    fn draw_by(&self, random: &mut impl rand::Rng) -> Link {
        let mut normal = || -> f64 { StandardNormal.sample(random) };
        let speed = (self.speeds * normal()).exp();
        let latency = (self.latencies * normal()).exp();
        Link {
            down: self.down * MEGABIT * speed,
            up: self.up * MEGABIT * speed,
            latency: self.latency * 1e-3 * latency,
        }
    }
}

impl Choice for LinkSource {
    const THING: &'static str = "network";

    fn forms() -> Vec<&'static str> {
        vec!["lan", "broadband", "mobile", "FILE"]
    }

    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "" => return None,
            "lan" => Self::Lan,
            "broadband" => Self::Broadband,
            "mobile" => Self::Mobile,
            path => Self::File(path.into()),
        })
    }
}

as_text!([] LinkSource);

impl fmt::Display for LinkSource {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Lan => f.pad(Self::NAMES[0]),
            Self::Broadband => f.pad(Self::NAMES[1]),
            Self::Mobile => f.pad(Self::NAMES[2]),
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preset_has_its_medians_and_a_client_keeps_its_link() {
        for (name, down, up, latency) in [("broadband", 79.0, 34.9, 9.0), ("mobile", 41.5, 10.4, 28.0)] {
            let source: LinkSource = name.parse().unwrap();
            assert_eq!(source.to_string(), name);
            let links = source.links(4001, 7).unwrap();
            let median = |of: &dyn Fn(&Link) -> f64| {
                let mut all: Vec<f64> = links.iter().map(of).collect();
                all.sort_by(f64::total_cmp);
                all[2000]
            };
            // Five deviations of the median of 4,001: 1.25 sigma / sqrt(4001) of the logarithm, sigma at most 1.
            let near = |found: f64, expected: f64| (found / expected).ln().abs() < 0.1;
            assert!(near(median(&|link| link.down), down * 125_000.0), "{name}");
            assert!(near(median(&|link| link.up), up * 125_000.0), "{name}");
            assert!(near(median(&|link| link.latency), latency / 1000.0), "{name}");
            assert_eq!(source.links(10, 7).unwrap(), links[..10], "a link does not depend on how many there are");
            assert_ne!(source.links(10, 8).unwrap(), links[..10]);
        }
        let lan = LinkSource::Lan.links(2, 1).unwrap();
        assert_eq!(lan[0], Link { down: 125e6, up: 125e6, latency: 0.5e-3 });
        assert_eq!(lan[0], lan[1]);
    }

    #[test]
    fn beliefs_are_drawn_from_the_same_population_with_another_key() {
        let source = LinkSource::Mobile;
        let links = source.links(100, 3).unwrap();
        let believed = source.sample(100, &links, 3);
        assert!(links.iter().all(|link| !believed.contains(link)));
        let file = LinkSource::File("x.csv".into());
        assert!(file.sample(50, &links[..3], 3).iter().all(|link| links[..3].contains(link)));
    }
}
