//! The two homes of the bank's decisions side by side: the server over HTTPS and SQLite, and the model. Every request goes to both, with the
//! same time and the same randomness, and both must give the same reply, byte for byte.

use std::sync::{Arc, Mutex};

use serde_json::Value;
use ushield_bank::decision::{Kind, Reply};
use ushield_bank::entropy::Entropy;
use ushield_bank::keys::Keys;
use ushield_bank::model::Model;
use ushield_bank::request::{Method, Request};
use ushield_bank_api::{CreatedOrder, Problem, Session, route};
use ushield_protocol::code::Code;
use ushield_protocol::key::{OrderId, Sign as _};

use crate::client::{NOW, World, customers, founding};
use crate::token::Token;

/// Splitmix64: small, and the same everywhere.
#[derive(Clone)]
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    pub(crate) fn fill(&mut self, bytes: &mut [u8]) {
        bytes.iter_mut().for_each(|byte| *byte = self.next() as u8);
    }
}

struct Seeded(Mutex<Dice>);

impl Entropy for Seeded {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), getrandom::Error> {
        let mut dice = self.0.lock().map_err(|_| getrandom::Error::UNEXPECTED)?;
        dice.fill(bytes);
        Ok(())
    }
}

/// A request.
#[derive(Clone)]
pub(crate) struct Ask {
    method: Method,
    path: String,
    bearer: Option<String>,
    key: Option<String>,
    content_type: Option<&'static str>,
    body: Vec<u8>,
}

impl Ask {
    pub(crate) fn get(path: &str) -> Self {
        let path = path.to_owned();
        Self { method: Method::Get, path, bearer: None, key: None, content_type: None, body: Vec::new() }
    }

    pub(crate) fn post(path: &str, body: Vec<u8>) -> Self {
        Self { method: Method::Post, content_type: Some(route::JSON), body, ..Self::get(path) }
    }

    pub(crate) fn of(self, session: &str) -> Self {
        Self { bearer: Some(session.to_owned()), ..self }
    }

    pub(crate) fn keyed(self, key: &str) -> Self {
        Self { key: Some(key.to_owned()), ..self }
    }

    pub(crate) fn kind(self, content_type: &'static str) -> Self {
        Self { content_type: Some(content_type), ..self }
    }

    pub(crate) fn request(&self) -> Request<'_> {
        Request {
            method: self.method,
            path: &self.path,
            bearer: self.bearer.as_deref(),
            idempotency_key: self.key.as_deref(),
            content_type: self.content_type,
            body: &self.body,
        }
    }
}

/// Both.
pub(crate) struct Homes {
    pub(crate) world: World,
    pub(crate) model: Model,
    pub(crate) now: u64,
    pub(crate) sent: u64,
    /// Replies by status.
    pub(crate) replies: std::collections::BTreeMap<u16, u64>,
    entropy: Arc<Seeded>,
    seed: u64,
}

impl Homes {
    pub(crate) async fn new(seed: u64) -> Self {
        let entropy = Arc::new(Seeded(Mutex::new(Dice(seed))));
        let world = World::with(entropy.clone(), false).await;
        let mut model = Model::new(&founding(), Keys::open(&world.data()).unwrap(), NOW).unwrap();
        for customer in customers() {
            model.add_customer(&customer).unwrap();
        }
        assert_eq!(model.trust(), world.bank.trust());
        let replies = std::collections::BTreeMap::new();
        Self { world, model, now: NOW, sent: 0, replies, entropy, seed }
    }

    /// A certified token in a customer's hands, and the customer signed in.
    pub(crate) async fn with_token(seed: u64) -> (Self, Token, String) {
        let mut homes = Self::new(seed).await;
        let token = homes.hand_out(1, "li").await;
        let session = homes.sign_in("li").await;
        homes.certify(&token, &session).await;
        (homes, token, session)
    }

    pub(crate) async fn hand_out(&mut self, number: u8, customer: &str) -> Token {
        let token = self.world.maker.token(number);
        self.world.hand_out(&token, customer).await;
        let key = token.device.public_key();
        self.model.hand_out(customer, token.id, key, token.profile, self.now).unwrap();
        token
    }

    pub(crate) fn advance(&mut self, seconds: u64) {
        self.now += seconds;
        self.world.clock.set(self.now);
    }

