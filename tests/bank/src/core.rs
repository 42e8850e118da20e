//! What the bank can do, without HTTP: every method is one transaction.

use std::path::Path;
use std::sync::Arc;

use ushield_bank_api::{
    Accounts, Bank, Base64Url, Certificate, Certificates, KeyStatus, Order, OrderRequest, OrderState, Orders,
    Password, Role, Session, SessionRequest, Trust,
};
use ushield_protocol::key::{BankId, DeviceId, Hash, KeyId, OrderId, RingVerifier, Sign as _};
use zeroize::Zeroizing;

use crate::admin::Founding;
use crate::bank_keys;
use crate::certificate::Ca;
use crate::clock::Clock;
use crate::creation::{self, Fresh, Issuer, KEEP_CREATIONS};
use crate::decision::{self, Authority, OpenOrder, OwnOrder, Question, Reply, Rows, unknown_order};
use crate::entropy::Entropy;
use crate::error::BankError;
use crate::keys::{Keys, random};
use crate::ledger;
use crate::records;
use crate::replies::{MOST_LISTED, document, healthy, ok};
use crate::request::{Call, Request};
use crate::session::{self, Customer, Gate, hash_password};
use crate::store::{Connection, Store, chain, column, id, value};

/// The bank.
pub(crate) struct Core {
    pub(crate) store: Store,
    keys: Keys,
    ca: Ca,
    bank_id: BankId,
    name: String,
    iban_charge: Option<u64>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    pub(crate) gate: Gate,
    /// Compared for names that are no customer's, so that they take as long.
    decoy_hash: String,
}

impl Core {
    /// Opens a data folder.
    pub(crate) async fn open(
        data: &Path,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, BankError> {
        let store = Store::open(data).await?;
        let keys = Keys::open(data)?;
        let mut db = store.write().await?;
        let bank_id = setting(&mut db, "bank_id").await?;
        let name = setting(&mut db, "name").await?;
        let founded =
            setting(&mut db, "founded").await?.parse().map_err(|_| BankError::Damaged("setting"))?;
        let charge: u64 =
            setting(&mut db, "iban_charge").await?.parse().map_err(|_| BankError::Damaged("setting"))?;
        let ca = Ca::new(keys.ca.clone(), &bank_id, founded)?;
        let bank_id = BankId::new(&bank_id).ok_or(BankError::Damaged("bank id"))?;
        bank_keys::renew(&mut db, &bank_id, &keys, clock.now()).await?;
        db.commit().await?;
        let decoy = Zeroizing::new(ushield_protocol::key::hex(&random::<16>()?).into_bytes());
        let decoy = Password::new(decoy).ok_or(BankError::Damaged("password"))?;
        let decoy_hash = hash_password(&decoy)?;
        let iban_charge = Founding::charge(charge);
        let gate = Gate::default();
        Ok(Self { store, keys, ca, bank_id, name, iban_charge, clock, entropy, gate, decoy_hash })
    }

    fn authority(&self) -> Authority<'_, RingVerifier> {
        Authority {
            bank: &self.bank_id,
            receipt_key: &self.keys.receipt,
            ca: &self.ca,
            verifier: &RingVerifier,
        }
    }

