//! Tokens and accounts.

use ushield_bank_api as api;
use ushield_client::{self as client, TokenRecord};
use ushield_protocol::message::{Info, PhoneEntry};

use crate::host::radio::LinkMedium;

/// A paired token.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Token {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The brand, by its maker's certificate.
    pub brand: String,
    /// The model, by its maker's certificate.
    pub model: String,
}

/// A token in reach.
#[derive(Clone, Debug, uniffi::Record)]
pub struct InReach {
    /// How.
    pub medium: LinkMedium,
    /// Where: the device's address, the reader's name.
    pub place: String,
    /// Strength of its signal, dBm.
    pub signal: Option<i16>,
    /// Whose it is.
    pub whose: Whose,
}

/// Whose a token is, as far as this phone can tell.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum Whose {
    /// This phone's.
    Ours {
        /// Which one.
        token: Token,
    },
    /// Anybody's: its pairing mode is open.
    PairingMode,
    /// Nobody's yet.
    Unpaired,
    /// It does not know this phone.
    Others,
    /// It serves another phone just now, and says nothing.
    Busy,
}

/// What a token says of itself.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct TokenState {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// BIC of the bank whose root is installed.
    pub bank: String,
    /// Firmware: major in the upper byte, minor in the lower.
    pub firmware: u16,
    /// Whether the PIN is still the initial one: it allows nothing but its change.
    pub pin_initial: bool,
    /// Whether the PIN is locked.
    pub pin_locked: bool,
    /// PIN tries left.
    pub tries_left: u8,
    /// Whether key `pay` has a certificate.
    pub pay: bool,
    /// Whether key `login` has one.
    pub login: bool,
    /// Whether an order is being reviewed on it.
    pub reviewing: bool,
}

/// A phone that a token knows.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct PairedPhone {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Whether it is this one.
    pub this: bool,
}

/// An account of the customer.
#[derive(Clone, PartialEq, Eq, uniffi::Record)]
pub struct Account {
    /// Number, without separators.
    pub number: String,
    /// ISO 4217 code.
    pub currency: String,
    /// Decimal digits behind the point.
    pub exponent: u8,
    /// Minor units.
    pub balance: u64,
}

impl From<&TokenRecord> for Token {
    fn from(record: &TokenRecord) -> Self {
        let pairing = &record.pairing;
        Self {
            id: pairing.device.to_string(),
            name: pairing.name.clone(),
            brand: pairing.brand.clone(),
            model: pairing.model.clone(),
        }
    }
}

impl From<&client::InReach> for InReach {
    fn from(found: &client::InReach) -> Self {
        Self {
            medium: found.medium.into(),
            place: found.place.clone(),
            signal: found.signal,
            whose: match &found.whose {
                client::Whose::Ours(token) => Whose::Ours { token: token.as_ref().into() },
                client::Whose::PairingMode => Whose::PairingMode,
                client::Whose::Unpaired => Whose::Unpaired,
                client::Whose::Others => Whose::Others,
                client::Whose::Busy => Whose::Busy,
            },
        }
    }
}

impl From<&Info> for TokenState {
    fn from(info: &Info) -> Self {
        Self {
            id: info.device.to_string(),
            name: info.name.clone(),
            bank: info.bank.to_string(),
            firmware: info.firmware,
            pin_initial: info.flags.pin_initial,
            pin_locked: info.flags.pin_locked,
            tries_left: info.tries,
            pay: info.flags.pay,
            login: info.flags.login,
            reviewing: info.flags.reviewing,
        }
    }
}

impl From<&PhoneEntry> for PairedPhone {
    fn from(phone: &PhoneEntry) -> Self {
        Self { id: phone.id.to_string(), name: phone.name.clone(), this: phone.this }
    }
}

impl From<&api::Account> for Account {
    fn from(account: &api::Account) -> Self {
        Self {
            number: account.number.clone(),
            currency: account.currency.clone(),
            exponent: account.exponent,
            balance: account.balance,
        }
    }
}