    /// The one reply of both.
    pub(crate) async fn send(&mut self, ask: Ask) -> Reply {
        self.sent += 1;
        let mut dice = Dice(self.seed ^ self.sent.wrapping_mul(0xa076_1d64_78bd_642f));
        *self.entropy.0.lock().unwrap() = dice.clone();
        let url = self.world.url(&ask.path);
        let mut request = match ask.method {
            Method::Get => self.world.http.get(url),
            Method::Post => self.world.http.post(url).body(ask.body.clone()),
        };
        if let Some(token) = &ask.bearer {
            request = request.bearer_auth(token);
        }
        if let Some(key) = &ask.key {
            request = request.header(route::IDEMPOTENCY_KEY, key);
        }
        if let Some(kind) = ask.content_type {
            request = request.header("Content-Type", kind);
        }
        let served = request.send().await.unwrap();
        let served = Reply {
            status: served.status().as_u16(),
            media_type: served.headers()["content-type"].to_str().unwrap().to_owned(),
            body: served.bytes().await.unwrap().to_vec(),
        };
        let modelled = self.model.serve(&ask.request(), self.now, &mut |bytes| dice.fill(bytes));
        let text = |reply: &Reply| String::from_utf8_lossy(&reply.body).into_owned();
        assert!(
            served == modelled,
            "seed {}, request {}: {:?}\nserver {} {} {}\nmodel  {} {} {}",
            self.seed,
            self.sent,
            ask.request(),
            served.status,
            served.media_type,
            text(&served),
            modelled.status,
            modelled.media_type,
            text(&modelled),
        );
        *self.replies.entry(served.status).or_default() += 1;
        served
    }

    pub(crate) async fn sweep(&mut self) -> usize {
        let ended = self.world.bank.sweep().await.unwrap();
        assert_eq!(self.model.sweep(self.now).unwrap(), ended);
        ended
    }

    /// Balances, states, what was decided and what was moved.
    pub(crate) async fn same_books(&self) {
        let ledger = self.world.ledger().await;
        let balances = self.model.balances().map(|(number, balance)| (number.to_owned(), balance));
        assert_eq!(balances.collect::<std::collections::BTreeMap<_, _>>(), ledger.balances);
        let mut orders: Vec<_> = self.model.orders().collect();
        orders.sort_by_key(|order| order.payload.issued);
        assert_eq!(orders.len(), ledger.orders.len());
        for (order, row) in orders.iter().zip(&ledger.orders) {
            assert_eq!(order.id.to_string(), row.order_id);
            assert_eq!(serde_json::to_value(order.state).unwrap(), Value::from(row.state.as_str()));
            let decided = order.answers.first().map(|answer| match answer.kind {
                Kind::Rejection => "rejected",
                Kind::Approval | Kind::Attestation => "approved",
            });
            assert_eq!(decided.is_some(), row.decision.is_some());
            if order.answers.len() == 1 {
                assert_eq!(decided, row.decision);
            }
            let moved: Vec<_> = order.entries.concat();
            assert_eq!(moved, row.postings);
            assert!(order.entries.len() <= 1 && order.ends <= 1);
        }
    }

    pub(crate) async fn try_sign_in(&mut self, customer: &str, password: &str) -> Reply {
        let body = serde_json::json!({ "customer": customer, "password": password });
        self.send(Ask::post(route::SESSIONS, body.to_string().into_bytes())).await
    }

    pub(crate) async fn sign_in(&mut self, customer: &str) -> String {
        let reply = self.try_sign_in(customer, crate::client::PASSWORD).await;
        serde_json::from_slice::<Session>(&reply.body).unwrap().token.expose().to_owned()
    }

    pub(crate) async fn try_create(&mut self, session: &str, key: &str, request: &Value) -> Reply {
        let body = request.to_string().into_bytes();
        self.send(Ask::post(route::ORDERS, body).of(session).keyed(key)).await
    }

    pub(crate) async fn create(&mut self, session: &str, request: &Value) -> CreatedOrder {
        let key = self.key();
        created(&self.try_create(session, &key, request).await)
    }

    /// A new creation key.
    pub(crate) fn key(&self) -> String {
        let mut bytes = [0; 16];
        Dice(self.seed ^ self.sent).fill(&mut bytes);
        uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
    }

    pub(crate) async fn answer(&mut self, order: &OrderId, bytes: Vec<u8>) -> Reply {
        self.send(Ask::post(&route::authorization(order), bytes).kind(route::COSE)).await
    }

    pub(crate) async fn cancel(&mut self, session: &str, order: &OrderId) -> Reply {
        self.send(Ask::post(&route::cancel(order), b"{}".to_vec()).of(session)).await
    }

    pub(crate) async fn get(&mut self, session: &str, path: &str) -> Reply {
        self.send(Ask::get(path).of(session)).await
    }

    pub(crate) async fn certify(&mut self, token: &Token, session: &str) {
        let mut request = crate::client::certificate_request();
        request["device_id"] = Value::from(token.id.to_string());
        let order = self.create(session, &request).await;
        let reply = self.answer(&order.order_id, token.attest(order.order.as_bytes())).await;
        assert_eq!(reply.status, 200);
    }

    /// How an order stands at both.
    pub(crate) fn state(&self, order: &OrderId) -> String {
        let state = self.model.order(order).unwrap().state;
        serde_json::to_value(state).unwrap().as_str().unwrap().to_owned()
    }
}

pub(crate) fn created(reply: &Reply) -> CreatedOrder {
    serde_json::from_slice(&reply.body).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&reply.body)))
}

/// Status, code and field of a problem.
pub(crate) fn problem(reply: &Reply) -> (u16, Code, Option<String>) {
    assert_eq!(reply.media_type, route::PROBLEM);
    let problem: Problem = serde_json::from_slice(&reply.body).unwrap();
    (reply.status, problem.code().unwrap(), problem.field)
}
