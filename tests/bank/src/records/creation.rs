//! The rows that the creation of an order reads and writes.

use ushield_bank_api::{OrderRequest, Role, route};
use ushield_protocol::key::{DeviceId, Hash, KeyId, OrderId};
use ushield_protocol::message;
use ushield_protocol::order::Operation;

use super::{highest_counter, profile_of, role_name};
use crate::creation::{Alike, Before, Creation, CreationRows, NewOrder, TokenKey, TokenRow};
use crate::decision::Reply;
use crate::error::BankError;
use crate::ledger;
use crate::session::Customer;
use crate::store::{Connection, column, id, value};

/// The rows for a request.
pub(crate) async fn load_creation(
    db: &mut Connection,
    customer: &Customer,
    creation_key: &str,
    request: &OrderRequest,
) -> Result<CreationRows, BankError> {
    let mut rows = CreationRows { before: before(db, customer, creation_key).await?, ..Default::default() };
    if rows.before.is_some() {
        return Ok(rows);
    }
    if let OrderRequest::Transfer(transfer) = request {
        rows.debtor = ledger::account_of(db, customer.id, &transfer.debtor_account).await?;
        rows.creditor = owner(db, &transfer.creditor_account).await?;
        rows.alike = alike(db, customer, transfer).await?;
    }
    rows.tokens = tokens(db, customer).await?;
    Ok(rows)
}

async fn before(
    db: &mut Connection,
    customer: &Customer,
    creation_key: &str,
) -> Result<Option<Before>, BankError> {
    type Columns = (Vec<u8>, Vec<u8>, i64, Vec<u8>);
    let row: Option<Columns> = sqlx::query_as(
        "SELECT request_hash, order_id, status, body FROM creations WHERE customer = ? AND creation_key = ?",
    )
    .bind(customer.id)
    .bind(creation_key)
    .fetch_optional(db)
    .await?;
    let Some((hash, order, status, body)) = row else { return Ok(None) };
    let status = u16::try_from(status).map_err(|_| BankError::Damaged("status"))?;
    Ok(Some(Before {
        request_hash: id(&hash, Hash::from_slice)?,
        order: id(&order, OrderId::from_slice)?,
        reply: Reply { status, media_type: route::JSON.to_owned(), body },
    }))
}

async fn owner(db: &mut Connection, account: &str) -> Result<Option<String>, BankError> {
    Ok(sqlx::query_scalar(
        "SELECT c.name FROM accounts a JOIN customers c ON c.id = a.customer WHERE a.number = ?",
    )
    .bind(account)
    .fetch_optional(db)
    .await?)
}

async fn alike(
    db: &mut Connection,
    customer: &Customer,
    transfer: &ushield_bank_api::Transfer,
) -> Result<Vec<Alike>, BankError> {
    // An amount that is no column is no order's.
    let Ok(amount) = column(transfer.amount) else { return Ok(Vec::new()) };
    type Columns = (Vec<u8>, Vec<u8>, Vec<u8>, i64, i64);
    let found: Vec<Columns> = sqlx::query_as(
        "SELECT order_id, device_id, bytes, issued, expires FROM orders
         WHERE customer = ? AND state = 'open' AND debtor_account = ? AND creditor_account = ? AND currency = ?
           AND amount = ? ORDER BY rowid",
    )
    .bind(customer.id)
    .bind(&transfer.debtor_account)
    .bind(&transfer.creditor_account)
    .bind(&transfer.currency)
    .bind(amount)
    .fetch_all(db)
    .await?;
    let row = |(order, device, bytes, issued, expires): Columns| {
        Ok(Alike {
            order: id(&order, OrderId::from_slice)?,
            device: id(&device, DeviceId::from_slice)?,
            bytes,
            issued: value(issued)?,
            expires: value(expires)?,
        })
    };
    found.into_iter().map(row).collect()
}

