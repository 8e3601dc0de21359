//! A client's side of a round: a type for each state, each left but once.

use super::key::{self, OneKey};
use super::message::{Advertisement, Revealed, RevealedShare, SealedShares, Secret};
use super::shamir;
use crate::{Error, Result};
use curve25519_dalek::Scalar;
use rand::CryptoRng;
use std::collections::{BTreeMap, BTreeSet};
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

/// The secrets of a client for a round.
struct Secrets {
    round: u64,
    client: u64,
    sealing: StaticSecret,
    /// The seed of the key that pair masks are agreed on with, dealt out in shares.
    agreement: Zeroizing<Scalar>,
    /// The seed of the own mask, dealt out in shares.
    own: Zeroizing<Scalar>,
}

impl Secrets {
    fn error(&self, what: String) -> Error {
        Error::Message { round: self.round, what: format!("client {}: {what}", self.client) }
    }

    fn weak(&self, other: u64) -> Error {
        self.error(format!("the key of client {other} is none that X25519 makes"))
    }
}

/// A client that has made its keys.
pub struct Joining(Secrets);

/// A client that has dealt shares of its secrets.
pub struct Sharing {
    secrets: Secrets,
    threshold: usize,
    roster: BTreeMap<u64, Advertisement>,
}

/// A client that has masked its vector.
pub struct Masked {
    secrets: Secrets,
    threshold: usize,
    /// Shares of everybody who dealt some: of the agreement's seed and of the own mask's.
    shares: BTreeMap<u64, [Zeroizing<[u8; 32]>; 2]>,
}

/// The place of a client's shares. Never 0, which is the secret's; ids are far from the field's size.
pub(super) fn place(client: u64) -> Scalar {
    Scalar::from(client) + Scalar::ONE
}

/// Checks who takes part: at least two clients, each once, and a threshold above half of them.
pub(super) fn checked(
    round: u64,
    advertisements: &[Advertisement],
    threshold: usize,
) -> Result<BTreeMap<u64, Advertisement>> {
    let error = |what: String| Error::Message { round, what };
    let mut roster = BTreeMap::new();
    for advertisement in advertisements {
        if roster.insert(advertisement.client, advertisement.clone()).is_some() {
            return Err(error(format!("client {} advertised twice", advertisement.client)));
        }
    }
    let clients = roster.len();
    if threshold < 2 || threshold > clients || 2 * threshold <= clients {
        return Err(error(format!(
            "a threshold of {threshold} for {clients} clients; it must be 2 or more, above half the clients and no more \
             than there are"
        )));
    }
    Ok(roster)
}

impl Joining {
    /// Makes keys for a round, and what is sent to the server. `rng` is the operating system's, or as good.
    pub fn new<R: CryptoRng + ?Sized>(round: u64, client: u64, rng: &mut R) -> (Self, Advertisement) {
        let sealing = StaticSecret::random_from_rng(rng);
        let (agreement, own) = (Zeroizing::new(Scalar::random(rng)), Zeroizing::new(Scalar::random(rng)));
        let masking = key::agreement(&agreement, round, client).1.to_bytes();
        let advertisement = Advertisement { client, sealing: PublicKey::from(&sealing).to_bytes(), masking };
        (Self(Secrets { round, client, sealing, agreement, own }), advertisement)
    }

    /// Deals shares of both secrets to all clients, itself included: `threshold` of them reconstruct either.
    ///
    /// # Errors
    /// A roster without this client's own keys, with a client twice or with a key that is none; a threshold not
    /// above half the clients.
    pub fn share<R: CryptoRng + ?Sized>(
        self,
        roster: &[Advertisement],
        threshold: usize,
        rng: &mut R,
    ) -> Result<(Sharing, Vec<SealedShares>)> {
        let secrets = self.0;
        let roster = checked(secrets.round, roster, threshold)?;
        let masking = key::agreement(&secrets.agreement, secrets.round, secrets.client).1;
        let listed = roster.get(&secrets.client).is_some_and(|own| {
            own.masking == *masking.as_bytes() && own.sealing == *PublicKey::from(&secrets.sealing).as_bytes()
        });
        if !listed {
            return Err(secrets.error("the roster lacks this client's own keys".to_owned()));
        }
        let places: Vec<Scalar> = roster.keys().map(|client| place(*client)).collect();
        let agreement = Zeroizing::new(shamir::split(*secrets.agreement, threshold, &places, rng));
        let own = Zeroizing::new(shamir::split(*secrets.own, threshold, &places, rng));
        let seal = |(k, other): (usize, &Advertisement)| {
            let to = other.client;
            let key = key::seal(&secrets.sealing, &PublicKey::from(other.sealing), secrets.round, secrets.client, to);
            let text = Zeroizing::new([agreement[k].to_bytes(), own[k].to_bytes()].concat());
            let sealed = key.and_then(|key| key::encrypt(&key, &text)).ok_or_else(|| secrets.weak(to))?;
            Ok(SealedShares { from: secrets.client, to, sealed })
        };
        let sealed = roster.values().enumerate().map(seal).collect::<Result<_>>()?;
        Ok((Sharing { secrets, threshold, roster }, sealed))
    }
}

