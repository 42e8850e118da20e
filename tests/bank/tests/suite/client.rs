//! A bank in a folder of its own, and a customer who speaks HTTPS to it.

use std::sync::Arc;

use reqwest::{Client, Response, StatusCode};
use tempfile::TempDir;
use ushield_bank::admin::{self, Founding, Ledger, NewCustomer};
use ushield_bank::clock::FakeClock;
use ushield_bank::entropy::{Entropy, SystemEntropy};
use ushield_bank::{Bank, Config};
use ushield_bank_api::{AuthorizationReply, CreatedOrder, Password, Problem, Session, route};
use ushield_protocol::bank_key::{BankKey, Purpose};
use ushield_protocol::code::Code;
use ushield_protocol::key::{BankId, OrderId, P256Verifier};
use ushield_protocol::receipt::{Outcome, Receipt};
use zeroize::Zeroizing;

use crate::token::{Maker, Token};

pub(crate) const NOW: u64 = 1_800_000_000;
pub(crate) const ACCOUNT: &str = "6222020200112233445";
pub(crate) const OTHER_ACCOUNT: &str = "6222020200998877665";
pub(crate) const PASSWORD: &str = "correct horse battery";

pub(crate) struct World {
    pub(crate) bank: Bank,
    pub(crate) clock: Arc<FakeClock>,
    pub(crate) maker: Maker,
    pub(crate) dir: TempDir,
    pub(crate) http: Client,
}

impl World {
    /// A bank with two customers, 10,000.00 CNY each, and no token yet.
    pub(crate) async fn new() -> Self {
        Self::with(Arc::new(SystemEntropy), true).await
    }

    /// The same with other randomness, and perhaps without its own sweep.
    pub(crate) async fn with(entropy: Arc<dyn Entropy>, sweeps: bool) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("bank");
        let clock = Arc::new(FakeClock::new(NOW));
        admin::init(&data, &founding(), clock.as_ref()).await.unwrap();
        for customer in customers() {
            admin::add_customer(&data, &customer, clock.as_ref()).await.unwrap();
        }
        let config = Config { clock: clock.clone(), entropy, sweeps, ..Config::new(&data) };
        let bank = Bank::start(config).await.unwrap();
        // Fails when another test of this process was first: the provider is the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let ca = reqwest::Certificate::from_pem(bank.ca_pem().as_bytes()).unwrap();
        let http = Client::builder().tls_certs_only([ca]).no_proxy().build().unwrap();
        Self { bank, clock, maker: Maker::new(), dir, http }
    }

    /// The same with a certified token in li's hands, and li signed in.
    pub(crate) async fn with_token() -> (Self, Token, String) {
        let world = Self::new().await;
        let token = world.maker.token(1);
        world.hand_out(&token, "li").await;
        let session = world.sign_in("li").await;
        world.certify(&token, &session).await;
        (world, token, session)
    }

    pub(crate) fn data(&self) -> std::path::PathBuf {
        self.dir.path().join("bank")
    }

    pub(crate) async fn hand_out(&self, token: &Token, customer: &str) {
        let json = token.device_json();
        let root = &self.maker.root;
        admin::hand_out(&self.data(), customer, &json, root, self.clock.as_ref()).await.unwrap();
    }

    pub(crate) async fn certify(&self, token: &Token, session: &str) {
        let order = self.create(session, &key(), &certificate_request()).await;
        let reply = self.answer(&order.order_id, token.attest(order.order.as_bytes())).await;
        assert_eq!(self.outcome(reply).await, (Outcome::Executed, None));
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.bank.url())
    }

    pub(crate) async fn try_sign_in(&self, customer: &str, password: &str) -> Response {
        let body = serde_json::json!({ "customer": customer, "password": password });
        self.http.post(self.url(route::SESSIONS)).json(&body).send().await.unwrap()
    }

    pub(crate) async fn sign_in(&self, customer: &str) -> String {
        let reply = self.try_sign_in(customer, PASSWORD).await;
        assert_eq!(reply.status(), StatusCode::CREATED);
        reply.json::<Session>().await.unwrap().token.expose().to_owned()
    }

    pub(crate) async fn get(&self, session: &str, path: &str) -> Response {
        self.http.get(self.url(path)).bearer_auth(session).send().await.unwrap()
    }

    pub(crate) async fn try_create(&self, session: &str, key: &str, request: &serde_json::Value) -> Response {
        let post = self.http.post(self.url(route::ORDERS)).bearer_auth(session);
        post.header(route::IDEMPOTENCY_KEY, key).json(request).send().await.unwrap()
    }

    pub(crate) async fn create(&self, session: &str, key: &str, request: &serde_json::Value) -> CreatedOrder {
        let reply = self.try_create(session, key, request).await;
        assert!(reply.status().is_success(), "{}", reply.text().await.unwrap());
        reply.json().await.unwrap()
    }

    pub(crate) async fn answer(&self, order: &OrderId, bytes: Vec<u8>) -> Response {
        let post = self.http.post(self.url(&route::authorization(order)));
        post.header("Content-Type", route::COSE).body(bytes).send().await.unwrap()
    }

    pub(crate) async fn cancel(&self, session: &str, order: &OrderId) -> Response {
        self.http.post(self.url(&route::cancel(order))).bearer_auth(session).send().await.unwrap()
    }

    /// The verified receipt of a reply: how the order ended.
    pub(crate) async fn outcome(&self, reply: Response) -> (Outcome, Option<Code>) {
        let status = reply.status();
        let text = reply.text().await.unwrap();
        assert_eq!(status, StatusCode::OK, "{text}");
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        let receipt = ushield_bank_api::bytes::decode(value["receipt"].as_str().unwrap()).unwrap();
        let receipt =
            Receipt::verify(&receipt, &self.bank_key(Purpose::RECEIPT).await, &P256Verifier).unwrap();
        (receipt.outcome, receipt.reason)
    }

    pub(crate) async fn bank_key(&self, purpose: Purpose) -> BankKey {
        self.bank_keys().await.into_iter().find(|key| key.allows(purpose)).unwrap()
    }

    /// Every statement that the bank serves, verified, in its order.
    pub(crate) async fn bank_keys(&self) -> Vec<BankKey> {
        let reply = self.http.get(self.url(route::BANK)).send().await.unwrap();
        let bank: ushield_bank_api::Bank = reply.json().await.unwrap();
        let trust = self.bank.trust();
        let keys = bank.statements.iter().map(|statement| {
            let root = trust.root_key().unwrap();
            BankKey::verify(statement.as_bytes(), &trust.bank().unwrap(), &root, &P256Verifier).unwrap()
        });
        keys.collect()
    }

    pub(crate) async fn ledger(&self) -> Ledger {
        admin::read_ledger(&self.data()).await.unwrap()
    }

    pub(crate) async fn balance(&self, account: &str) -> i64 {
        self.ledger().await.balances[account]
    }
}