async fn tokens(db: &mut Connection, customer: &Customer) -> Result<Vec<TokenRow>, BankError> {
    let devices: Vec<(Vec<u8>, i64, i64)> = sqlx::query_as(
        "SELECT device_id, profile, handed_out FROM devices WHERE customer = ? ORDER BY rowid",
    )
    .bind(customer.id)
    .fetch_all(&mut *db)
    .await?;
    let mut tokens = Vec::new();
    for (device, profile, handed_out) in devices {
        tokens.push(TokenRow {
            keys: keys(db, &device).await?,
            device: id(&device, DeviceId::from_slice)?,
            profile: profile_of(profile)?,
            handed_out: value(handed_out)?,
        });
    }
    Ok(tokens)
}

async fn keys(db: &mut Connection, device: &[u8]) -> Result<Vec<TokenKey>, BankError> {
    let found: Vec<(Vec<u8>, String, String, i64)> = sqlx::query_as(
        "SELECT key_id, role, status, since FROM token_keys WHERE device_id = ? ORDER BY rowid",
    )
    .bind(device)
    .fetch_all(&mut *db)
    .await?;
    let mut keys = Vec::new();
    for (key, role, status, since) in found {
        let key = id(&key, KeyId::from_slice)?;
        let role = match role.as_str() {
            "pay" => Some(Role::Pay),
            "login" => Some(Role::Login),
            "device" => None,
            _ => return Err(BankError::Damaged("role")),
        };
        let highest = highest_counter(db, &key).await?;
        keys.push(TokenKey { key, role, active: status == "active", since: value(since)?, highest });
    }
    Ok(keys)
}

/// Writes what a creation writes.
pub(crate) async fn apply_creation(
    db: &mut Connection,
    customer: &Customer,
    creation_key: &str,
    creation: &Creation,
    now: u64,
) -> Result<(), BankError> {
    if let Some(order) = &creation.order {
        insert(db, customer, order).await?;
    }
    if let Some(request_hash) = &creation.keep {
        sqlx::query(
            "INSERT INTO creations (customer, creation_key, request_hash, order_id, status, body, made)
             VALUES (?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(customer.id)
        .bind(creation_key)
        .bind(request_hash.as_bytes().to_vec())
        .bind(creation.handed_out.as_bytes().to_vec())
        .bind(i64::from(creation.reply.status))
        .bind(&creation.reply.body)
        .bind(column(now)?)
        .execute(db)
        .await?;
    }
    Ok(())
}

async fn insert(db: &mut Connection, customer: &Customer, order: &NewOrder) -> Result<(), BankError> {
    let payload = &order.payload;
    let (transfer, role) = match &payload.operation {
        Operation::Transfer(transfer) => (Some(transfer), None),
        Operation::CertificateDownload(download) => (None, Some(download.role)),
    };
    sqlx::query(
        "INSERT INTO orders (order_id, order_hash, bytes, customer, device_id, key_id, operation, profile, issued,
           expires, key_watermark, device_watermark, role, debtor_account, creditor_account, scheme, currency, amount,
           charges, state)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'open')",
    )
    .bind(order.id.as_bytes().to_vec())
    .bind(order.hash.as_bytes().to_vec())
    .bind(order.bytes.clone())
    .bind(customer.id)
    .bind(order.device.as_bytes().to_vec())
    .bind(order.key.map(|key| key.as_bytes().to_vec()))
    .bind(i64::from(payload.operation.number()))
    .bind(i64::from(order.profile.number()))
    .bind(column(payload.issued)?)
    .bind(column(payload.expires)?)
    .bind(i64::from(order.key_watermark))
    .bind(i64::from(order.device_watermark))
    .bind(role.map(|role| match role {
        message::Role::Pay => role_name(Role::Pay),
        message::Role::Login => role_name(Role::Login),
    }))
    .bind(transfer.map(|transfer| transfer.debtor_account.clone()))
    .bind(transfer.map(|transfer| transfer.creditor_account.clone()))
    .bind(transfer.map(|transfer| i64::from(transfer.scheme.number())))
    .bind(transfer.map(|transfer| transfer.amount.currency().code().to_owned()))
    .bind(transfer.map(|transfer| column(transfer.amount.minor())).transpose()?)
    .bind(transfer.and_then(|transfer| transfer.charges).map(column).transpose()?)
    .execute(db)
    .await?;
    Ok(())
}
