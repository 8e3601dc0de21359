//! Keys: agreed on, derived, expanded.

use chacha20::ChaCha20Rng;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};
use curve25519_dalek::Scalar;
use hkdf::Hkdf;
use rand::{Rng, SeedableRng};
use sha2::Sha256;
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

/// A key for one use.
pub type OneKey = Zeroizing<[u8; 32]>;

/// What a key is for; with the round and the clients it makes every key different.
#[derive(Clone, Copy)]
pub enum Purpose {
    /// The secret half of the X25519 key with which pair masks are agreed on, from a shared secret.
    Agreement,
    /// A client's own mask.
    Own,
    /// The mask of a pair.
    Pair,
    /// Shares on their way from one client to another.
    Seal,
}

/// HKDF-SHA256 of a secret.
fn derive(secret: &[u8], purpose: Purpose, round: u64, clients: [u64; 2]) -> OneKey {
    let purpose: &[u8] = match purpose {
        Purpose::Agreement => b"imfl-privacy/1 agreement",
        Purpose::Own => b"imfl-privacy/1 own mask",
        Purpose::Pair => b"imfl-privacy/1 pair mask",
        Purpose::Seal => b"imfl-privacy/1 seal",
    };
    let mut key = OneKey::default();
    let info: [&[u8]; 4] = [purpose, &round.to_le_bytes(), &clients[0].to_le_bytes(), &clients[1].to_le_bytes()];
    Hkdf::<Sha256>::new(None, secret)
        .expand_multi_info(&info, key.as_mut())
        .expect("32 bytes are fewer than HKDF's 8160");
    key
}

/// The key pair that belongs to a seed that is dealt out in shares.
pub fn agreement(seed: &Scalar, round: u64, client: u64) -> (StaticSecret, PublicKey) {
    let secret = StaticSecret::from(*derive(seed.as_bytes(), Purpose::Agreement, round, [client, client]));
    let public = PublicKey::from(&secret);
    (secret, public)
}

/// The key of a client's own mask, from the seed that is dealt out in shares.
pub fn own(seed: &Scalar, round: u64, client: u64) -> OneKey {
    derive(seed.as_bytes(), Purpose::Own, round, [client, client])
}

/// The key of a pair's mask, the same from both sides. `None` if the other's public key is one of the few that fix
/// the result.
pub fn pair(secret: &StaticSecret, public: &PublicKey, round: u64, clients: [u64; 2]) -> Option<OneKey> {
    let shared = secret.diffie_hellman(public);
    let ordered = [clients[0].min(clients[1]), clients[0].max(clients[1])];
    shared.was_contributory().then(|| derive(shared.as_bytes(), Purpose::Pair, round, ordered))
}

/// The key with which shares are sealed from one client to another; `None` as for [`pair`].
pub fn seal(secret: &StaticSecret, public: &PublicKey, round: u64, from: u64, to: u64) -> Option<OneKey> {
    let shared = secret.diffie_hellman(public);
    shared.was_contributory().then(|| derive(shared.as_bytes(), Purpose::Seal, round, [from, to]))
}

/// Seals a text; the key is for this text alone, so that the nonce may be the same each time.
pub fn encrypt(key: &OneKey, text: &[u8]) -> Option<Vec<u8>> {
    ChaCha20Poly1305::new(&Key::from(**key)).encrypt(&Nonce::default(), Payload::from(text)).ok()
}

/// Opens what [`encrypt`] sealed; `None` if it was changed, or sealed for somebody else.
pub fn decrypt(key: &OneKey, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    ChaCha20Poly1305::new(&Key::from(**key)).decrypt(&Nonce::default(), Payload::from(sealed)).ok().map(Zeroizing::new)
}

/// Adds, or subtracts, the mask that a key expands to.
pub fn apply(values: &mut [i64], key: &OneKey, add: bool) {
    let mut mask = ChaCha20Rng::from_seed(**key);
    for value in values {
        let own = mask.next_u64() as i64;
        *value = if add { value.wrapping_add(own) } else { value.wrapping_sub(own) };
    }
}
