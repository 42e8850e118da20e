//! The table of the statements.

use ushield_protocol::key::BankId;

use super::{Statement, due, served};
use crate::error::BankError;
use crate::keys::Keys;
use crate::store::{Connection, column, value};

/// Makes the statements that are missing at `now` or end soon.
pub(crate) async fn renew(
    db: &mut Connection,
    bank: &BankId,
    keys: &Keys,
    now: u64,
) -> Result<(), BankError> {
    let made = load(db).await?;
    for statement in due(bank, keys, &made, now)? {
        sqlx::query(
            "INSERT INTO bank_keys (key_name, epoch, not_before, not_after, statement) VALUES (?, ?, ?, ?, ?)",
        )
        .bind(statement.name)
        .bind(i64::from(statement.epoch))
        .bind(column(statement.not_before)?)
        .bind(column(statement.not_after)?)
        .bind(statement.bytes)
        .execute(&mut *db)
        .await?;
    }
    Ok(())
}

/// The statements to serve.
pub(crate) async fn statements(db: &mut Connection, now: u64) -> Result<Vec<Vec<u8>>, BankError> {
    Ok(served(load(db).await?, now))
}

async fn load(db: &mut Connection) -> Result<Vec<Statement>, BankError> {
    type Columns = (String, i64, i64, i64, Vec<u8>);
    let rows: Vec<Columns> =
        sqlx::query_as("SELECT key_name, epoch, not_before, not_after, statement FROM bank_keys")
            .fetch_all(db)
            .await?;
    let statement = |(name, epoch, from, to, bytes): Columns| {
        let epoch = u32::try_from(epoch).map_err(|_| BankError::Damaged("epoch"))?;
        Ok(Statement { name, epoch, not_before: value(from)?, not_after: value(to)?, bytes })
    };
    rows.into_iter().map(statement).collect()
}