impl Sharing {
    /// Masks a vector in place, for the sum with all who dealt shares: `sealed` are the shares for this client. All
    /// clients must be handed shares of the same clients.
    ///
    /// # Errors
    /// Shares that cannot be opened, of a client twice or not on the roster; shares of fewer clients than the
    /// threshold, or without this client's own. The vector is as it was then.
    pub fn mask(self, sealed: Vec<SealedShares>, values: &mut [i64]) -> Result<Masked> {
        let Self { secrets, threshold, roster } = self;
        let mut shares = BTreeMap::new();
        for SealedShares { from, to, sealed } in sealed {
            let sender = roster
                .get(&from)
                .ok_or_else(|| secrets.error(format!("shares from client {from}, which is not on the roster")))?;
            let key = key::seal(&secrets.sealing, &PublicKey::from(sender.sealing), secrets.round, from, to);
            let text =
                key.and_then(|key| key::decrypt(&key, &sealed)).filter(|text| to == secrets.client && text.len() == 64);
            let text = text.ok_or_else(|| secrets.error(format!("shares from client {from} cannot be opened")))?;
            let half = |k: usize| Zeroizing::new(std::array::from_fn(|i| text[32 * k + i]));
            if shares.insert(from, [half(0), half(1)]).is_some() {
                return Err(secrets.error(format!("shares from client {from} came twice")));
            }
        }
        if shares.len() < threshold {
            return Err(Error::TooFew { round: secrets.round, found: shares.len(), threshold });
        }
        if !shares.contains_key(&secrets.client) {
            return Err(secrets.error("its own shares did not come back".to_owned()));
        }
        let masking = key::agreement(&secrets.agreement, secrets.round, secrets.client).0;
        let pair = |other: &u64| {
            let public = PublicKey::from(roster[other].masking);
            let key = key::pair(&masking, &public, secrets.round, [secrets.client, *other])
                .ok_or_else(|| secrets.weak(*other))?;
            Ok((key, secrets.client < *other))
        };
        let pairs = shares
            .keys()
            .filter(|other| **other != secrets.client)
            .map(pair)
            .collect::<Result<Vec<(OneKey, bool)>>>()?;
        for (key, add) in pairs {
            key::apply(values, &key, add);
        }
        key::apply(values, &key::own(&secrets.own, secrets.round, secrets.client), true);
        Ok(Masked { secrets, threshold, shares })
    }
}

impl Masked {
    /// Reveals, for every client that dealt shares, the share of one of its secrets: of its own mask's if it is
    /// among `survivors`, whose vectors the server has, of its agreement's if not.
    ///
    /// # Errors
    /// Fewer survivors than the threshold, or one who dealt no shares; nothing is revealed then.
    pub fn reveal(self, survivors: &[u64]) -> Result<Revealed> {
        let survivors: BTreeSet<u64> = survivors.iter().copied().collect();
        if let Some(unknown) = survivors.iter().find(|client| !self.shares.contains_key(client)) {
            return Err(self.secrets.error(format!("client {unknown} is said to be left, and dealt no shares")));
        }
        if survivors.len() < self.threshold {
            return Err(Error::TooFew { round: self.secrets.round, found: survivors.len(), threshold: self.threshold });
        }
        let share = |(of, [agreement, own]): (&u64, &[Zeroizing<[u8; 32]>; 2])| {
            let (secret, share) =
                if survivors.contains(of) { (Secret::Own, own) } else { (Secret::Agreement, agreement) };
            RevealedShare { of: *of, secret, share: **share }
        };
        Ok(Revealed { client: self.secrets.client, shares: self.shares.iter().map(share).collect() })
    }
}
