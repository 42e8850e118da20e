//! Between the decision and the database: reads the rows that it asks for, applies what it writes.

mod creation;

use ushield_bank_api::{OrderState, Role};
use ushield_protocol::authorization::Decision as Said;
use ushield_protocol::code::Code;
use ushield_protocol::key::{DeviceId, Hash, KeyId, OrderId, PublicKey};
use ushield_protocol::order::{Operation, Order};
use ushield_protocol::render::{PaidBefore, Profile};
use ushield_protocol::verify::Anomaly;

use crate::decision::{End, KeyRow, Kind, NewKey, OrderRow, Question, Record, Recorded, Reply, Rows, Write};
use crate::error::BankError;
use crate::ledger;
use crate::store::{Connection, chain_column, column, counter, id, value};

pub(crate) use self::creation::{apply_creation, load_creation};

/// Highest counter recorded from a key, anomalies included.
async fn highest_counter(db: &mut Connection, key: &KeyId) -> Result<u32, BankError> {
    let highest: i64 = sqlx::query_scalar(
        "SELECT coalesce(max(counter), 0) FROM
           (SELECT counter FROM authorizations WHERE key_id = ?1 UNION ALL SELECT counter FROM anomalies WHERE key_id = ?1)",
    )
    .bind(key.as_bytes().to_vec())
    .fetch_one(db)
    .await?;
    counter(highest)
}

/// The rows for an answer.
pub(crate) async fn load(db: &mut Connection, question: &Question) -> Result<Rows, BankError> {
    let mut rows = Rows { reply: reply(db, &question.payload_hash).await?, ..Rows::default() };
    let Some((order, key_id, watermarks)) = order(db, &question.order_hash).await? else { return Ok(rows) };
    rows.keys = keys(db, &order.device, key_id.as_ref(), watermarks).await?;
    if let Some((counter, previous)) = question.link {
        for key in &rows.keys {
            rows.recorded.extend(recorded(db, &key.key.key_id(), counter, &previous).await?);
        }
    }
    if let Some(key) = &key_id {
        rows.alike = alike(db, &order.id, key).await?;
    }
    if let Operation::Transfer(transfer) = &Order::receive(&order.bytes)?.trust_own()?.payload().operation {
        let currency = transfer.amount.currency();
        rows.debtor_balance = ledger::balance(db, &transfer.debtor_account).await?.unwrap_or(0);
        rows.creditor_is_here = is_here(db, &transfer.creditor_account, currency.code()).await?;
    }
    if let Some(key) = &question.new_key {
        rows.role_taken = role_taken(db, &order.id).await?;
        rows.key_known = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM token_keys WHERE public_key = ?)")
            .bind(key.as_bytes().to_vec())
            .fetch_one(&mut *db)
            .await?;
    }
    rows.order = Some(order);
    Ok(rows)
}

async fn role_taken(db: &mut Connection, order: &OrderId) -> Result<bool, BankError> {
    Ok(sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM orders o JOIN token_keys k ON k.device_id = o.device_id AND k.role = o.role
                        WHERE o.order_id = ?)",
    )
    .bind(order.as_bytes().to_vec())
    .fetch_one(db)
    .await?)
}

async fn reply(db: &mut Connection, payload: &Hash) -> Result<Option<Reply>, BankError> {
    let row: Option<(i64, String, Vec<u8>)> =
        sqlx::query_as("SELECT status, media_type, body FROM replies WHERE payload_hash = ?")
            .bind(payload.as_bytes().to_vec())
            .fetch_optional(db)
            .await?;
    let Some((status, media_type, body)) = row else { return Ok(None) };
    let status = u16::try_from(status).map_err(|_| BankError::Damaged("status"))?;
    Ok(Some(Reply { status, media_type, body }))
}

type OrderColumns =
    (Vec<u8>, Vec<u8>, Vec<u8>, Option<Vec<u8>>, i64, i64, String, i64, i64, i64, Option<Vec<u8>>);

async fn order(
    db: &mut Connection,
    hash: &Hash,
) -> Result<Option<(OrderRow, Option<KeyId>, (u32, u32))>, BankError> {
    let hash_column = hash.as_bytes().to_vec();
    let row: Option<OrderColumns> = sqlx::query_as(
        "SELECT o.order_id, o.bytes, o.device_id, o.key_id, o.profile, o.expires, o.state, o.key_watermark,
                o.device_watermark,
                EXISTS (SELECT 1 FROM authorizations a WHERE a.order_id = o.order_id)
                  OR EXISTS (SELECT 1 FROM anomalies a WHERE a.order_id = o.order_id),
                r.receipt
         FROM orders o LEFT JOIN receipts r ON r.order_id = o.order_id WHERE o.order_hash = ?",
    )
    .bind(&hash_column)
    .fetch_optional(&mut *db)
    .await?;
    let Some((order, bytes, device, key, profile, expires, state, key_mark, device_mark, answered, receipt)) =
        row
    else {
        return Ok(None);
    };
    let row = OrderRow {
        id: id(&order, OrderId::from_slice)?,
        hash: *hash,
        bytes,
        device: id(&device, DeviceId::from_slice)?,
        profile: profile_of(profile)?,
        expires: value(expires)?,
        state: state_of(&state)?,
        receipt,
        answered: answered != 0,
    };
    let key = key.map(|key| id(&key, KeyId::from_slice)).transpose()?;
    Ok(Some((row, key, (counter(key_mark)?, counter(device_mark)?))))
}

