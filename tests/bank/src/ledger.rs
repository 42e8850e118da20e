//! Accounts in double entry. The database's triggers refuse what does not balance; this module only writes it down.

use serde::Serialize;
use ushield_protocol::currency::Currency;
use ushield_protocol::key::OrderId;

use crate::error::BankError;
use crate::store::{Connection, column};

/// One line of an entry; below zero leaves the account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Posting {
    /// Account number, or an account of the bank's own.
    pub account: String,
    /// Minor units.
    pub amount: i64,
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
    let own = opening(currency.code());
    for account in [&own, &clearing(currency.code()), &income(currency.code())] {
        sqlx::query(
            "INSERT INTO accounts (number, currency)
             SELECT ?1, ?2 WHERE NOT EXISTS (SELECT 1 FROM accounts WHERE number = ?1)",
        )
        .bind(account)
        .bind(currency.code())
        .execute(&mut *db)
        .await?;
    }
    if balance == 0 {
        return Ok(());
    }
    let balance = column(balance)?;
    let postings =
        [Posting { account: own, amount: -balance }, Posting { account: number.to_owned(), amount: balance }];
    post(db, None, currency.code(), &postings, now).await
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
