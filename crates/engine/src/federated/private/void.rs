//! Why a guarantee would be void.

/// Why a guarantee would be void.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Void {
    /// A rule that looks at single updates.
    #[error(
        "the aggregation has to be `mean`: a private round adds clipped updates up, and what a rule that looks at single \
         updates makes of them has no known sensitivity"
    )]
    Aggregation,
    /// An algorithm that remembers clients.
    #[error(
        "the clients' algorithm must not remember clients: SCAFFOLD's variates leave them beside the clipped update, \
         without noise"
    )]
    Memory,
    /// Updates of the last round.
    #[error("no update may be late: it would count in a round whose coin its client did not win")]
    Late,
    /// Rounds that depend on how many came.
    #[error("the quorum has to be 1: whether a round is skipped would tell how many clients it has")]
    Quorum,
    /// Updates that are made of others.
    #[error("there must be no attack: hostile updates are made of other clients', which then count more than once")]
    Attack,
    /// A network that decides whose updates count.
    #[error(
        "there must be no network: whom it asks, cuts off or lets come late depends on whoever is slow, and is in no account"
    )]
    Network,
    /// Noise that is accounted for one bound.
    #[error("noise that is correlated over rounds needs one clipping bound for all of them: let it follow no quantile")]
    MovingClip,
}