async fn keys(
    db: &mut Connection,
    device: &DeviceId,
    key: Option<&KeyId>,
    (key_mark, device_mark): (u32, u32),
) -> Result<Vec<KeyRow>, BankError> {
    let found: Vec<(Vec<u8>, String, String)> = sqlx::query_as(
        "SELECT public_key, role, status FROM token_keys WHERE device_id = ?1 AND (role = 'device' OR key_id = ?2)",
    )
    .bind(device.as_bytes().to_vec())
    .bind(key.map(|key| key.as_bytes().to_vec()))
    .fetch_all(db)
    .await?;
    let mut keys = Vec::new();
    for (public_key, role, status) in found {
        let (decision, watermark) = match role.as_str() {
            "pay" => (Said::Approved, key_mark),
            "login" => (Said::LoginApproved, key_mark),
            "device" => (Said::Rejected, device_mark),
            _ => return Err(BankError::Damaged("role")),
        };
        let key = id(&public_key, PublicKey::from_slice)?;
        keys.push(KeyRow { key, decision, active: status == "active", watermark });
    }
    Ok(keys)
}

async fn recorded(
    db: &mut Connection,
    key: &KeyId,
    around: u32,
    previous: &Hash,
) -> Result<Vec<Recorded>, BankError> {
    let found: Vec<(Vec<u8>, i64, Vec<u8>)> = sqlx::query_as(
        "SELECT payload_hash, counter, previous FROM authorizations
         WHERE key_id = ?1 AND counter IS NOT NULL AND (counter BETWEEN ?2 - 1 AND ?2 + 1 OR previous = ?3)
         UNION ALL SELECT payload_hash, counter, previous FROM anomalies
         WHERE key_id = ?1 AND (counter BETWEEN ?2 - 1 AND ?2 + 1 OR previous = ?3)",
    )
    .bind(key.as_bytes().to_vec())
    .bind(i64::from(around))
    .bind(previous.as_bytes().to_vec())
    .fetch_all(db)
    .await?;
    let row = |(payload, count, previous): (Vec<u8>, i64, Vec<u8>)| {
        Ok(Recorded {
            key: *key,
            payload_hash: id(&payload, Hash::from_slice)?,
            counter: counter(count)?,
            previous: id(&previous, Hash::from_slice)?,
        })
    };
    found.into_iter().map(row).collect()
}

/// Orders that the token may have approved and may therefore name in its warning. An approval that the phone kept back
/// after a cancellation never reaches the bank, so every order counts that the customer did not reject. All of the day:
/// the answer holds a digest and not the order's id, and a warning that is true must never be refused.
async fn alike(db: &mut Connection, order: &OrderId, key: &KeyId) -> Result<Vec<PaidBefore>, BankError> {
    let found: Vec<(Vec<u8>, i64)> = sqlx::query_as(
        "SELECT b.order_id, b.issued FROM orders a JOIN orders b
           ON b.key_id = a.key_id AND b.creditor_account = a.creditor_account AND b.scheme = a.scheme
          AND b.currency = a.currency AND b.amount = a.amount AND b.order_id <> a.order_id
          AND b.issued BETWEEN a.issued - ?3 AND a.issued + ?3 AND b.state <> 'rejected'
         WHERE a.order_id = ?1 AND a.key_id = ?2 ORDER BY b.issued DESC",
    )
    .bind(order.as_bytes().to_vec())
    .bind(key.as_bytes().to_vec())
    .bind(column(PaidBefore::WINDOW)?)
    .fetch_all(db)
    .await?;
    let row = |(order, issued): (Vec<u8>, i64)| {
        Ok(PaidBefore { order: id(&order, OrderId::from_slice)?, issued: value(issued)? })
    };
    found.into_iter().map(row).collect()
}

async fn is_here(db: &mut Connection, account: &str, currency: &str) -> Result<bool, BankError> {
    let row: Option<i64> = sqlx::query_scalar(
        "SELECT 1 FROM accounts WHERE number = ? AND currency = ? AND customer IS NOT NULL",
    )
    .bind(account)
    .bind(currency)
    .fetch_optional(db)
    .await?;
    Ok(row.is_some())
}

/// Applies what a decision writes, in its order.
pub(crate) async fn apply(db: &mut Connection, writes: &[Write], now: u64) -> Result<(), BankError> {
    for write in writes {
        match write {
            Write::Record(record) => insert_record(db, record, None).await?,
            Write::RecordAnomaly(record, anomaly) => insert_record(db, record, Some(*anomaly)).await?,
            Write::Freeze(key) => {
                sqlx::query("UPDATE token_keys SET status = 'frozen' WHERE key_id = ?")
                    .bind(key.as_bytes().to_vec())
                    .execute(&mut *db)
                    .await?;
            }
            Write::Post(order, currency, postings) => {
                ledger::post(db, Some(order), currency, postings, now).await?;
            }
            Write::AddKey(key) => insert_key(db, key).await?,
            Write::End(end) => insert_end(db, end).await?,
            Write::Reply(payload, reply) => insert_reply(db, payload, reply).await?,
        }
    }
    Ok(())
}

