//! Accounts in double entry: what the accounts are called, and what their first balance is made of.

#[cfg(feature = "server")]
mod sql;

use std::fmt;

use serde::Serialize;
use ushield_bank_api::Account;
use ushield_protocol::currency::Currency;

use crate::error::BankError;
use crate::number::{signed, unsigned};

#[cfg(feature = "server")]
pub(crate) use self::sql::{account_of, balance, open_account, post};

/// One line of an entry; below zero leaves the account.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Posting {
    /// Account number, or an account of the bank's own.
    pub account: String,
    /// Minor units.
    pub amount: i64,
}

/// Neither account nor amount.
impl fmt::Debug for Posting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Posting({} bytes)", self.account.len())
    }
}

/// An account of the bank's own: money on its way to other banks.
#[must_use]
pub fn clearing(currency: &str) -> String {
    format!("bank:clearing:{currency}")
}

/// An account of the bank's own: charges earned.
#[must_use]
pub fn income(currency: &str) -> String {
    format!("bank:income:{currency}")
}

/// An account of the bank's own: what customers brought when their accounts were opened.
#[must_use]
pub fn opening(currency: &str) -> String {
    format!("bank:opening:{currency}")
}

/// The entry that gives a new account its first balance; none for an empty one.
pub(crate) fn first_balance(
    number: &str,
    currency: &str,
    balance: u64,
) -> Result<Option<[Posting; 2]>, BankError> {
    let amount = signed(balance)?;
    let given = [
        Posting { account: opening(currency), amount: -amount },
        Posting { account: number.to_owned(), amount },
    ];
    Ok((amount > 0).then_some(given))
}

/// An account as its customer sees it.
pub(crate) fn shown(number: String, currency: String, balance: i64) -> Result<Account, BankError> {
    let exponent = Currency::from_code(&currency).ok_or(BankError::Damaged("currency"))?.exponent();
    Ok(Account { number, currency, exponent, balance: unsigned(balance)? })
}
