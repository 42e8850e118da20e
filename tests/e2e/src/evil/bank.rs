//! A bank that does as a script says: honest by default, every order, receipt, statement and HTTP reply replaceable.
//!
//! Its ledger is earnest: a valid approval of an order that it issued moves the money, whatever it lied about before. "Nothing was executed" therefore
//! says something.

mod desk;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use ushield_bank_api::{Bank as BankReply, Base64Url, Trust};
use ushield_client::Error;
use ushield_client::ports::{BankHttp, HttpRequest, HttpResponse};
use ushield_protocol::bank_key::{BankKey, Purpose};
use ushield_protocol::key::{BankId, DeviceId, Hash, OrderId, PublicKey, Sign as _, SigningKey};
use ushield_protocol::order::OrderPayload;
use ushield_protocol::receipt::{Outcome, Receipt};

use super::maker::Maker;
use super::time::{ManualClock, START, SeededEntropy};

/// Its BIC.
pub const BANK: &str = "USHDCNBJ";
/// The customer's password.
pub const PASSWORD: &str = "correct horse battery";

type PayloadLie = Box<dyn FnMut(&mut OrderPayload) + Send>;
type BytesLie = Box<dyn FnMut(Vec<u8>) -> Vec<u8> + Send>;
type ReceiptLie = Box<dyn FnMut(&mut Receipt) + Send>;
type StatementsLie = Box<dyn FnMut(Vec<Vec<u8>>) -> Vec<Vec<u8>> + Send>;
type HttpLie = Box<dyn FnMut(&HttpRequest, HttpResponse) -> Result<HttpResponse, Error> + Send>;

/// What the bank replaces. Nothing of it is replaced at first.
#[derive(Default)]
pub struct Lies {
    /// An order's content, before it is encoded.
    pub payload: Option<PayloadLie>,
    /// An order's encoded payload, before it is signed.
    pub bytes: Option<BytesLie>,
    /// The key that signs orders.
    pub order_signer: Option<SigningKey>,
    /// The signed order.
    pub order: Option<BytesLie>,
    /// A receipt, before it is signed.
    pub receipt: Option<ReceiptLie>,
    /// The key that signs receipts.
    pub receipt_signer: Option<SigningKey>,
    /// The statements in force.
    pub statements: Option<StatementsLie>,
    /// Certificates of customers are over this key.
    pub certified_key: Option<PublicKey>,
    /// Any reply, after the bank has acted.
    pub http: Option<HttpLie>,
}

/// The scripted bank.
pub struct ScriptedBank {
    clock: Arc<ManualClock>,
    desk: Mutex<Desk>,
}

impl std::fmt::Debug for ScriptedBank {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ScriptedBank")
    }
}

/// Keys of a bank.
#[derive(Clone, Debug)]
pub struct Keys {
    /// Signs statements.
    pub root: SigningKey,
    /// Signs orders of transfers.
    pub transfer: SigningKey,
    /// Signs orders of certificates.
    pub certificate: SigningKey,
    /// Signs receipts.
    pub receipt: SigningKey,
}

struct Kept {
    id: OrderId,
    device: DeviceId,
    bytes: Vec<u8>,
    hash: Hash,
    payload: OrderPayload,
    end: Option<Outcome>,
    receipt: Option<Vec<u8>>,
    certificate: Option<Vec<Vec<u8>>>,
}

struct Desk {
    id: BankId,
    keys: Keys,
    ca: Maker,
    entropy: SeededEntropy,
    device: Option<(DeviceId, PublicKey)>,
    pay: Option<PublicKey>,
    sessions: Vec<String>,
    orders: Vec<Kept>,
    created: BTreeMap<String, Vec<u8>>,
    executed: Vec<(OrderId, u64)>,
    requests: Vec<String>,
    submitted: Vec<Vec<u8>>,
    lies: Lies,
}

impl ScriptedBank {
    /// A bank with new keys.
    #[must_use]
    pub fn new(clock: Arc<ManualClock>, seed: u64) -> Self {
        let entropy = SeededEntropy::new(seed ^ 0x6261_6e6b);
        let key = || SigningKey::from_bytes(&entropy.draw()).unwrap();
        let keys = Keys { root: key(), transfer: key(), certificate: key(), receipt: key() };
        let desk = Desk {
            id: BankId::new(BANK).unwrap(),
            keys,
            ca: Maker::new("Customers' CA"),
            entropy,
            device: None,
            pay: None,
            sessions: Vec::new(),
            orders: Vec::new(),
            created: BTreeMap::new(),
            executed: Vec::new(),
            requests: Vec::new(),
            submitted: Vec::new(),
            lies: Lies::default(),
        };
        Self { clock, desk: Mutex::new(desk) }
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap()
    }

