//! Everything between the phone and the bank's order service, in an attacker's hands: it holds no signing key, and does the rest.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use serde_json::Value;
use ushield_bank_api::{Problem, route};
use ushield_client::Error;
use ushield_client::ports::{BankHttp, HttpRequest, HttpResponse};
use ushield_protocol::code::Code;
use zeroize::Zeroizing;

use super::bank::ScriptedBank;
use super::dice::Dice;

/// What is remembered of each kind, to be sent at the wrong moment.
const REMEMBERED: usize = 32;

/// The front end.
pub struct FrontEnd {
    bank: Arc<ScriptedBank>,
    dice: Arc<Dice>,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    /// How many of a hundred requests it meddles with.
    often: usize,
    requests: Vec<HttpRequest>,
    replies: Vec<HttpResponse>,
    /// Values of members in replies, with the members' names.
    values: Vec<(String, Value)>,
    tricks: u64,
}

impl std::fmt::Debug for FrontEnd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FrontEnd")
    }
}

impl FrontEnd {
    /// In front of this bank, honest at first.
    #[must_use]
    pub fn new(bank: Arc<ScriptedBank>, dice: Arc<Dice>) -> Self {
        Self { bank, dice, seen: Mutex::default() }
    }

    /// From now on it meddles, how often the dice say.
    pub fn meddles(&self) {
        self.seen.lock().unwrap().often = *self.dice.one(&[15, 35, 60, 90]);
    }

    /// Is honest again.
    pub fn repents(&self) {
        self.seen.lock().unwrap().often = 0;
    }

    /// How often it did something that it should not.
    #[must_use]
    pub fn tricks(&self) -> u64 {
        self.seen.lock().unwrap().tricks
    }

    fn meddling(&self) -> bool {
        let mut seen = self.seen.lock().unwrap();
        let meddles = self.dice.percent(seen.often);
        seen.tricks += u64::from(meddles);
        meddles
    }

    async fn pass(&self, request: HttpRequest) -> Result<HttpResponse, Error> {
        self.note(&request);
        let reply = self.bank.call(request).await?;
        let mut seen = self.seen.lock().unwrap();
        if let Ok(Value::Object(members)) = serde_json::from_slice(&reply.body) {
            for (name, value) in members {
                keep(&mut seen.values, (name, value), &self.dice);
            }
        }
        keep(&mut seen.replies, reply.clone(), &self.dice);
        Ok(reply)
    }

    fn note(&self, request: &HttpRequest) {
        keep(&mut self.seen.lock().unwrap().requests, request.clone(), &self.dice);
    }

    fn request_seen(&self) -> Option<HttpRequest> {
        let seen = self.seen.lock().unwrap();
        (!seen.requests.is_empty()).then(|| self.dice.one(&seen.requests).clone())
    }

    /// A request of its own, with what it has seen: again, to another order, under another key, in the customer's session.
    async fn own_request(&self) {
        let Some(mut request) = self.request_seen() else { return };
        let Some(other) = self.request_seen() else { return };
        match self.dice.below(7) {
            0 => request.bearer = other.bearer,
            1 if request.idempotency_key.is_some() => {
                request.idempotency_key = Some(format!("front-{}", self.dice.number()));
            }
            2 if request.path == route::ORDERS => request.body = Zeroizing::new(self.altered(&request.body)),
            3 => request.path = moved(&request.path, &other.path),
            4 if other.path.contains("/v1/orders/") => {
                let order = other.path.trim_end_matches("/authorization").trim_end_matches("/cancel");
                request =
                    HttpRequest::post(format!("{order}/cancel"), route::JSON, Zeroizing::new(b"{}".to_vec()));
                request.bearer = self.request_seen().and_then(|seen| seen.bearer);
            }
            5 if other.path.ends_with("/authorization") => {
                request.body = Zeroizing::new(self.dice.damaged(other.body.to_vec()));
                request.path = other.path;
            }
            _ => {}
        }
        // Its own requests are as well formed as the bank's front end would let pass.
        if request.path == route::ORDERS
            && serde_json::from_slice::<ushield_bank_api::OrderRequest>(&request.body).is_err()
        {
            return;
        }
        // It keeps what comes of it.
        let _ = self.pass(request).await;
    }

