//! Signing in over the database.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use ushield_bank_api::{Password, Session, SessionRequest};
use ushield_protocol::key::sha256;

use super::{Attempts, Customer, FORGET, Gate, LIFE, not_signed_in, open, wrong_password};
use crate::error::BankError;
use crate::store::{Connection, Store, column, value};

/// Rows of `attempts` that are no customer's: names that strangers invent must not fill the disk.
const MOST_NAMES: i64 = 10_000;

/// Hashes a password (Argon2id).
pub(crate) fn hash_password(password: &Password) -> Result<String, BankError> {
    let hash = Argon2::default().hash_password(password.expose().as_bytes());
    Ok(hash.map_err(|error| BankError::PasswordHash(error.to_string()))?.to_string())
}

fn verify_password(password: &Password, hash: &str) -> Result<bool, BankError> {
    let hash = PasswordHash::new(hash).map_err(|_| BankError::Damaged("password hash"))?;
    Ok(Argon2::default().verify_password(password.expose().as_bytes(), &hash).is_ok())
}

/// Signs a customer in. A name that is no customer's behaves like a wrong password.
pub(crate) async fn sign_in(
    store: &Store,
    gate: &Gate,
    decoy_hash: &str,
    request: SessionRequest,
    random: &[u8; 32],
    now: u64,
) -> Result<Session, BankError> {
    // Before anything is counted: a crowd of strangers costs nobody a try.
    let place = gate.enter()?;
    let name_hash = sha256(&[request.customer.as_bytes()]).as_bytes().to_vec();
    // Counted as wrong before it is compared: requests side by side get no more tries than one after the other.
    let left = count_attempt(store, &request.customer, &name_hash, now).await?;
    let mut db = store.read().await?;
    let row: Option<(i64, String)> = sqlx::query_as("SELECT id, password_hash FROM customers WHERE name = ?")
        .bind(&request.customer)
        .fetch_optional(&mut *db)
        .await?;
    drop(db);
    let (customer, hash) = match row {
        Some((id, hash)) => (Some(id), hash),
        None => (None, decoy_hash.to_owned()),
    };
    let password = request.password;
    let matches = place.run(move || verify_password(&password, &hash)).await??;
    let Some(customer) = customer.filter(|_| matches) else {
        return Err(wrong_password(left));
    };
    let (session, kept) = open(random)?;
    let mut db = store.write().await?;
    sqlx::query("DELETE FROM attempts WHERE name_hash = ?").bind(&name_hash).execute(&mut *db).await?;
    sqlx::query("DELETE FROM sessions WHERE expires <= ?").bind(column(now)?).execute(&mut *db).await?;
    sqlx::query("INSERT INTO sessions (token_hash, customer, expires) VALUES (?, ?, ?)")
        .bind(kept.as_bytes().to_vec())
        .bind(customer)
        .bind(column(now.saturating_add(LIFE))?)
        .execute(&mut *db)
        .await?;
    db.commit().await?;
    Ok(session)
}

/// Counts a try against a name; the tries left if it fails, or how long to wait.
async fn count_attempt(store: &Store, name: &str, name_hash: &[u8], now: u64) -> Result<u8, BankError> {
    let mut db = store.write().await?;
    let old = column(now.saturating_sub(FORGET))?;
    sqlx::query("DELETE FROM attempts WHERE last < ?").bind(old).execute(&mut *db).await?;
    sqlx::query(
        "DELETE FROM attempts WHERE name_hash IN
           (SELECT name_hash FROM attempts WHERE known = 0 ORDER BY last DESC LIMIT -1 OFFSET ?)",
    )
    .bind(MOST_NAMES)
    .execute(&mut *db)
    .await?;
    let row: Option<(i64, i64, i64)> =
        sqlx::query_as("SELECT failed, wait_till, last FROM attempts WHERE name_hash = ?")
            .bind(name_hash)
            .fetch_optional(&mut *db)
            .await?;
    let before = match row {
        Some((failed, wait_till, last)) => {
            Attempts { failed: value(failed)?, wait_till: value(wait_till)?, last: value(last)? }
        }
        None => Attempts::default(),
    };
    let (after, left) = before.one_more(now)?;
    sqlx::query(
        "INSERT INTO attempts (name_hash, failed, wait_till, last, known)
         VALUES (?, ?, ?, ?, EXISTS (SELECT 1 FROM customers WHERE name = ?))
         ON CONFLICT (name_hash) DO UPDATE SET failed = excluded.failed, wait_till = excluded.wait_till,
           last = excluded.last, known = excluded.known",
    )
    .bind(name_hash)
    .bind(column(after.failed)?)
    .bind(column(after.wait_till)?)
    .bind(column(after.last)?)
    .bind(name)
    .execute(&mut *db)
    .await?;
    db.commit().await?;
    Ok(left)
}

/// The customer of a session.
pub(crate) async fn customer(db: &mut Connection, token: &str, now: u64) -> Result<Customer, BankError> {
    let row: Option<(i64, String)> = sqlx::query_as(
        "SELECT c.id, c.name FROM sessions s JOIN customers c ON c.id = s.customer WHERE s.token_hash = ? AND s.expires > ?",
    )
    .bind(sha256(&[token.as_bytes()]).as_bytes().to_vec())
    .bind(column(now)?)
    .fetch_optional(db)
    .await?;
    let (id, name) = row.ok_or_else(not_signed_in)?;
    Ok(Customer { id, name })
}
