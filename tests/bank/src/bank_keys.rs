//! The bank's statements about its own keys: issued by the root, renewed before they run out.

use ushield_protocol::bank_key::{BankKey, MAX_VALIDITY, Purpose};
use ushield_protocol::key::{BankId, PublicKey, Sign as _};
use ushield_protocol::order::MAX_LIFE;

use crate::error::BankError;
use crate::keys::Keys;
use crate::store::{Connection, column, value};

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

/// Makes the statements that are missing at `now` or end soon. A new statement has the next epoch.
pub(crate) async fn renew(
    db: &mut Connection,
    bank: &BankId,
    keys: &Keys,
    now: u64,
) -> Result<(), BankError> {
    for (name, purpose) in KEYS {
        let last: Option<(i64, i64, i64)> = sqlx::query_as(
            "SELECT epoch, not_before, not_after FROM bank_keys WHERE key_name = ? ORDER BY epoch DESC LIMIT 1",
        )
        .bind(name)
        .fetch_optional(&mut *db)
        .await?;
        let epoch = match last {
            Some((epoch, from, to)) => {
                if value(from)? <= now && now.saturating_add(RENEW) <= value(to)? {
                    continue;
                }
                u32::try_from(epoch.saturating_add(1)).map_err(|_| BankError::Damaged("epoch"))?
            }
            None => 1,
        };
        let not_before = now.saturating_sub(BACKDATE);
        let statement = BankKey {
            bank: bank.clone(),
            epoch,
            key: public_key(keys, purpose),
            purposes: vec![purpose],
            not_before,
            not_after: not_before.saturating_add(MAX_VALIDITY),
        };
        sqlx::query(
            "INSERT INTO bank_keys (key_name, epoch, not_before, not_after, statement) VALUES (?, ?, ?, ?, ?)",
        )
        .bind(name)
        .bind(i64::from(epoch))
        .bind(column(not_before)?)
        .bind(column(statement.not_after)?)
        .bind(statement.sign(&keys.root))
        .execute(&mut *db)
        .await?;
    }
    Ok(())
}

/// The statements that an order or receipt still needs, newest epoch first: those in force, and those that ended no
/// longer ago than an order lives.
pub(crate) async fn statements(db: &mut Connection, now: u64) -> Result<Vec<Vec<u8>>, BankError> {
    Ok(sqlx::query_scalar(
        "SELECT statement FROM bank_keys WHERE not_after >= ? ORDER BY epoch DESC, key_name",
    )
    .bind(column(now.saturating_sub(MAX_LIFE))?)
    .fetch_all(db)
    .await?)
}

fn public_key(keys: &Keys, purpose: Purpose) -> PublicKey {
    match purpose {
        Purpose::RECEIPT => keys.receipt.public_key(),
        Purpose::TRANSFER => keys.transfer.public_key(),
        _ => keys.certificate.public_key(),
    }
}
