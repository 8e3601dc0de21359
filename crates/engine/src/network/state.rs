//! What a network remembers between rounds, and how it is kept on disk.

use super::flight::{Flight, Load};
use super::policy::Observed;
use crate::stored::{Stored, StoredError, Tensors};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A network between two rounds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NetworkState {
    /// Seconds of the simulated clock.
    pub now: f64,
    /// Who is at work, by client.
    pub flights: Vec<Flight>,
    /// What compression has left out of each client's updates so far, `[parameters]`.
    pub residues: BTreeMap<u32, Arc<Vec<f32>>>,
    /// What was seen of each client, for policies that learn.
    pub observed: BTreeMap<u32, Observed>,
}

/// Tensors: `now`; of flights `flights.who`, `[flights, 4]`: client, round, bytes down and up, and `flights.when`, `[flights, 5]`; of what was
/// seen `observed.who`, `[clients, 2]`: client and round, and `observed.what`, `[clients, 2]`; `residue.ID`, `[parameters]`. Numbers with a
/// point are the bits of an f64.
const FORMAT: &str = "imfl.network/1";

impl NetworkState {
    /// The state as safetensors.
    ///
    /// # Errors
    /// None that can be met: names differ.
    pub fn to_bytes(&self) -> Result<Vec<u8>, StoredError> {
        let mut file = Tensors::default();
        file.add_f64("now", &[self.now]);
        let who = |flight: &Flight| [u64::from(flight.client), flight.made, flight.load.down, flight.load.up];
        let when = |flight: &Flight| {
            [flight.asked, flight.received, flight.computed, flight.arrives, flight.gone].map(f64::to_bits)
        };
        file.add_u64("flights.who", &self.flights.iter().flat_map(who).collect::<Vec<_>>());
        file.add_u64("flights.when", &self.flights.iter().flat_map(when).collect::<Vec<_>>());
        let who = |(client, seen): (&u32, &Observed)| [u64::from(*client), seen.round];
        let what = |seen: &Observed| [seen.utility, seen.seconds].map(f64::to_bits);
        file.add_u64("observed.who", &self.observed.iter().flat_map(who).collect::<Vec<_>>());
        file.add_u64("observed.what", &self.observed.values().flat_map(what).collect::<Vec<_>>());
        for (client, residue) in &self.residues {
            file.add_f32(format!("residue.{client}"), &[residue.len()], residue);
        }
        file.to_bytes(FORMAT)
    }

    /// Reads a state of a model of so many parameters back.
    ///
    /// # Errors
    /// [`StoredError`] that names the tensor and what is wrong with it.
    pub fn from_bytes(bytes: &[u8], size: usize) -> Result<Self, StoredError> {
        let stored = Stored::open(bytes, FORMAT)?;
        let [now] = stored.f64("now")?;
        let mut flights = Vec::new();
        for ([client, made, down, up], when) in rows::<4, 5>(&stored, "flights.who", "flights.when")? {
            let [asked, received, computed, arrives, gone] = when.map(f64::from_bits);
            let ordered = asked <= received && received <= computed && computed <= arrives && now <= arrives.min(gone);
            if !ordered {
                return Err(StoredError("tensor `flights.when` has times that are not in order".into()));
            }
            let load = Load { down, up };
            flights.push(Flight {
                client: id("flights.who", client)?,
                made,
                asked,
                received,
                computed,
                arrives,
                gone,
                load,
            });
        }
        let mut observed = BTreeMap::new();
        for ([client, round], what) in rows::<2, 2>(&stored, "observed.who", "observed.what")? {
            let [utility, seconds] = what.map(f64::from_bits);
            observed.insert(id("observed.who", client)?, Observed { utility, seconds, round });
        }
        let clients = stored.names().into_iter().filter_map(|name| name.strip_prefix("residue.")?.parse::<u32>().ok());
        let residue = |client| Ok((client, Arc::new(stored.f32(&format!("residue.{client}"), &[size])?)));
        let residues = clients.map(residue).collect::<Result<_, StoredError>>()?;
        Ok(Self { now, flights, residues, observed })
    }
}

/// Rows of two tensors side by side.
type Rows<const A: usize, const B: usize> = Vec<([u64; A], [u64; B])>;

/// Reads them.
fn rows<const A: usize, const B: usize>(stored: &Stored, left: &str, right: &str) -> Result<Rows<A, B>, StoredError> {
    let (a, b) = (stored.all_u64(left)?, stored.all_u64(right)?);
    let ((a, rest_a), (b, rest_b)) = (a.as_chunks::<A>(), b.as_chunks::<B>());
    if a.len() != b.len() || !rest_a.is_empty() || !rest_b.is_empty() {
        return Err(StoredError(format!("tensors `{left}` and `{right}` do not have the same rows")));
    }
    Ok(a.iter().copied().zip(b.iter().copied()).collect())
}

fn id(tensor: &str, client: u64) -> Result<u32, StoredError> {
    u32::try_from(client).map_err(|_| StoredError(format!("tensor `{tensor}` has client {client}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::link::Link;

    #[test]
    fn a_state_reads_back_equal_and_damage_is_named() {
        let load = Load { down: 40, up: 10 };
        let link = Link { down: 10.0, up: 10.0, latency: 0.1 };
        let flight = |client, gone| Flight::begin(client, 3, link, 1.5, load, 2.0, gone);
        let state = NetworkState {
            now: 2.5,
            flights: vec![flight(1, f64::INFINITY), flight(7, 4.0)],
            residues: [(7, Arc::new(vec![0.5, -1.0]))].into(),
            observed: [(2, Observed { utility: 0.25, seconds: 9.0, round: 2 })].into(),
        };
        let bytes = state.to_bytes().unwrap();
        assert_eq!(NetworkState::from_bytes(&bytes, 2).unwrap(), state);
        assert!(NetworkState::from_bytes(&bytes, 3).unwrap_err().to_string().contains("`residue.7`"));
        assert!(NetworkState::from_bytes(&bytes[..50], 2).is_err());
        let backwards = NetworkState { now: 9.0, ..state };
        let error = NetworkState::from_bytes(&backwards.to_bytes().unwrap(), 2).unwrap_err();
        assert!(error.to_string().contains("not in order"));
        let empty = NetworkState::default();
        assert_eq!(NetworkState::from_bytes(&empty.to_bytes().unwrap(), 2).unwrap(), empty);
    }
}