async fn insert_record(
    db: &mut Connection,
    record: &Record,
    anomaly: Option<Anomaly>,
) -> Result<(), BankError> {
    let sql = match anomaly {
        None => {
            "INSERT INTO authorizations (payload_hash, key_id, counter, previous, order_id, kind, bytes, received)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        }
        Some(_) => {
            "INSERT INTO anomalies (payload_hash, key_id, counter, previous, order_id, kind, bytes, received, sign)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
        }
    };
    let query = sqlx::query(sql)
        .bind(record.payload_hash.as_bytes().to_vec())
        .bind(record.key.as_bytes().to_vec())
        .bind(record.link.map(|(counter, _)| i64::from(counter)))
        .bind(record.link.map(|(_, previous)| previous.as_bytes().to_vec()))
        .bind(record.order.as_bytes().to_vec())
        .bind(match record.kind {
            Kind::Approval => "approval",
            Kind::Rejection => "rejection",
            Kind::Attestation => "attestation",
        })
        .bind(record.bytes.clone())
        .bind(column(record.received)?);
    let query = match anomaly {
        None => query,
        Some(anomaly) => query.bind(match anomaly {
            Anomaly::BelowWatermark => "below-watermark",
            Anomaly::CounterReused => "counter-reused",
            Anomaly::Fork => "fork",
            Anomaly::BrokenChain => "broken-chain",
        }),
    };
    query.execute(db).await?;
    Ok(())
}

async fn insert_key(db: &mut Connection, key: &NewKey) -> Result<(), BankError> {
    sqlx::query(
        "INSERT INTO token_keys (key_id, device_id, role, public_key, status, order_id, chain, since)
         VALUES (?, ?, ?, ?, 'active', ?, ?, ?)",
    )
    .bind(key.key.key_id().as_bytes().to_vec())
    .bind(key.device.as_bytes().to_vec())
    .bind(role_name(key.role))
    .bind(key.key.as_bytes().to_vec())
    .bind(key.order.as_bytes().to_vec())
    .bind(chain_column(&key.chain)?)
    .bind(column(key.since)?)
    .execute(db)
    .await?;
    Ok(())
}

/// State, receipt and outbox row of an order's end.
pub(crate) async fn insert_end(db: &mut Connection, end: &End) -> Result<(), BankError> {
    let order = end.order.as_bytes().to_vec();
    sqlx::query("UPDATE orders SET state = ? WHERE order_id = ?")
        .bind(end.outcome.name())
        .bind(&order)
        .execute(&mut *db)
        .await?;
    sqlx::query("INSERT INTO receipts (order_id, outcome, reason, ended, receipt) VALUES (?, ?, ?, ?, ?)")
        .bind(&order)
        .bind(end.outcome.name())
        .bind(end.reason.map_or(0, |code| i64::from(code.number())))
        .bind(column(end.ended)?)
        .bind(end.receipt.clone())
        .execute(&mut *db)
        .await?;
    sqlx::query("INSERT INTO outbox (order_id, event, made) VALUES (?, ?, ?)")
        .bind(&order)
        .bind(format!("order-{}", end.outcome.name()))
        .bind(column(end.ended)?)
        .execute(&mut *db)
        .await?;
    Ok(())
}

async fn insert_reply(db: &mut Connection, payload: &Hash, reply: &Reply) -> Result<(), BankError> {
    sqlx::query("INSERT INTO replies (payload_hash, status, media_type, body) VALUES (?, ?, ?, ?)")
        .bind(payload.as_bytes().to_vec())
        .bind(i64::from(reply.status))
        .bind(&reply.media_type)
        .bind(reply.body.clone())
        .execute(db)
        .await?;
    Ok(())
}

/// A role's name in the database.
fn role_name(role: Role) -> &'static str {
    match role {
        Role::Pay => "pay",
        Role::Login => "login",
    }
}

/// A profile of its column.
fn profile_of(column: i64) -> Result<Profile, BankError> {
    u16::try_from(column).ok().and_then(Profile::from_number).ok_or(BankError::Damaged("profile"))
}

/// A state of its column.
pub(crate) fn state_of(column: &str) -> Result<OrderState, BankError> {
    match column {
        "open" => Ok(OrderState::Open),
        "executed" => Ok(OrderState::Executed),
        "rejected" => Ok(OrderState::Rejected),
        "expired" => Ok(OrderState::Expired),
        "cancelled" => Ok(OrderState::Cancelled),
        "refused" => Ok(OrderState::Refused),
        _ => Err(BankError::Damaged("state")),
    }
}

/// A receipt's reason by its column.
pub(crate) fn reason_of(column: i64) -> Option<Code> {
    u16::try_from(column).ok().filter(|number| *number != 0).and_then(Code::from_number)
}
