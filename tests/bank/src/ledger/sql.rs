//! The ledger's tables. The database's triggers refuse what does not balance; this module only writes it down.

use ushield_protocol::currency::Currency;
use ushield_protocol::key::OrderId;

use super::{Posting, clearing, first_balance, income, opening};
use crate::creation::Debtor;
use crate::error::BankError;
use crate::store::{Connection, column};

/// Opens a customer's account with a first balance.
pub(crate) async fn open_account(
    db: &mut Connection,
    number: &str,
    customer: i64,
    currency: Currency,
    balance: u64,
    now: u64,
) -> Result<(), BankError> {
    sqlx::query("INSERT INTO accounts (number, customer, currency) VALUES (?, ?, ?)")
        .bind(number)
        .bind(customer)
        .bind(currency.code())
        .execute(&mut *db)
        .await?;
    for account in [opening(currency.code()), clearing(currency.code()), income(currency.code())] {
        sqlx::query(
            "INSERT INTO accounts (number, currency)
             SELECT ?1, ?2 WHERE NOT EXISTS (SELECT 1 FROM accounts WHERE number = ?1)",
        )
        .bind(account)
        .bind(currency.code())
        .execute(&mut *db)
        .await?;
    }
    match first_balance(number, currency.code(), balance)? {
        Some(postings) => post(db, None, currency.code(), &postings, now).await,
        None => Ok(()),
    }
}

/// Writes an entry and seals it: from then on it counts and never changes.
pub(crate) async fn post(
    db: &mut Connection,
    order: Option<&OrderId>,
    currency: &str,
    postings: &[Posting],
    now: u64,
) -> Result<(), BankError> {
    let entry = sqlx::query("INSERT INTO entries (order_id, currency, booked) VALUES (?, ?, ?)")
        .bind(order.map(|order| order.as_bytes().to_vec()))
        .bind(currency)
        .bind(column(now)?)
        .execute(&mut *db)
        .await?
        .last_insert_rowid();
    for (line, posting) in (0i64..).zip(postings) {
        sqlx::query("INSERT INTO postings (entry, line, account, amount) VALUES (?, ?, ?, ?)")
            .bind(entry)
            .bind(line)
            .bind(&posting.account)
            .bind(posting.amount)
            .execute(&mut *db)
            .await?;
    }
    sqlx::query("UPDATE entries SET sealed = 1 WHERE id = ?").bind(entry).execute(&mut *db).await?;
    Ok(())
}

/// Balance of an account, when it is one.
pub(crate) async fn balance(db: &mut Connection, number: &str) -> Result<Option<i64>, BankError> {
    Ok(sqlx::query_scalar("SELECT balance FROM accounts WHERE number = ?")
        .bind(number)
        .fetch_optional(db)
        .await?)
}

/// An account of a customer.
pub(crate) async fn account_of(
    db: &mut Connection,
    customer: i64,
    number: &str,
) -> Result<Option<Debtor>, BankError> {
    let row: Option<(String, i64)> =
        sqlx::query_as("SELECT currency, balance FROM accounts WHERE number = ? AND customer = ?")
            .bind(number)
            .bind(customer)
            .fetch_optional(db)
            .await?;
    Ok(row.map(|(currency, balance)| Debtor { currency, balance }))
}