    /// What a phone is given of it.
    #[must_use]
    pub fn trust(&self) -> Trust {
        let desk = self.desk();
        Trust::new(&desk.id, "Bank of scripts", &desk.keys.root.public_key())
    }

    /// Its keys.
    #[must_use]
    pub fn keys(&self) -> Keys {
        self.desk().keys.clone()
    }

    /// Hands a token out to the customer.
    pub fn hands_out(&self, device: DeviceId, key: PublicKey) {
        self.desk().device = Some((device, key));
    }

    /// Changes what it lies about.
    pub fn lie(&self, change: impl FnOnce(&mut Lies)) {
        change(&mut self.desk().lies);
    }

    /// Replaces replies.
    pub fn answers(
        &self,
        lie: impl FnMut(&HttpRequest, HttpResponse) -> Result<HttpResponse, Error> + Send + 'static,
    ) {
        self.lie(|lies| lies.http = Some(Box::new(lie)));
    }

    /// Is honest again.
    pub fn repent(&self) {
        self.desk().lies = Lies::default();
    }

    /// Forgets every session.
    pub fn ends_sessions(&self) {
        self.desk().sessions.clear();
    }

    /// What was executed, with amounts.
    #[must_use]
    pub fn executed(&self) -> Vec<(OrderId, u64)> {
        self.desk().executed.clone()
    }

    /// How many orders it holds.
    #[must_use]
    pub fn orders(&self) -> usize {
        self.desk().orders.len()
    }

    /// How an order ended.
    #[must_use]
    pub fn end_of(&self, id: OrderId) -> Option<Outcome> {
        self.desk().orders.iter().find(|order| order.id == id).and_then(|order| order.end)
    }

    /// The key that it certified.
    #[must_use]
    pub fn certified(&self) -> Option<PublicKey> {
        self.desk().pay
    }

    /// Its statement over the key of its receipts.
    #[must_use]
    pub fn receipts(&self) -> BankKey {
        let statement = statement(BANK, &self.keys().root, 1, &self.keys().receipt, Purpose::RECEIPT);
        let message = ushield_protocol::cose::Sign1::parse(&statement).unwrap();
        BankKey::decode(message.payload()).unwrap()
    }

    /// Requests that it received: method and path.
    #[must_use]
    pub fn requests(&self) -> Vec<String> {
        self.desk().requests.clone()
    }

    /// Answers of tokens that it received, byte for byte.
    #[must_use]
    pub fn submitted(&self) -> Vec<Vec<u8>> {
        self.desk().submitted.clone()
    }
}

/// A statement of this bank over any key.
#[must_use]
pub fn statement(id: &str, root: &SigningKey, epoch: u32, key: &SigningKey, purpose: Purpose) -> Vec<u8> {
    BankKey {
        bank: BankId::new(id).unwrap(),
        epoch,
        key: key.public_key(),
        purposes: vec![purpose],
        not_before: START - 86_400,
        not_after: START + 80 * 86_400,
    }
    .sign(root)
}

impl Desk {
    fn statements(&mut self) -> BankReply {
        let statement = |key, purpose| statement(BANK, &self.keys.root, 1, key, purpose);
        let statements = vec![
            statement(&self.keys.transfer, Purpose::TRANSFER),
            statement(&self.keys.certificate, Purpose::CERTIFICATE_DOWNLOAD),
            statement(&self.keys.receipt, Purpose::RECEIPT),
        ];
        let statements = match &mut self.lies.statements {
            Some(lie) => lie(statements),
            None => statements,
        };
        BankReply {
            bank_id: BANK.to_owned(),
            name: "Bank of scripts".to_owned(),
            statements: statements.into_iter().map(Base64Url::from).collect(),
        }
    }
}

#[async_trait]
impl BankHttp for ScriptedBank {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, Error> {
        let now = self.clock.unix();
        let mut desk = self.desk();
        let response = desk.serve(&request, now);
        match &mut desk.lies.http {
            Some(lie) => lie(&request, response),
            None => Ok(response),
        }
    }
}
