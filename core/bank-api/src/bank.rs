//! The bank itself.

use serde::{Deserialize, Serialize};
use ushield_protocol::key::{BankId, PublicKey, hex, unhex};

use crate::Base64Url;

/// `GET /v1/bank`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bank {
    /// BIC.
    pub bank_id: String,
    /// Name for people.
    pub name: String,
    /// `BANKKEY` statements, one COSE message each (protocol.md, 8.1), newest epoch first: those in force, and those that
    /// ended no longer ago than an order lives.
    pub statements: Vec<Base64Url>,
}

/// `trust.json`: what a phone and a token are given once, over a way that they trust.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trust {
    /// BIC.
    pub bank_id: String,
    /// Name for people.
    pub name: String,
    /// The bank root's public key, compressed, 66 hex digits.
    pub root: String,
}

impl Trust {
    /// Writes the file's content.
    #[must_use]
    pub fn new(bank: &BankId, name: &str, root: &PublicKey) -> Self {
        Self { bank_id: bank.to_string(), name: name.to_owned(), root: hex(root.as_bytes()) }
    }

    /// The bank's id, when it is one.
    #[must_use]
    pub fn bank(&self) -> Option<BankId> {
        BankId::new(&self.bank_id)
    }

    /// The root's key, when it is a point of the curve.
    #[must_use]
    pub fn root_key(&self) -> Option<PublicKey> {
        PublicKey::from_slice(&unhex(&self.root)?)
    }
}
