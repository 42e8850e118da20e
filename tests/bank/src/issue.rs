//! From a customer's request to a signed order.

mod addressee;
mod input;

use ushield_bank_api::{Base64Url, CertificateDownload, CreatedOrder, OrderRequest, OrderState, Role};
use ushield_protocol::code::Code;
use ushield_protocol::key::{DeviceId, Hash, KeyId, OrderId, SigningKey, hex, sha256};
use ushield_protocol::order::{Addressee, NameCheck, Operation, Order, OrderPayload, Transfer, Verified};
use ushield_protocol::render::{Notices, Profile, pages};

use self::addressee::{Token, named, paying_token, token_without};
use self::input::{check_transfer, check_words, input_error};
use crate::core::Core;
use crate::decision::{Reply, reply};
use crate::error::BankError;
use crate::records::highest_counter;
use crate::session::Customer;
use crate::store::{Connection, column, id};

/// A money order lives fifteen minutes, the most that the protocol allows.
const MONEY_LIFE: u64 = 15 * 60;
/// A certificate order lives a day.
const CERTIFICATE_LIFE: u64 = 86_400;

/// The order for a request; the same key and request have the same reply.
pub(crate) async fn create(
    core: &Core,
    db: &mut Connection,
    customer: &Customer,
    creation_key: &str,
    request: &OrderRequest,
    now: u64,
) -> Result<Reply, BankError> {
    let canonical = serde_json::to_vec(request).map_err(|_| BankError::Damaged("request"))?;
    let request_hash = sha256(&[&canonical]);
    if let Some(reply) = replay(db, customer, creation_key, &request_hash).await? {
        return Ok(reply);
    }
    let (order, reply) = match request {
        OrderRequest::Transfer(transfer) => create_transfer(core, db, customer, transfer, now).await?,
        OrderRequest::CertificateDownload(download) => {
            create_certificate(core, db, customer, download, now).await?
        }
    };
    sqlx::query(
        "INSERT INTO creations (customer, creation_key, request_hash, order_id, status, body, made)
         VALUES (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(customer.id)
    .bind(creation_key)
    .bind(request_hash.as_bytes().to_vec())
    .bind(order.as_bytes().to_vec())
    .bind(i64::from(reply.status))
    .bind(&reply.body)
    .bind(column(now)?)
    .execute(db)
    .await?;
    Ok(reply)
}

async fn replay(
    db: &mut Connection,
    customer: &Customer,
    creation_key: &str,
    request_hash: &Hash,
) -> Result<Option<Reply>, BankError> {
    let row: Option<(Vec<u8>, i64, Vec<u8>)> = sqlx::query_as(
        "SELECT request_hash, status, body FROM creations WHERE customer = ? AND creation_key = ?",
    )
    .bind(customer.id)
    .bind(creation_key)
    .fetch_optional(db)
    .await?;
    let Some((hash, status, body)) = row else { return Ok(None) };
    if hash != request_hash.as_bytes() {
        let text = "This Idempotency-Key was used with another request. Use a new key for a new order.";
        return Err(BankError::problem(Code::OtherRequest, text));
    }
    let status = u16::try_from(status).map_err(|_| BankError::Damaged("status"))?;
    Ok(Some(Reply { status, media_type: ushield_bank_api::route::JSON.to_owned(), body }))
}

async fn create_transfer(
    core: &Core,
    db: &mut Connection,
    customer: &Customer,
    request: &ushield_bank_api::Transfer,
    now: u64,
) -> Result<(OrderId, Reply), BankError> {
    let transfer = check_transfer(core, request)?;
    check_words(&transfer)?;
    check_debtor(db, customer, &transfer).await?;
    let device = named(db, customer, request.device_id.as_deref()).await?;
    let twin = open_twin(db, customer, &transfer, now).await?;
    match (twin, request.beside) {
        (Some((open, of, bytes)), beside) if beside != Some(open) => {
            return Ok((open, created(200, open, &of, bytes, false)?));
        }
        (None, Some(_)) => {
            let text =
                "That order is not open any more, or differs in account, currency or amount. Leave this out.";
            return Err(BankError::field(Code::BadInput, "beside", text));
        }
        _ => {}
    }
    let token = paying_token(db, customer, device).await?;
    let key = token.key.ok_or(BankError::Damaged("key"))?;
    let transfer = Transfer { name_check: name_check(db, &transfer).await?, ..transfer };
    let amount = transfer.amount.minor();
    let total = column(amount.saturating_add(transfer.charges.unwrap_or(0)))?;
    if crate::ledger::balance(db, &transfer.debtor_account).await?.unwrap_or(0) < total {
        let text = "The balance does not cover amount and charges.";
        return Err(BankError::field(Code::InsufficientFunds, "amount", text));
    }
    let operation = Operation::Transfer(transfer.clone());
    let order = sign(core, &core.keys.transfer, key.into(), operation, now, MONEY_LIFE, token.profile)?;
    let id = order.id();
    insert(db, customer, &token, &order).await?;
    Ok((id, created(201, id, &token.device, order.bytes().to_vec(), true)?))
}

async fn create_certificate(
    core: &Core,
    db: &mut Connection,
    customer: &Customer,
    request: &CertificateDownload,
    now: u64,
) -> Result<(OrderId, Reply), BankError> {
    let device = named(db, customer, request.device_id.as_deref()).await?;
    let token = token_without(db, customer, device, request.role).await?;
    let reference = hex(&crate::keys::random::<4>()?).to_uppercase();
    let role = match request.role {
        Role::Pay => ushield_protocol::message::Role::Pay,
        Role::Login => ushield_protocol::message::Role::Login,
    };
    let download =
        ushield_protocol::order::CertificateDownload { role, customer: customer.name.clone(), reference };
    let operation = Operation::CertificateDownload(download);
    let addressee = token.device.into();
    let order =
        sign(core, &core.keys.certificate, addressee, operation, now, CERTIFICATE_LIFE, token.profile)?;
    insert(db, customer, &token, &order).await?;
    Ok((order.id(), created(201, order.id(), &token.device, order.bytes().to_vec(), true)?))
}

async fn check_debtor(
    db: &mut Connection,
    customer: &Customer,
    transfer: &Transfer,
) -> Result<(), BankError> {
    let currency: Option<String> =
        sqlx::query_scalar("SELECT currency FROM accounts WHERE number = ? AND customer = ?")
            .bind(&transfer.debtor_account)
            .bind(customer.id)
            .fetch_optional(db)
            .await?;
    match currency {
        None => {
            Err(BankError::field(Code::UnknownAccount, "debtor_account", "Not an account of this customer."))
        }
        Some(currency) if currency != transfer.amount.currency().code() => {
            let text = format!("The debtor account is kept in {currency}.");
            Err(BankError::field(Code::BadInput, "currency", text))
        }
        Some(_) => Ok(()),
    }
}

/// The newest open order with the same debtor account, creditor account, currency and amount, whichever token it is for.
async fn open_twin(
    db: &mut Connection,
    customer: &Customer,
    transfer: &Transfer,
    now: u64,
) -> Result<Option<(OrderId, DeviceId, Vec<u8>)>, BankError> {
    let row: Option<(Vec<u8>, Vec<u8>, Vec<u8>)> = sqlx::query_as(
        "SELECT order_id, device_id, bytes FROM orders
         WHERE customer = ? AND state = 'open' AND expires >= ? AND debtor_account = ? AND creditor_account = ?
           AND currency = ? AND amount = ? ORDER BY issued DESC, rowid DESC LIMIT 1",
    )
    .bind(customer.id)
    .bind(column(now)?)
    .bind(&transfer.debtor_account)
    .bind(&transfer.creditor_account)
    .bind(transfer.amount.currency().code())
    .bind(column(transfer.amount.minor())?)
    .fetch_optional(db)
    .await?;
    row.map(|(order, device, bytes)| {
        Ok((id(&order, OrderId::from_slice)?, id(&device, DeviceId::from_slice)?, bytes))
    })
    .transpose()
}

/// A name check where the bank can make one: for its own accounts.
async fn name_check(db: &mut Connection, transfer: &Transfer) -> Result<NameCheck, BankError> {
    let owner: Option<String> = sqlx::query_scalar(
        "SELECT c.name FROM accounts a JOIN customers c ON c.id = a.customer WHERE a.number = ?",
    )
    .bind(&transfer.creditor_account)
    .fetch_optional(db)
    .await?;
    let plain = |name: &str| name.to_lowercase().replace(' ', "");
    Ok(match owner {
        None => NameCheck::NotChecked,
        Some(owner) if owner == transfer.creditor_name => NameCheck::Match,
        Some(owner) if plain(&owner) == plain(&transfer.creditor_name) => NameCheck::CloseMatch,
        Some(_) => NameCheck::NoMatch,
    })
}

fn sign(
    core: &Core,
    key: &SigningKey,
    addressee: Addressee,
    operation: Operation,
    now: u64,
    life: u64,
    profile: Profile,
) -> Result<Order<Verified>, BankError> {
    let payload = OrderPayload {
        bank: core.bank_id.clone(),
        addressee,
        id: OrderId::from_random(crate::keys::random()?),
        challenge: crate::keys::random()?,
        issued: now,
        expires: now.saturating_add(life),
        operation,
    };
    let bytes = payload.sign(key).map_err(input_error)?;
    let order = Order::receive(&bytes)?.trust_own()?;
    // What the registered profile cannot show is not issued.
    pages(&order, profile, &Notices::default()).map_err(|error| input_error(error.into()))?;
    Ok(order)
}

/// The row, with the watermarks: read before anyone sees the order, and never changed.
async fn insert(
    db: &mut Connection,
    customer: &Customer,
    token: &Token,
    order: &Order<Verified>,
) -> Result<(), BankError> {
    let device_key: Vec<u8> =
        sqlx::query_scalar("SELECT key_id FROM token_keys WHERE device_id = ? AND role = 'device'")
            .bind(token.device.as_bytes().to_vec())
            .fetch_one(&mut *db)
            .await?;
    let device_watermark = highest_counter(db, &id(&device_key, KeyId::from_slice)?).await?;
    let key_watermark = match &token.key {
        Some(key) => highest_counter(db, key).await?,
        None => 0,
    };
    let payload = order.payload();
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
    .bind(order.id().as_bytes().to_vec())
    .bind(order.hash().as_bytes().to_vec())
    .bind(order.bytes().to_vec())
    .bind(customer.id)
    .bind(token.device.as_bytes().to_vec())
    .bind(token.key.map(|key| key.as_bytes().to_vec()))
    .bind(i64::from(payload.operation.number()))
    .bind(i64::from(token.profile.number()))
    .bind(column(payload.issued)?)
    .bind(column(payload.expires)?)
    .bind(i64::from(key_watermark))
    .bind(i64::from(device_watermark))
    .bind(role.map(|role| match role {
        ushield_protocol::message::Role::Pay => "pay",
        ushield_protocol::message::Role::Login => "login",
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

fn created(
    status: u16,
    order_id: OrderId,
    device: &DeviceId,
    order: Vec<u8>,
    created: bool,
) -> Result<Reply, BankError> {
    let (device_id, order) = (device.to_string(), Base64Url(order));
    let body = CreatedOrder { order_id, device_id, order, state: OrderState::Open, created };
    reply(status, ushield_bank_api::route::JSON, &body)
}
