//! The bytes of images: a dataset's own, or somebody else's that it looks at.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// Bytes that do not change. Clones share them.
#[derive(Clone)]
pub struct Pixels(Arc<dyn AsRef<[u8]> + Send + Sync>);

impl Pixels {
    /// Looks at bytes where they are; they are kept alive for as long as anybody looks.
    pub fn shared(owner: impl AsRef<[u8]> + Send + Sync + 'static) -> Self {
        Self(Arc::new(owner))
    }
}

impl From<Vec<u8>> for Pixels {
    fn from(bytes: Vec<u8>) -> Self {
        Self::shared(bytes)
    }
}

impl Deref for Pixels {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.0.as_ref().as_ref()
    }
}

impl PartialEq for Pixels {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl fmt::Debug for Pixels {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "Pixels({} bytes)", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shared_is_looked_at_and_not_copied() {
        let owner: Arc<Vec<u8>> = Arc::new(vec![1, 2, 3]);
        struct Shared(Arc<Vec<u8>>);
        impl AsRef<[u8]> for Shared {
            fn as_ref(&self) -> &[u8] {
                &self.0
            }
        }
        let pixels = Pixels::shared(Shared(owner.clone()));
        assert_eq!(pixels.clone().as_ptr(), owner.as_ptr());
        assert_eq!(pixels, Pixels::from(vec![1, 2, 3]));
        drop(pixels);
        assert_eq!(Arc::strong_count(&owner), 1);
    }
}
