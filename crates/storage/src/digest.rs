//! SHA-256 as text.

use sha2::{Digest, Sha256};

/// A SHA-256 that grows with what it is fed.
#[derive(Clone, Debug, Default)]
pub struct Hasher(Sha256);

impl Hasher {
    /// Takes in more bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// 64 lower-case hexadecimal digits of all bytes so far.
    pub fn hex(&self) -> String {
        self.0.clone().finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The SHA-256 of bytes, as `sha256sum` prints it.
pub fn hex_digest(bytes: &[u8]) -> String {
    let mut hasher = Hasher::default();
    hasher.update(bytes);
    hasher.hex()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIPS 180-4's example, in one piece and in two.
    #[test]
    fn the_standards_example() {
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hex_digest(b"abc"), expected);
        let mut hasher = Hasher::default();
        hasher.update(b"a");
        assert_ne!(hasher.hex(), expected);
        hasher.update(b"bc");
        assert_eq!(hasher.hex(), expected);
    }
}