    fn issuer(&self) -> Issuer<'_> {
        Issuer {
            bank: &self.bank_id,
            iban_charge: self.iban_charge,
            transfer: &self.keys.transfer,
            certificate: &self.keys.certificate,
        }
    }

    /// What phones and tokens are given.
    pub(crate) fn trust(&self) -> Trust {
        Trust::new(&self.bank_id, &self.name, &self.keys.root.public_key())
    }

    /// The reply to a request.
    pub(crate) async fn serve(&self, request: &Request<'_>) -> Result<Reply, BankError> {
        match Call::of(request)? {
            Call::SignIn(request) => ok(201, &self.sign_in(request).await?),
            Call::Bank => ok(200, &self.bank().await?),
            Call::Accounts { session } => ok(200, &self.accounts(session).await?),
            Call::Create { session, key, request } => self.create_order(session, &key, &request).await,
            Call::Orders { session, state } => ok(200, &self.orders(session, state).await?),
            Call::Order { session, order } => ok(200, &self.order(session, &order).await?),
            Call::Authorize { order, answer } => self.authorize(&order, answer).await,
            Call::Cancel { session, order } => self.cancel(session, &order).await,
            Call::Certificates { session } => ok(200, &self.certificates(session).await?),
            Call::Document => Ok(document()),
            Call::Health => {
                self.health().await?;
                Ok(healthy())
            }
        }
    }

    async fn health(&self) -> Result<(), BankError> {
        let mut db = self.store.read().await?;
        let _: i64 = sqlx::query_scalar("SELECT count(*) FROM settings").fetch_one(&mut *db).await?;
        Ok(())
    }

    async fn bank(&self) -> Result<Bank, BankError> {
        let mut db = self.store.read().await?;
        let statements =
            bank_keys::statements(&mut db, self.clock.now()).await?.into_iter().map(Base64Url).collect();
        Ok(Bank { bank_id: self.bank_id.to_string(), name: self.name.clone(), statements })
    }

    pub(crate) async fn sign_in(&self, request: SessionRequest) -> Result<Session, BankError> {
        let mut random = Zeroizing::new([0; 32]);
        self.entropy.fill(random.as_mut_slice())?;
        let now = self.clock.now();
        session::sign_in(&self.store, &self.gate, &self.decoy_hash, request, &random, now).await
    }

    async fn customer(&self, db: &mut Connection, token: &str) -> Result<Customer, BankError> {
        session::customer(db, token, self.clock.now()).await
    }

    async fn accounts(&self, token: &str) -> Result<Accounts, BankError> {
        let mut db = self.store.read().await?;
        let customer = self.customer(&mut db, token).await?;
        let rows: Vec<(String, String, i64)> = sqlx::query_as(
            "SELECT number, currency, balance FROM accounts WHERE customer = ? ORDER BY number",
        )
        .bind(customer.id)
        .fetch_all(&mut *db)
        .await?;
        let account = |(number, currency, balance)| ledger::shown(number, currency, balance);
        Ok(Accounts { accounts: rows.into_iter().map(account).collect::<Result<_, BankError>>()? })
    }

    async fn create_order(
        &self,
        token: &str,
        creation_key: &str,
        request: &OrderRequest,
    ) -> Result<Reply, BankError> {
        let now = self.clock.now();
        let fresh = Fresh::draw(|bytes| self.entropy.fill(bytes))?;
        let mut db = self.store.write().await?;
        let customer = self.customer(&mut db, token).await?;
        bank_keys::renew(&mut db, &self.bank_id, &self.keys, now).await?;
        let rows = records::load_creation(&mut db, &customer, creation_key, request).await?;
        let creation = creation::create(request, &customer, now, &rows, &fresh, &self.issuer())?;
        records::apply_creation(&mut db, &customer, creation_key, &creation, now).await?;
        db.commit().await?;
        Ok(creation.reply)
    }

    async fn order(&self, token: &str, order: &OrderId) -> Result<Order, BankError> {
        let mut db = self.store.read().await?;
        let customer = self.customer(&mut db, token).await?;
        let (order, _) = own_order(&mut db, &customer, order).await?.ok_or_else(unknown_order)?;
        Ok(order)
    }

    async fn orders(&self, token: &str, state: Option<OrderState>) -> Result<Orders, BankError> {
        let mut db = self.store.read().await?;
        let customer = self.customer(&mut db, token).await?;
        let state = state.map(|state| serde_json::to_value(state).unwrap_or_default());
        let rows: Vec<OrderColumns> = sqlx::query_as(
            "SELECT o.order_id, o.order_hash, o.device_id, o.state, o.bytes, r.receipt FROM orders o
             LEFT JOIN receipts r ON r.order_id = o.order_id
             WHERE o.customer = ?1 AND (?2 IS NULL OR o.state = ?2) ORDER BY o.issued DESC, o.rowid DESC LIMIT ?3",
        )
        .bind(customer.id)
        .bind(state.as_ref().and_then(|state| state.as_str()))
        .bind(i64::from(MOST_LISTED))
        .fetch_all(&mut *db)
        .await?;
        let orders = rows.into_iter().map(|row| Ok(order_of(row)?.0)).collect::<Result<_, BankError>>()?;
        Ok(Orders { orders })
    }

    async fn certificates(&self, token: &str) -> Result<Certificates, BankError> {
        let mut db = self.store.read().await?;
        let customer = self.customer(&mut db, token).await?;
        let rows: Vec<CertificateColumns> = sqlx::query_as(
            "SELECT k.role, k.key_id, k.device_id, k.status, k.order_id, k.chain FROM token_keys k
             JOIN devices d ON d.device_id = k.device_id
             WHERE d.customer = ? AND k.role <> 'device' ORDER BY k.since, k.rowid",
        )
        .bind(customer.id)
        .fetch_all(&mut *db)
        .await?;
        let certificates = rows.into_iter().map(certificate).collect::<Result<_, _>>()?;
        Ok(Certificates { certificates })
    }

    /// Decides over a token's answer. Needs no session: the answer authenticates itself.
    async fn authorize(&self, order: &OrderId, received: &[u8]) -> Result<Reply, BankError> {
        let now = self.clock.now();
        let Some(question) = Question::of(received) else {
            // Anyone may send garbage: it does not get as far as the database.
            return Ok(decision::decide(received, order, now, &Rows::default(), &self.authority())?.reply);
        };
        let mut db = self.store.write().await?;
        let rows = records::load(&mut db, &question).await?;
        let decision = decision::decide(received, order, now, &rows, &self.authority())?;
        records::apply(&mut db, &decision.writes, now).await?;
        db.commit().await?;
        Ok(decision.reply)
    }

    /// Cancels an open order; an ended one returns the receipt of its end.
    async fn cancel(&self, token: &str, order: &OrderId) -> Result<Reply, BankError> {
        let now = self.clock.now();
        let mut db = self.store.write().await?;
        let customer = self.customer(&mut db, token).await?;
        let found = own_order(&mut db, &customer, order).await?;
        let own = found.map(|(order, hash)| OwnOrder {
            id: order.order_id,
            hash,
            receipt: order.receipt.map(Base64Url::into_bytes),
        });
        let (end, reply) = decision::cancel(own.as_ref(), now, &self.authority())?;
        if let Some(end) = end {
            records::insert_end(&mut db, &end).await?;
            db.commit().await?;
        }
        Ok(reply)
    }

    /// Ends what has expired, renews what runs out, forgets what is old. The number of orders ended.
    pub(crate) async fn sweep(&self) -> Result<usize, BankError> {
        let now = self.clock.now();
        let mut db = self.store.write().await?;
        let rows: Vec<(Vec<u8>, Vec<u8>, i64)> = sqlx::query_as(
            "SELECT order_id, order_hash, expires FROM orders WHERE state = 'open' AND expires < ? LIMIT 500",
        )
        .bind(column(now)?)
        .fetch_all(&mut *db)
        .await?;
        let open = |(order, hash, expires): (Vec<u8>, Vec<u8>, i64)| {
            Ok(OpenOrder {
                id: id(&order, OrderId::from_slice)?,
                hash: id(&hash, Hash::from_slice)?,
                expires: value(expires)?,
            })
        };
        let open: Vec<OpenOrder> = rows.into_iter().map(open).collect::<Result<_, BankError>>()?;
        let ends = decision::expire(&open, now, &self.authority());
        for end in &ends {
            records::insert_end(&mut db, end).await?;
        }
        sqlx::query("DELETE FROM sessions WHERE expires <= ?").bind(column(now)?).execute(&mut *db).await?;
        sqlx::query("DELETE FROM creations WHERE made < ?")
            .bind(column(now.saturating_sub(KEEP_CREATIONS))?)
            .execute(&mut *db)
            .await?;
        bank_keys::renew(&mut db, &self.bank_id, &self.keys, now).await?;
        db.commit().await?;
        Ok(ends.len())
    }
}

