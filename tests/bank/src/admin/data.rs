//! The same over a data folder.

use std::fmt;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use ushield_protocol::device::{DeviceIdentity, MakerRoot};
use ushield_protocol::key::{DeviceId, RingVerifier, hex};
use ushield_protocol::render::Profile;

use super::{ACCOUNT_TAKEN, Founding, KEY_TAKEN, NAME_TAKEN, NO_CUSTOMER, NewCustomer, TOKEN_TAKEN};
use crate::clock::Clock;
use crate::error::BankError;
use crate::keys::Keys;
use crate::ledger;
use crate::session::hash_password;
use crate::store::{Store, column};
use crate::tls;

/// Founds a bank in a new folder: keys, TLS authority, database, `trust.json`.
pub async fn init(data: &Path, founding: &Founding, clock: &dyn Clock) -> Result<(), BankError> {
    founding.check()?;
    if data.join("keys").exists() {
        return Err(BankError::Argument(format!("there is a bank in {} already", data.display())));
    }
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(data.join("keys"))
        .map_err(BankError::file(data))?;
    let keys = Keys::create(data)?;
    tls::create(data)?;
    Store::create(data)?;
    let store = Store::open(data).await?;
    let mut db = store.write().await?;
    let settings = [
        ("bank_id", founding.bank_id.to_string()),
        ("name", founding.name.clone()),
        ("founded", clock.now().to_string()),
        ("iban_charge", founding.iban_charge.to_string()),
    ];
    for (name, value) in settings {
        sqlx::query("INSERT INTO settings (name, value) VALUES (?, ?)")
            .bind(name)
            .bind(value)
            .execute(&mut *db)
            .await?;
    }
    db.commit().await?;
    store.close().await;
    let root = ushield_protocol::key::Sign::public_key(&keys.root);
    let trust = ushield_bank_api::Trust::new(&founding.bank_id, &founding.name, &root);
    let trust = serde_json::to_vec_pretty(&trust).map_err(|_| BankError::Damaged("trust"))?;
    tls::write(&data.join("trust.json"), &trust)
}

/// Takes a customer.
pub async fn add_customer(data: &Path, customer: &NewCustomer, clock: &dyn Clock) -> Result<(), BankError> {
    let currency = customer.check()?;
    let hash = hash_password(&customer.password)?;
    let store = Store::open(data).await?;
    let mut db = store.write().await?;
    let id = sqlx::query("INSERT INTO customers (name, password_hash) VALUES (?, ?)")
        .bind(&customer.name)
        .bind(hash)
        .execute(&mut *db)
        .await
        .map_err(taken(NAME_TAKEN))?
        .last_insert_rowid();
    ledger::open_account(&mut db, &customer.account, id, currency, customer.balance, clock.now())
        .await
        .map_err(|error| match error {
            BankError::Database(error) => taken(ACCOUNT_TAKEN)(error),
            other => other,
        })?;
    db.commit().await?;
    store.close().await;
    Ok(())
}

/// `device.json`: what a maker tells the bank about a token.
#[derive(Deserialize)]
struct DeviceFile {
    device_id: String,
    brand: String,
    model: String,
    firmware: u16,
    profile: u16,
    chain: Vec<String>,
    device_public_key: String,
}