    /// The same JSON with one member changed.
    fn altered(&self, body: &[u8]) -> Vec<u8> {
        let Ok(mut value) = serde_json::from_slice::<Value>(body) else {
            return self.dice.damaged(body.to_vec());
        };
        let seen = self.seen.lock().unwrap().values.clone();
        let Some(members) = value.as_object_mut().filter(|members| !members.is_empty()) else {
            return self.dice.damaged(body.to_vec());
        };
        let names: Vec<String> = members.keys().cloned().collect();
        let name = self.dice.one(&names).clone();
        match self.dice.below(6) {
            0 => drop(members.remove(&name)),
            1 => {
                // Another order's: its receipt, its id, its bytes.
                let others: Vec<&Value> =
                    seen.iter().filter(|(of, _)| *of == name).map(|(_, value)| value).collect();
                if !others.is_empty() {
                    members.insert(name, (*self.dice.one(&others)).clone());
                }
            }
            2 => {
                let state =
                    *self.dice.one(&["executed", "rejected", "expired", "cancelled", "refused", "open"]);
                members.insert("state".to_owned(), Value::from(state));
            }
            3 => drop(members.insert(name, Value::from(self.dice.percent(33)))),
            4 => drop(members.insert("outcome".to_owned(), Value::from("failed"))),
            _ => {
                if let Some(Value::String(text)) = members.get_mut(&name) {
                    let at = self.dice.below(text.len());
                    if text.is_char_boundary(at) && text.is_char_boundary(at + 1) {
                        text.replace_range(at..=at, "A");
                    }
                } else if let Some(number) = members.get_mut(&name).filter(|value| value.is_number()) {
                    *number = Value::from(self.dice.number() % 1_000_000);
                }
            }
        }
        serde_json::to_vec(&value).unwrap()
    }

    /// What it says in place of the bank.
    fn instead(&self, honest: Option<HttpResponse>) -> Result<HttpResponse, Error> {
        let page = |status, body: &[u8]| HttpResponse {
            status,
            content_type: Some("text/html".to_owned()),
            body: Zeroizing::new(body.to_vec()),
        };
        Ok(match (self.dice.below(9), honest) {
            (0, _) => return Err(Error::new(Code::BankUnreachable)),
            (1, _) => page(*self.dice.one(&[500, 502, 503, 504]), b"<html>failed</html>"),
            (2, _) => page(*self.dice.one(&[301, 302, 307]), b"<a href=https://bank.example/>moved</a>"),
            (3, _) => page(200, b"<html>Your order has failed</html>"),
            (4, _) => {
                let code = *self.dice.one(Code::ALL);
                let mut problem = Problem::new(code, "failed");
                if self.dice.percent(20) {
                    problem.status = *self.dice.one(&[200, 400, 404, 409, 422, 500]);
                }
                let body = Zeroizing::new(serde_json::to_vec(&problem).unwrap());
                HttpResponse { status: problem.status, content_type: Some(route::PROBLEM.to_owned()), body }
            }
            (5, _) => {
                let seen = self.seen.lock().unwrap();
                match seen.replies.is_empty() {
                    true => page(404, b""),
                    false => self.dice.one(&seen.replies).clone(),
                }
            }
            (_, None) => return Err(Error::new(Code::BankUnreachable)),
            (6, Some(honest)) => {
                HttpResponse { status: *self.dice.one(&[200, 201, 202, 204, 400, 422, 500]), ..honest }
            }
            (_, Some(honest)) => HttpResponse { body: Zeroizing::new(self.altered(&honest.body)), ..honest },
        })
    }
}

#[async_trait]
impl BankHttp for FrontEnd {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, Error> {
        if !self.meddling() {
            return self.pass(request).await;
        }
        match self.dice.below(7) {
            // Dropped, perhaps to be sent later by itself.
            0 => {
                self.note(&request);
                self.instead(None)
            }
            // Twice; the second reply counts.
            1 => {
                self.pass(request.clone()).await?;
                self.pass(request).await
            }
            // To another order.
            2 => {
                let Some(other) = self.request_seen() else { return self.pass(request).await };
                let path = moved(&request.path, &other.path);
                self.pass(HttpRequest { path, ..request }).await
            }
            3 => {
                self.own_request().await;
                self.pass(request).await
            }
            4 => {
                let reply = self.pass(request).await;
                self.own_request().await;
                reply
            }
            _ => {
                let honest = self.pass(request).await?;
                self.instead(Some(honest))
            }
        }
    }
}

/// The same act on the order of another path.
fn moved(path: &str, other: &str) -> String {
    fn split(path: &str) -> Option<(&str, &str)> {
        let rest = path.strip_prefix("/v1/orders/")?;
        Some(rest.split_once('/').unwrap_or((rest, "")))
    }
    match (split(path), split(other)) {
        (Some((_, "")), Some((id, _))) => format!("/v1/orders/{id}"),
        (Some((_, act)), Some((id, _))) => format!("/v1/orders/{id}/{act}"),
        _ => path.to_owned(),
    }
}

fn keep<T>(pool: &mut Vec<T>, what: T, dice: &Dice) {
    if pool.len() < REMEMBERED {
        pool.push(what);
    } else {
        pool[dice.below(REMEMBERED)] = what;
    }
}
