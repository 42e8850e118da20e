//! Numbers between the protocol's unsigned values and the ledger's signed ones.

use crate::error::BankError;

/// An unsigned value, signed. Amounts, times and counters are far below the limit.
pub(crate) fn signed(value: u64) -> Result<i64, BankError> {
    i64::try_from(value).map_err(|_| BankError::Damaged("number"))
}

/// A signed value that is never below zero.
pub(crate) fn unsigned(value: i64) -> Result<u64, BankError> {
    u64::try_from(value).map_err(|_| BankError::Damaged("number"))
}
