//! Keys of this phone, as its system keeps them.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ushield_client::Error;
use ushield_client::ports::{self, SealingKey};
use ushield_protocol::code::Code;
use ushield_protocol::key::PublicKey;
use ushield_protocol::noise::SharedSecret;
use ushield_protocol::secret::Secret;
use zeroize::Zeroizing;

use super::{Threw, within};

/// Somebody may have to unlock the phone, or show a finger.
const UNLOCKED: Duration = Duration::from_secs(120);

/// Keys that never leave the phone's secure hardware: Secure Enclave, StrongBox. Named by the core; durable when a call returns.
#[uniffi::export(with_foreign)]
#[async_trait]
pub trait Keystore: Send + Sync {
    /// The public key of the P-256 key `name` for key agreement, made if it is not there yet: SEC 1, compressed or not (33 or 65 bytes).
    async fn create_dh(&self, name: String) -> Result<Vec<u8>, KeystoreError>;

    /// What the key `name` and `point` (SEC 1, uncompressed, 65 bytes) agree on: the x-coordinate, 32 bytes (ECDH without a key derivation).
    async fn agree(&self, name: String, point: Vec<u8>) -> Result<Vec<u8>, KeystoreError>;

    /// 32 random bytes, made at first and the same for ever: they seal the store. A host keeps them under a key of its hardware's.
    async fn sealing_key(&self) -> Result<Vec<u8>, KeystoreError>;
}

/// Why there is no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, uniffi::Error)]
pub enum KeystoreError {
    /// The system refused, the customer did not unlock, there is no such key.
    #[error("the key store refused")]
    Refused {
        /// The type of what made the host say so, where it has one.
        because: Option<String>,
    },
    /// The host threw something else.
    #[error("the host threw")]
    Unexpected {
        /// What the binding says of it. Not kept.
        reason: String,
    },
}

impl From<uniffi::UnexpectedUniFFICallbackError> for KeystoreError {
    fn from(error: uniffi::UnexpectedUniFFICallbackError) -> Self {
        KeystoreError::Unexpected { reason: error.reason }
    }
}

/// The host's key store as the client's port.
pub(crate) struct KeystorePort(pub(crate) Arc<dyn Keystore>);

fn failure() -> Error {
    Error::new(Code::KeystoreFailure)
}

async fn answer<T>(host: impl Future<Output = Result<T, KeystoreError>>) -> Result<T, Error> {
    within(UNLOCKED, host, failure).await?.map_err(|error| match error {
        KeystoreError::Refused { because } => Threw::behind(failure(), because),
        KeystoreError::Unexpected { reason } => failure().caused_by(Threw::new(&reason)),
    })
}

/// 32 bytes; what the host handed over is wiped.
fn secret(bytes: Vec<u8>) -> Result<Secret<32>, Error> {
    Secret::from_slice(&Zeroizing::new(bytes)).ok_or_else(failure)
}

#[async_trait]
impl ports::Keystore for KeystorePort {
    async fn create_dh(&self, name: &str) -> Result<PublicKey, Error> {
        let point = answer(self.0.create_dh(name.to_owned())).await?;
        PublicKey::from_sec1(&point).ok_or_else(|| failure().at("create_dh"))
    }

    async fn dh(&self, name: &str, point: &PublicKey) -> Result<SharedSecret, Error> {
        let point = point.to_uncompressed().ok_or_else(failure)?;
        secret(answer(self.0.agree(name.to_owned(), point)).await?)
    }

    async fn sealing_key(&self) -> Result<SealingKey, Error> {
        let key = secret(answer(self.0.sealing_key()).await?)?;
        Ok(SealingKey::new(Zeroizing::new(*key.expose())))
    }
}
