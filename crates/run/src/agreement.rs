//! What rank 0 alone finds out, and all ranks go by: costs, prices, what was there before.

use crate::failure::{Failure, Kind, Outcome};
use imfl_ranks::Ranks;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What `find` returns on rank 0, on every rank. The others wait; if it fails, they are ended with that failure.
///
/// # Errors
/// What `find` returns.
pub fn from_first<T: Serialize + DeserializeOwned>(ranks: &Ranks, find: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
    Ok(on_first(ranks, || Ok(((), find()?)))?.1)
}

/// The same of a pair of which the first part stays with rank 0.
///
/// # Errors
/// What `find` returns.
pub fn on_first<P, T: Serialize + DeserializeOwned>(
    ranks: &Ranks,
    find: impl FnOnce() -> Outcome<(P, T)>,
) -> Outcome<(Option<P>, T)> {
    if !ranks.is_first() {
        return Ok((None, read(&ranks.from_first(&[]))?));
    }
    let (own, shared) = find()?;
    if ranks.are_several() {
        ranks.from_first(&write(&shared)?);
    }
    Ok((Some(own), shared))
}

/// What every rank says, in the order of ranks, on every rank.
///
/// # Errors
/// A value that CBOR cannot hold.
pub fn from_all<T: Serialize + DeserializeOwned>(ranks: &Ranks, own: &T) -> Outcome<Vec<T>> {
    ranks.gather(&write(own)?).iter().map(|bytes| read(bytes)).collect()
}

/// CBOR, which keeps every f64 to the bit.
fn write(value: &impl Serialize) -> Outcome<Vec<u8>> {
    let mut bytes = Vec::new();
    ciborium::into_writer(value, &mut bytes).map_err(garbled)?;
    Ok(bytes)
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Outcome<T> {
    ciborium::from_reader(bytes).map_err(garbled)
}

fn garbled(error: impl std::fmt::Display) -> Failure {
    Failure::new(
        Kind::Unexpected,
        format!("ranks do not understand each other: {error}; start the same build everywhere"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use imfl_ranks::together;

    #[test]
    fn rank_0_finds_and_all_know() {
        let awkward = (Some(0.1 + 0.2), f64::MIN_POSITIVE, vec![("cost".to_string(), None::<u64>)]);
        let found = together(3, |ranks| {
            from_first(&ranks, || {
                assert!(ranks.is_first(), "nobody else is asked");
                Ok(awkward.clone())
            })
            .unwrap()
        });
        assert!(found.iter().all(|found| *found == awkward));
        let kept = together(2, |ranks| on_first(&ranks, || Ok(("own", 7))).unwrap());
        assert_eq!(kept, [(Some("own"), 7), (None, 7)]);
        let all = together(3, |ranks| from_all(&ranks, &ranks.rank()).unwrap());
        assert!(all.iter().all(|all| *all == [0, 1, 2]));
    }

    #[test]
    fn alone_nothing_is_written_or_read() {
        let failed = from_first::<u8>(&Ranks::alone(), || Err(Failure::new(Kind::Data, "gone")));
        assert_eq!(failed.unwrap_err().to_string(), "gone");
        assert_eq!(from_first(&Ranks::alone(), || Ok(f64::NAN)).unwrap().to_bits(), f64::NAN.to_bits());
    }
}
