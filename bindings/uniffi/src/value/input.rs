//! What the host hands in.

use std::fmt;

use ushield_bank_api::{self as api, AccountScheme, Role};
use ushield_client::catalogue::{Catalogue, Language};
use ushield_client::{Error, SetupRequest};
use ushield_protocol::code::Code;
use ushield_protocol::key::{DeviceId, OrderId, PhoneId, unhex};

use crate::failure::Failure;

/// With what a client is opened.
#[derive(Clone, uniffi::Record)]
pub struct Config {
    /// Where it remembers.
    pub store: StorePlace,
    /// Language of all texts, BCP 47: `zh`, `en`. English for what there is no text in.
    pub language: String,
    /// The bank, as it hands itself out: the content of its `trust.json`.
    pub trust: Trust,
    /// Certificates of the makers' roots that the app trusts, DER.
    pub makers: Vec<Vec<u8>>,
    /// The customer's name at the bank.
    pub customer: String,
    /// The phone's name, as tokens list it.
    pub phone: String,
}

/// What a phone is given of its bank once, over a way that it trusts.
#[derive(Clone, uniffi::Record)]
pub struct Trust {
    /// BIC.
    pub bank_id: String,
    /// Name for people.
    pub name: String,
    /// The bank root's public key, compressed, 66 hex digits.
    pub root: String,
}

/// The content of the bank's `trust.json`. `bad-input` where it is none.
#[uniffi::export]
pub fn read_trust(json: String) -> Result<Trust, Failure> {
    let read: Result<api::Trust, _> = serde_json::from_str(&json);
    let refused = |error| Error::new(Code::BadInput).at("trust").caused_by(error);
    match read.map_err(refused) {
        Ok(api::Trust { bank_id, name, root }) => Ok(Trust { bank_id, name, root }),
        Err(error) => Err(Failure::new(&error, &Catalogue::new(Language::En))),
    }
}

/// Where a client remembers.
#[derive(Clone, uniffi::Enum)]
pub enum StorePlace {
    /// In a folder of its own, sealed by the key store's key. One client at a time.
    Folder {
        /// Its path; it is made where it is missing.
        path: String,
    },
    /// Nowhere: all is forgotten when the client is closed. For tests.
    Memory,
}

/// A transfer as the customer asks for it.
#[derive(Clone, uniffi::Record)]
pub struct Transfer {
    /// An account of the customer.
    pub debtor_account: String,
    /// Name of the payee, 1 to 140 bytes.
    pub creditor_name: String,
    /// The payee's account.
    pub creditor_account: String,
    /// How that account is to be read.
    pub account_scheme: TransferScheme,
    /// The payee's bank, 1 to 70 bytes.
    pub creditor_agent: String,
    /// Minor units, 1 to 999,999,999,999,999.
    pub amount: u64,
    /// ISO 4217 code.
    pub currency: String,
    /// YYYYMMDD; nothing: at once.
    pub execution_date: Option<u32>,
    /// For the payee; may be empty.
    pub remittance_text: String,
    /// The open order that is like this one and that this one is placed beside. Without it the bank answers with that order.
    pub beside: Option<String>,
}

/// Scheme of an account number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum TransferScheme {
    /// Of the bank's country, without check digits.
    Domestic,
    /// ISO 13616.
    Iban,
    /// ISO/IEC 7812-1.
    Card,
}

/// Role of a token's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum CertificateRole {
    /// Approves money.
    Pay,
    /// Approves logins.
    Login,
}

/// Names and accounts are not for logs.
impl fmt::Debug for Transfer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Transfer")
    }
}

fn bad(member: &'static str) -> Error {
    Error::new(Code::BadInput).at(member)
}

pub(crate) fn order_id(text: &str) -> Result<OrderId, Error> {
    OrderId::parse(text).ok_or_else(|| bad("order"))
}

pub(crate) fn creation(text: &str) -> Result<[u8; 16], Error> {
    unhex(text).and_then(|bytes| bytes.try_into().ok()).ok_or_else(|| bad("request"))
}

pub(crate) fn device_id(text: Option<&str>) -> Result<Option<DeviceId>, Error> {
    let read = |text| unhex(text).and_then(|bytes| DeviceId::from_slice(&bytes)).ok_or_else(|| bad("token"));
    text.map(read).transpose()
}

pub(crate) fn phone_id(text: Option<&str>) -> Result<Option<PhoneId>, Error> {
    let read = |text| unhex(text).and_then(|bytes| PhoneId::from_slice(&bytes)).ok_or_else(|| bad("phone"));
    text.map(read).transpose()
}

impl Config {
    pub(crate) fn request(&self) -> SetupRequest {
        let Trust { bank_id, name, root } = self.trust.clone();
        SetupRequest {
            trust: api::Trust { bank_id, name, root },
            makers: self.makers.clone(),
            customer: self.customer.clone(),
            phone: self.phone.clone(),
        }
    }
}

impl Transfer {
    pub(crate) fn request(self) -> Result<api::Transfer, Error> {
        let beside = self.beside.map(|beside| order_id(&beside).map_err(|_| bad("beside"))).transpose()?;
        Ok(api::Transfer {
            debtor_account: self.debtor_account,
            creditor_name: self.creditor_name,
            creditor_account: self.creditor_account,
            account_scheme: match self.account_scheme {
                TransferScheme::Domestic => AccountScheme::Domestic,
                TransferScheme::Iban => AccountScheme::Iban,
                TransferScheme::Card => AccountScheme::Card,
            },
            creditor_agent: self.creditor_agent,
            amount: self.amount,
            currency: self.currency,
            execution_date: self.execution_date,
            remittance_text: self.remittance_text,
            beside,
            device_id: None,
        })
    }
}

impl From<CertificateRole> for Role {
    fn from(role: CertificateRole) -> Self {
        match role {
            CertificateRole::Pay => Role::Pay,
            CertificateRole::Login => Role::Login,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_is_read_as_it_is_told() {
        let order = OrderId::from_random([0xa7; 16]);
        assert_eq!(order_id(&order.to_string()).ok(), Some(order));
        let device = DeviceId::from_slice(&[0xb1; 16]);
        assert_eq!(device_id(device.map(|id| id.to_string()).as_deref()).ok(), Some(device));
        let phone = PhoneId::from_slice(&[0xc2; 8]);
        assert!(phone.is_some());
        assert_eq!(phone_id(phone.map(|id| id.to_string()).as_deref()).ok(), Some(phone));
        assert_eq!(creation(&ushield_protocol::key::hex(&[0xd3; 16])).ok(), Some([0xd3; 16]));
    }
}
