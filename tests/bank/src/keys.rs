//! The bank's private keys. A real bank keeps them in a hardware module.

#[cfg(feature = "server")]
mod files;

use ushield_protocol::bank_key::Purpose;
use ushield_protocol::key::{PublicKey, Sign as _, SigningKey};

#[cfg(feature = "server")]
pub(crate) use self::files::{random, read_secret, write_secret};

/// Every signing key of the bank.
#[derive(Clone, Debug)]
pub struct Keys {
    /// Signs `BANKKEY` statements.
    pub root: SigningKey,
    /// Signs receipts.
    pub receipt: SigningKey,
    /// Signs transfer orders.
    pub transfer: SigningKey,
    /// Signs certificate orders.
    pub certificate: SigningKey,
    /// Signs the certificates of `pay` and `login`.
    pub ca: SigningKey,
}

impl Keys {
    /// The key that the bank gives a purpose to.
    pub(crate) fn public_key(&self, purpose: Purpose) -> PublicKey {
        match purpose {
            Purpose::RECEIPT => self.receipt.public_key(),
            Purpose::TRANSFER => self.transfer.public_key(),
            _ => self.certificate.public_key(),
        }
    }
}
