//! What clients and server send each other. All can be serialised; all is public but the inside of [`SealedShares`].

use serde::{Deserialize, Serialize};

/// A client's public keys for a round.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Advertisement {
    /// Who.
    pub client: u64,
    /// X25519: shares for this client are sealed with it.
    pub sealing: [u8; 32],
    /// X25519: pair masks are agreed on with it.
    pub masking: [u8; 32],
}

/// Shares of both secrets of one client, for another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedShares {
    /// Whose secrets.
    pub from: u64,
    /// Who can open them.
    pub to: u64,
    /// ChaCha20-Poly1305.
    pub sealed: Vec<u8>,
}

/// Which of a client's two secrets; only one of them is ever revealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Secret {
    /// The one behind its pair masks: for a client that dropped out.
    Agreement,
    /// The one behind its own mask: for a client whose vector arrived.
    Own,
}

/// One share of one client's secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevealedShare {
    /// Whose secret.
    pub of: u64,
    /// Which.
    pub secret: Secret,
    /// The share.
    pub share: [u8; 32],
}

/// What a client reveals at the end of a round: a share for each client that dealt some.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revealed {
    /// Who.
    pub client: u64,
    /// The shares.
    pub shares: Vec<RevealedShare>,
}