/// A setting that `init` wrote.
async fn setting(db: &mut Connection, name: &str) -> Result<String, BankError> {
    let value: Option<String> =
        sqlx::query_scalar("SELECT value FROM settings WHERE name = ?").bind(name).fetch_optional(db).await?;
    value.ok_or(BankError::Damaged("setting"))
}

type OrderColumns = (Vec<u8>, Vec<u8>, Vec<u8>, String, Vec<u8>, Option<Vec<u8>>);

fn order_of((order, hash, device, state, bytes, receipt): OrderColumns) -> Result<(Order, Hash), BankError> {
    let order = Order {
        order_id: id(&order, OrderId::from_slice)?,
        device_id: id(&device, DeviceId::from_slice)?.to_string(),
        state: records::state_of(&state)?,
        order: Base64Url(bytes),
        receipt: receipt.map(Base64Url),
    };
    Ok((order, id(&hash, Hash::from_slice)?))
}

async fn own_order(
    db: &mut Connection,
    customer: &Customer,
    order: &OrderId,
) -> Result<Option<(Order, Hash)>, BankError> {
    let row: Option<OrderColumns> = sqlx::query_as(
        "SELECT o.order_id, o.order_hash, o.device_id, o.state, o.bytes, r.receipt FROM orders o
         LEFT JOIN receipts r ON r.order_id = o.order_id WHERE o.customer = ? AND o.order_id = ?",
    )
    .bind(customer.id)
    .bind(order.as_bytes().to_vec())
    .fetch_optional(db)
    .await?;
    row.map(order_of).transpose()
}

type CertificateColumns = (String, Vec<u8>, Vec<u8>, String, Vec<u8>, Vec<u8>);

fn certificate(
    (role, key, device, status, order, certificates): CertificateColumns,
) -> Result<Certificate, BankError> {
    Ok(Certificate {
        role: match role.as_str() {
            "pay" => Role::Pay,
            "login" => Role::Login,
            _ => return Err(BankError::Damaged("role")),
        },
        key_id: id(&key, KeyId::from_slice)?.to_string(),
        device_id: id(&device, DeviceId::from_slice)?.to_string(),
        status: if status == "active" { KeyStatus::Active } else { KeyStatus::Frozen },
        order_id: id(&order, OrderId::from_slice)?,
        chain: chain(&certificates)?.into_iter().map(Base64Url).collect(),
    })
}
