//! The phone's key store: one key, and the key that seals.

use async_trait::async_trait;
use ushield_client::Error;
use ushield_client::ports::{Keystore, SealingKey};
use ushield_protocol::code::Code;
use ushield_protocol::key::PublicKey;
use ushield_protocol::noise::{DhSecret, SharedSecret};
use zeroize::Zeroizing;

use crate::canary::Canary;

/// Secure hardware, played.
#[derive(Debug)]
pub struct Phone {
    dh: DhSecret,
    sealing: SealingKey,
}

impl Phone {
    /// With keys of these canaries.
    ///
    /// # Panics
    /// When they are none.
    #[must_use]
    pub fn new(dh: &Canary, sealing: &Canary) -> Self {
        let mut key = Zeroizing::new([0; 32]);
        key.copy_from_slice(&sealing.reveal());
        let dh = dh.reveal();
        Self {
            dh: DhSecret::from_bytes(dh.as_slice().try_into().unwrap()).unwrap(),
            sealing: SealingKey::new(key),
        }
    }

    /// The key of the store.
    #[must_use]
    pub fn sealing(&self) -> &SealingKey {
        &self.sealing
    }
}

#[async_trait]
impl Keystore for Phone {
    async fn create_dh(&self, _: &str) -> Result<PublicKey, Error> {
        Ok(self.dh.public_key())
    }

    async fn dh(&self, _: &str, point: &PublicKey) -> Result<SharedSecret, Error> {
        self.dh.agree(point).ok_or(Error::new(Code::KeystoreFailure))
    }

    async fn sealing_key(&self) -> Result<SealingKey, Error> {
        Ok(self.sealing.clone())
    }
}
