//! The server's side of a round.

use super::client::{checked, place};
use super::key;
use super::message::{Advertisement, Revealed, Secret};
use super::shamir;
use crate::{Error, Result};
use curve25519_dalek::Scalar;
use std::collections::{BTreeMap, BTreeSet};
use x25519_dalek::PublicKey;
use zeroize::Zeroizing;

/// Adds masked vectors up and takes the masks off the sum.
pub struct Server {
    round: u64,
    threshold: usize,
    clients: Vec<Advertisement>,
    sum: Vec<i64>,
    survivors: BTreeSet<u64>,
}

impl Server {
    /// A server for one round: vectors of `length`, and the number of clients that must be left at the end.
    ///
    /// # Errors
    /// A threshold below 2.
    pub fn new(round: u64, threshold: usize, length: usize) -> Result<Self> {
        if threshold < 2 {
            return Err(Error::parameter(
                "threshold",
                threshold,
                "2 or more clients, and more than half of those that take part",
            ));
        }
        Ok(Self { round, threshold, clients: Vec::new(), sum: vec![0; length], survivors: BTreeSet::new() })
    }

    /// Takes everybody's keys; returns them in the order of clients, to be sent to all.
    ///
    /// # Errors
    /// A client twice, or a threshold that is not above half the clients.
    pub fn roster(&mut self, advertisements: Vec<Advertisement>) -> Result<&[Advertisement]> {
        self.clients = checked(self.round, &advertisements, self.threshold)?.into_values().collect();
        Ok(&self.clients)
    }

    /// Adds a client's masked vector.
    ///
    /// # Errors
    /// A client that is not on the roster or was added before; a vector of another length. Nothing is added then.
    pub fn add(&mut self, client: u64, masked: &[i64]) -> Result<()> {
        if masked.len() != self.sum.len() {
            return Err(self.error(format!("client {client} sent {} values and not {}", masked.len(), self.sum.len())));
        }
        if self.client(client).is_none() {
            return Err(self.error(format!("client {client} is not on the roster")));
        }
        if !self.survivors.insert(client) {
            return Err(self.error(format!("client {client} sent two vectors")));
        }
        for (sum, value) in self.sum.iter_mut().zip(masked) {
            *sum = sum.wrapping_add(*value);
        }
        Ok(())
    }

    /// The clients whose vectors were added: to be sent to all of them.
    pub fn survivors(&self) -> Vec<u64> {
        self.survivors.iter().copied().collect()
    }

    /// Takes the masks off: the sum of the survivors' vectors, modulo 2^64.
    ///
    /// # Errors
    /// [`Error::TooFew`] if fewer survivors than the threshold answered; an answer that does not fit the round, or
    /// shares that do not give back the key that a client advertised. The sum stays hidden then.
    pub fn finish(mut self, revealed: Vec<Revealed>) -> Result<Vec<i64>> {
        let answers: BTreeMap<u64, &Revealed> = revealed.iter().map(|answer| (answer.client, answer)).collect();
        if answers.len() < revealed.len() {
            return Err(self.error("a client answered twice".to_owned()));
        }
        if let Some(unknown) = answers.keys().find(|client| self.client(**client).is_none()) {
            return Err(self.error(format!("client {unknown} is not on the roster")));
        }
        if answers.len() < self.threshold || self.survivors.len() < self.threshold {
            return Err(Error::TooFew {
                round: self.round,
                found: answers.len().min(self.survivors.len()),
                threshold: self.threshold,
            });
        }
        // Any as many as the threshold do.
        let answers: Vec<&Revealed> = answers.into_values().take(self.threshold).collect();
        let places: Vec<Scalar> = answers.iter().map(|answer| place(answer.client)).collect();
        let weights = shamir::weights(&places);
        // Who dealt shares: all answers speak of the same clients.
        let dealt: BTreeSet<u64> =
            answers.iter().flat_map(|answer| answer.shares.iter().map(|share| share.of)).collect();
        if let Some(missing) = self.survivors.iter().find(|client| !dealt.contains(client)) {
            return Err(self.error(format!("nobody has shares of client {missing}")));
        }
        for of in dealt {
            let survived = self.survivors.contains(&of);
            let wanted = if survived { Secret::Own } else { Secret::Agreement };
            let share = |answer: &&Revealed| {
                let found = answer.shares.iter().find(|share| share.of == of && share.secret == wanted);
                let scalar = found.and_then(|share| Option::from(Scalar::from_canonical_bytes(share.share)));
                scalar.ok_or_else(|| {
                    self.error(format!(
                        "client {} did not reveal the share of client {of} that was asked for",
                        answer.client
                    ))
                })
            };
            let shares = Zeroizing::new(answers.iter().map(share).collect::<Result<Vec<Scalar>>>()?);
            let seed = Zeroizing::new(shamir::join(&shares, &weights));
            if survived {
                key::apply(&mut self.sum, &key::own(&seed, self.round, of), false);
            } else {
                self.remove_pairs(of, &seed)?;
            }
        }
        Ok(self.sum)
    }

    /// Undoes what survivors added for their pairs with a client that dropped out.
    fn remove_pairs(&mut self, gone: u64, seed: &Scalar) -> Result<()> {
        let (secret, public) = key::agreement(seed, self.round, gone);
        if self.client(gone).is_none_or(|client| client.masking != *public.as_bytes()) {
            return Err(self.error(format!("shares of client {gone} do not give back its key")));
        }
        let key = |other: &u64| {
            let public = PublicKey::from(self.client(*other)?.masking);
            Some((key::pair(&secret, &public, self.round, [gone, *other])?, *other < gone))
        };
        let keys: Option<Vec<_>> = self.survivors.iter().map(key).collect();
        for (key, added) in keys.ok_or_else(|| self.error(format!("a key of a pair with client {gone} is none")))? {
            key::apply(&mut self.sum, &key, !added);
        }
        Ok(())
    }

    fn client(&self, client: u64) -> Option<&Advertisement> {
        self.clients.binary_search_by_key(&client, |known| known.client).ok().map(|k| &self.clients[k])
    }

    fn error(&self, what: String) -> Error {
        Error::Message { round: self.round, what }
    }
}
