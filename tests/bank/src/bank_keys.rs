//! The bank's statements about its own keys: issued by the root, renewed before they run out.

#[cfg(feature = "server")]
mod sql;

use ushield_protocol::bank_key::{BankKey, MAX_VALIDITY, Purpose};
use ushield_protocol::key::BankId;
use ushield_protocol::order::MAX_LIFE;

use crate::error::BankError;
use crate::keys::Keys;

#[cfg(feature = "server")]
pub(crate) use self::sql::{renew, statements};

/// A statement is renewed this long before it ends.
const RENEW: u64 = 15 * 86_400;
/// A statement begins a little before it is made, so that open money orders stay within its validity.
const BACKDATE: u64 = 15 * 60;
/// Every key, with the purposes that it is given.
const KEYS: [(&str, Purpose); 3] = [
    ("receipt", Purpose::RECEIPT),
    ("transfer", Purpose::TRANSFER),
    ("certificate", Purpose::CERTIFICATE_DOWNLOAD),
];

/// A statement that the bank has made.
#[derive(Clone)]
pub(crate) struct Statement {
    pub(crate) name: String,
    pub(crate) epoch: u32,
    pub(crate) not_before: u64,
    pub(crate) not_after: u64,
    pub(crate) bytes: Vec<u8>,
}

/// The statements that are missing at `now` or end soon, made. A new statement has the next epoch.
pub(crate) fn due(
    bank: &BankId,
    keys: &Keys,
    made: &[Statement],
    now: u64,
) -> Result<Vec<Statement>, BankError> {
    let mut new = Vec::new();
    for (name, purpose) in KEYS {
        let last = made.iter().filter(|statement| statement.name == name).max_by_key(|last| last.epoch);
        let epoch = match last {
            Some(last) if last.not_before <= now && now.saturating_add(RENEW) <= last.not_after => continue,
            Some(last) => last.epoch.checked_add(1).ok_or(BankError::Damaged("epoch"))?,
            None => 1,
        };
        let not_before = now.saturating_sub(BACKDATE);
        let not_after = not_before.saturating_add(MAX_VALIDITY);
        let key = keys.public_key(purpose);
        let statement =
            BankKey { bank: bank.clone(), epoch, key, purposes: vec![purpose], not_before, not_after };
        let bytes = statement.sign(&keys.root);
        new.push(Statement { name: name.to_owned(), epoch, not_before, not_after, bytes });
    }
    Ok(new)
}

/// The statements that an order or receipt still needs, newest epoch first: those in force, and those that ended no
/// longer ago than an order lives.
pub(crate) fn served(mut made: Vec<Statement>, now: u64) -> Vec<Vec<u8>> {
    made.retain(|statement| statement.not_after >= now.saturating_sub(MAX_LIFE));
    made.sort_by(|a, b| b.epoch.cmp(&a.epoch).then_with(|| a.name.cmp(&b.name)));
    made.into_iter().map(|statement| statement.bytes).collect()
}