/// Hands a token to a customer: from now on the bank issues certificates to this device id.
pub async fn hand_out(
    data: &Path,
    customer: &str,
    device_json: &[u8],
    maker_root: &[u8],
    clock: &dyn Clock,
) -> Result<DeviceId, BankError> {
    let bad = |text: &str| BankError::Argument(text.to_owned());
    let file: DeviceFile =
        serde_json::from_slice(device_json).map_err(|error| bad(&format!("device.json: {error}")))?;
    let root = MakerRoot::from_der(maker_root).ok_or_else(|| bad("the maker's root is no CA certificate"))?;
    let chain: Result<Vec<Vec<u8>>, _> = file.chain.iter().map(|der| STANDARD.decode(der)).collect();
    let chain = chain.map_err(|_| bad("device.json: the chain is not base64"))?;
    let identity = DeviceIdentity::verify(&chain, &[root], Some(clock.now()), &RingVerifier)
        .map_err(|_| bad("device.json: the chain does not end in this maker's root"))?;
    let says = (&file.device_id, &file.device_public_key, &file.brand, &file.model);
    let is = (&identity.device.to_string(), &hex(identity.key.as_bytes()), &identity.brand, &identity.model);
    if says != is {
        return Err(bad("device.json does not say what the maker's certificate says"));
    }
    let profile =
        Profile::from_number(file.profile).ok_or_else(|| bad("device.json: unknown render profile"))?;
    let store = Store::open(data).await?;
    let mut db = store.write().await?;
    let id: Option<i64> = sqlx::query_scalar("SELECT id FROM customers WHERE name = ?")
        .bind(customer)
        .fetch_optional(&mut *db)
        .await?;
    let id = id.ok_or_else(|| bad(NO_CUSTOMER))?;
    let device = identity.device.as_bytes().to_vec();
    sqlx::query(
        "INSERT INTO devices (device_id, customer, brand, model, firmware, profile, handed_out)
         VALUES (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(&device)
    .bind(id)
    .bind(&identity.brand)
    .bind(&identity.model)
    .bind(i64::from(file.firmware))
    .bind(i64::from(profile.number()))
    .bind(column(clock.now())?)
    .execute(&mut *db)
    .await
    .map_err(taken(TOKEN_TAKEN))?;
    sqlx::query(
        "INSERT INTO token_keys (key_id, device_id, role, public_key, status, order_id, chain, since)
         VALUES (?, ?, 'device', ?, 'active', NULL, ?, ?)",
    )
    .bind(identity.key.key_id().as_bytes().to_vec())
    .bind(&device)
    .bind(identity.key.as_bytes().to_vec())
    .bind(crate::store::chain_column(&chain)?)
    .bind(column(clock.now())?)
    .execute(&mut *db)
    .await
    .map_err(taken(KEY_TAKEN))?;
    db.commit().await?;
    store.close().await;
    Ok(identity.device)
}

/// SQLITE_CONSTRAINT_TRIGGER: an insert that would replace a row is refused by a trigger, before its keys are compared.
const REFUSED_BY_TRIGGER: &str = "1811";

/// A constraint that says what the caller did, in words.
fn taken(text: &'static str) -> impl Fn(sqlx::Error) -> BankError {
    move |error| match error.as_database_error() {
        Some(cause) if cause.is_unique_violation() || cause.code().as_deref() == Some(REFUSED_BY_TRIGGER) => {
            BankError::Argument(text.to_owned())
        }
        _ => BankError::Database(error),
    }
}

/// The ledger as `ushield-bank ledger --json` prints it.
#[derive(Clone, Serialize)]
pub struct Ledger {
    /// Customers' accounts.
    pub accounts: Vec<LedgerAccount>,
    /// Every account, the bank's own too: number to minor units.
    pub balances: std::collections::BTreeMap<String, i64>,
    /// Orders, oldest first.
    pub orders: Vec<LedgerOrder>,
}

/// A customer's account.
#[derive(Clone, Serialize)]
pub struct LedgerAccount {
    /// Number.
    pub number: String,
    /// Whose.
    pub customer: String,
    /// ISO 4217 code.
    pub currency: String,
    /// Minor units.
    pub balance: i64,
}

/// An order and what became of it.
#[derive(Clone, Serialize)]
pub struct LedgerOrder {
    /// Id.
    pub order_id: String,
    /// `transfer` or `certificate-download`.
    pub operation: &'static str,
    /// Its customer.
    pub customer: String,
    /// State.
    pub state: String,
    /// What the customer decided, as recorded: `approved`, `rejected`, or nothing.
    pub decision: Option<&'static str>,
    /// Whether it was executed.
    pub executed: bool,
    /// Why it was refused, by name.
    pub reason: Option<&'static str>,
    /// When it was issued.
    pub issued: i64,
    /// Of a transfer: minor units.
    pub amount: Option<i64>,
    /// Of a transfer: ISO 4217 code.
    pub currency: Option<String>,
    /// What it moved.
    pub postings: Vec<ledger::Posting>,
}

/// How much there is of each.
impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ledger({} accounts, {:?})", self.accounts.len(), self.orders)
    }
}

