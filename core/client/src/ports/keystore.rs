//! Secrets of this phone.

use std::fmt;

use async_trait::async_trait;
use ushield_protocol::key::PublicKey;
use ushield_protocol::noise::SharedSecret;
use zeroize::Zeroizing;

use crate::error::Error;

/// Keys that may never leave the platform's secure hardware. Named by the client; every failure is `keystore-failure`.
#[async_trait]
pub trait Keystore: Send + Sync {
    /// The public key of the P-256 key `name`, which is made if it is not there yet, and durable then.
    ///
    /// # Errors
    /// `keystore-failure`.
    async fn create_dh(&self, name: &str) -> Result<PublicKey, Error>;

    /// What the key `name` and a point agree on (SEC 1, 3.3.1): the x-coordinate.
    ///
    /// # Errors
    /// `keystore-failure`, also when there is no such key.
    async fn dh(&self, name: &str, point: &PublicKey) -> Result<SharedSecret, Error>;

    /// The key under which the store seals its values: made at first, the same for ever.
    ///
    /// # Errors
    /// `keystore-failure`.
    async fn sealing_key(&self) -> Result<SealingKey, Error>;
}

/// The key of the store's values. Zeroized when dropped; never shown.
#[derive(Clone)]
pub struct SealingKey(Zeroizing<[u8; 32]>);

impl SealingKey {
    /// Takes 32 random bytes.
    #[must_use]
    pub fn new(bytes: Zeroizing<[u8; 32]>) -> Self {
        Self(bytes)
    }

    /// The bytes, for the store alone.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealingKey")
    }
}

/// Random numbers fit for keys.
pub trait Entropy: Send + Sync {
    /// Fills all of `out`.
    ///
    /// # Errors
    /// `keystore-failure` when the platform has none; `out` is then unusable.
    fn fill(&self, out: &mut [u8]) -> Result<(), Error>;
}
