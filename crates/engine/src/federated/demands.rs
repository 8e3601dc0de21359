//! What a federation must not do in a private round.

use super::aggregation::Aggregation;
use super::federation::Federation;
use super::private::Void;

/// Refuses a private federation that would void its guarantee.
pub fn check(federation: &Federation) -> Result<(), Void> {
    let Some(private) = &federation.private else { return Ok(()) };
    let demands = [
        (federation.aggregation == Aggregation::default(), Void::Aggregation),
        (federation.local.algorithm.memory().is_none(), Void::Memory),
        (federation.availability.late == 0.0, Void::Late),
        (federation.quorum <= 1, Void::Quorum),
        (federation.hostility.is_none(), Void::Attack),
        (federation.network.is_none(), Void::Network),
        (private.bound_stays_if_correlated(), Void::MovingClip),
    ];
    demands.iter().find(|(met, _)| !met).map_or(Ok(()), |(_, void)| Err(*void))
}