/// No number, customer or balance.
impl fmt::Debug for LedgerAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LedgerAccount({} bytes, {})", self.number.len(), self.currency)
    }
}

/// Id and end; no customer, account or amount.
impl fmt::Debug for LedgerOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LedgerOrder")
            .field("order_id", &self.order_id)
            .field("operation", &self.operation)
            .field("state", &self.state)
            .field("decision", &self.decision)
            .field("reason", &self.reason)
            .finish_non_exhaustive()
    }
}

/// Reads the ledger.
pub async fn read_ledger(data: &Path) -> Result<Ledger, BankError> {
    let store = Store::open(data).await?;
    let mut db = store.read().await?;
    let balances: Vec<(String, i64)> =
        sqlx::query_as("SELECT number, balance FROM accounts").fetch_all(&mut *db).await?;
    let accounts: Vec<(String, String, String, i64)> = sqlx::query_as(
        "SELECT a.number, c.name, a.currency, a.balance FROM accounts a JOIN customers c ON c.id = a.customer
         ORDER BY a.number",
    )
    .fetch_all(&mut *db)
    .await?;
    let account =
        |(number, customer, currency, balance)| LedgerAccount { number, customer, currency, balance };
    type Columns =
        (Vec<u8>, i64, String, String, Option<String>, Option<i64>, i64, Option<i64>, Option<String>);
    let rows: Vec<Columns> = sqlx::query_as(
        "SELECT o.order_id, o.operation, c.name, o.state,
                coalesce((SELECT min(kind) FROM authorizations a WHERE a.order_id = o.order_id),
                         (SELECT min(kind) FROM anomalies a WHERE a.order_id = o.order_id)),
                r.reason, o.issued, o.amount, o.currency
         FROM orders o JOIN customers c ON c.id = o.customer LEFT JOIN receipts r ON r.order_id = o.order_id
         ORDER BY o.issued, o.rowid",
    )
    .fetch_all(&mut *db)
    .await?;
    let mut orders = Vec::new();
    for (order, operation, customer, state, kind, reason, issued, amount, currency) in rows {
        let postings: Vec<(String, i64)> = sqlx::query_as(
            "SELECT p.account, p.amount FROM postings p JOIN entries e ON e.id = p.entry
             WHERE e.order_id = ? AND e.sealed = 1 ORDER BY p.line",
        )
        .bind(&order)
        .fetch_all(&mut *db)
        .await?;
        let id = crate::store::id(&order, ushield_protocol::key::OrderId::from_slice)?;
        orders.push(LedgerOrder {
            order_id: id.to_string(),
            operation: if operation == 1 { "transfer" } else { "certificate-download" },
            customer,
            executed: state == "executed",
            state,
            decision: kind.map(|kind| if kind == "rejection" { "rejected" } else { "approved" }),
            reason: reason.and_then(crate::records::reason_of).map(|code| code.name()),
            issued,
            amount,
            currency,
            postings: postings
                .into_iter()
                .map(|(account, amount)| ledger::Posting { account, amount })
                .collect(),
        });
    }
    drop(db);
    store.close().await;
    Ok(Ledger {
        accounts: accounts.into_iter().map(account).collect(),
        balances: balances.into_iter().collect(),
        orders,
    })
}