pub(crate) fn founding() -> Founding {
    let bank_id = BankId::new("DEMOCNBJ").unwrap();
    Founding { bank_id, name: "演示银行".to_owned(), iban_charge: 500 }
}

pub(crate) fn customers() -> [NewCustomer; 2] {
    [("li", ACCOUNT), ("wang", OTHER_ACCOUNT)].map(|(name, account)| NewCustomer {
        name: name.to_owned(),
        account: account.to_owned(),
        balance: 1_000_000,
        currency: "CNY".to_owned(),
        password: password(PASSWORD),
    })
}

/// The problem of a reply.
pub(crate) async fn problem(reply: Response) -> (u16, Code, Option<String>) {
    let status = reply.status().as_u16();
    let kind = reply.headers()["content-type"].to_str().unwrap().to_owned();
    let text = reply.text().await.unwrap();
    assert_eq!(kind, route::PROBLEM, "{text}");
    let problem: Problem = serde_json::from_str(&text).unwrap();
    assert_eq!(problem.status, status);
    (status, problem.code().unwrap(), problem.field)
}

pub(crate) async fn certificate_in(reply: Response) -> Vec<Vec<u8>> {
    let reply: AuthorizationReply = reply.json().await.unwrap();
    reply.certificate.unwrap().into_iter().map(|der| der.into_bytes()).collect()
}

pub(crate) fn password(text: &str) -> Password {
    Password::new(Zeroizing::new(text.as_bytes().to_vec())).unwrap()
}

/// A new creation key.
pub(crate) fn key() -> String {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).unwrap();
    uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
}

pub(crate) fn transfer(amount: u64) -> serde_json::Value {
    serde_json::json!({
        "operation": "transfer",
        "debtor_account": ACCOUNT,
        "creditor_name": "张伟",
        "creditor_account": "6217000010001234567",
        "account_scheme": "domestic",
        "creditor_agent": "中国建设银行",
        "amount": amount,
        "currency": "CNY",
        "remittance_text": "房租 11月",
    })
}

pub(crate) fn certificate_request() -> serde_json::Value {
    serde_json::json!({ "operation": "certificate-download", "role": "pay" })
}
