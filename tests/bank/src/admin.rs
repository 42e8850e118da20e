//! What the bank's staff does: founds the bank, takes customers, hands out tokens, reads the ledger.

#[cfg(feature = "server")]
mod data;

use std::fmt;

use ushield_bank_api::Password;
use ushield_protocol::account::{self, Scheme};
use ushield_protocol::currency::Currency;
use ushield_protocol::key::BankId;
use ushield_protocol::text;

use crate::error::BankError;

#[cfg(feature = "server")]
pub use self::data::{Ledger, LedgerAccount, LedgerOrder, add_customer, hand_out, init, read_ledger};

/// Highest first balance: what a transfer can move.
const MOST_MONEY: u64 = 999_999_999_999_999;

/// A bank to be founded.
#[derive(Clone, Debug)]
pub struct Founding {
    /// BIC.
    pub bank_id: BankId,
    /// Name for people.
    pub name: String,
    /// What a transfer to an IBAN costs, in minor units; zero: nothing.
    pub iban_charge: u64,
}

impl Founding {
    /// Whether the bank can be shown to people.
    pub(crate) fn check(&self) -> Result<(), BankError> {
        match self.name.is_empty() || text::check(&self.name).is_err() {
            true => Err(BankError::Argument("the bank's name cannot be shown".to_owned())),
            false => Ok(()),
        }
    }

    /// What a transfer to an IBAN costs, if anything.
    pub(crate) fn charge(iban_charge: u64) -> Option<u64> {
        Some(iban_charge).filter(|charge| *charge > 0)
    }
}

/// A customer with one account.
pub struct NewCustomer {
    /// Signs in with it; also shown on the token.
    pub name: String,
    /// Number of the account.
    pub account: String,
    /// First balance in minor units.
    pub balance: u64,
    /// ISO 4217 code.
    pub currency: String,
    /// Password.
    pub password: Password,
}

/// No name, number or balance.
impl fmt::Debug for NewCustomer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NewCustomer({} bytes, {})", self.name.len(), self.currency)
    }
}

impl NewCustomer {
    /// The currency of the account, when the bank can take this customer.
    pub(crate) fn check(&self) -> Result<Currency, BankError> {
        let argument = |text: &str| Err(BankError::Argument(text.to_owned()));
        if self.name.is_empty() || self.name.len() > 140 || text::check(&self.name).is_err() {
            return argument("the customer's name cannot be shown on a token");
        }
        if account::check(&self.account, Scheme::Domestic).is_err() {
            return argument("an account number is 1 to 34 characters of 0-9A-Z");
        }
        let Some(currency) = Currency::from_code(&self.currency) else {
            return argument("the currency is not an active ISO 4217 code");
        };
        if self.balance > MOST_MONEY {
            return argument("the balance is above 999,999,999,999,999 minor units");
        }
        if self.password.expose().chars().count() < 8 {
            return argument("a password has at least 8 characters");
        }
        Ok(currency)
    }
}

/// What else is said when it is not so.
pub(crate) const NAME_TAKEN: &str = "there is a customer of this name";
pub(crate) const ACCOUNT_TAKEN: &str = "there is an account of this number";
pub(crate) const NO_CUSTOMER: &str = "there is no customer of this name";
pub(crate) const TOKEN_TAKEN: &str = "this token has been handed out before";
pub(crate) const KEY_TAKEN: &str = "this token's key is another token's";
