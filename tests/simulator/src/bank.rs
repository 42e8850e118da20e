//! The bank: its decisions over a model of its database, requests that get lost, and its power.

use std::collections::BTreeMap;

use futures::channel::oneshot;
use ushield_bank::model::Model;
use ushield_bank::request::{Method, Request};
use ushield_client::ports::{self, HttpRequest, HttpResponse};
use ushield_protocol::planted::{self, Bug};
use zeroize::Zeroizing;

use crate::fault::{Doing, Fault};
use crate::rng::Rng;
use crate::world::{Event, World};

/// Longer than a phone waits for a response.
const LATE: u64 = 40_000;
/// The server's sweep.
const SWEEP: u64 = 5_000;

type ReplyTo = oneshot::Sender<HttpResponse>;

struct Pending {
    phone: usize,
    request: HttpRequest,
    /// Nobody waits for the reply to a second delivery, or to one whose phone gave up.
    reply: Option<ReplyTo>,
}

/// The bank and the way to it.
pub struct BankSide {
    /// What it knows.
    pub model: Model,
    up: bool,
    pending: BTreeMap<u64, Pending>,
    numbered: u64,
    rng: Rng,
    /// Requests that reached it.
    pub served: u64,
    /// Replies lost on purpose: the number of the request, counted as served.
    pub chosen: BTreeMap<u64, Fault>,
    /// Requests that a phone sent: their numbers, what it was doing, and which they are.
    pub asked: Vec<(u64, Doing, String)>,
}

impl std::fmt::Debug for BankSide {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "BankSide({} pending)", self.pending.len())
    }
}

impl BankSide {
    /// A bank that runs.
    #[must_use]
    pub fn new(seed: u64, model: Model) -> Self {
        Self {
            model,
            up: true,
            pending: BTreeMap::new(),
            numbered: 0,
            rng: Rng::new(seed, 6),
            served: 0,
            chosen: BTreeMap::new(),
            asked: Vec::new(),
        }
    }
}

impl World {
    /// A phone sends a request.
    pub fn ask_bank(&mut self, phone: usize, request: HttpRequest, reply: ReplyTo) {
        self.bank.numbered += 1;
        let number = self.bank.numbered;
        let what = format!("{:?} {}", request.method, request.path);
        let key = request.idempotency_key.as_deref().unwrap_or_default();
        self.say_of(&format!("phone {phone} asks the bank {what} {key} ({number})"), &request.body);
        self.bank.asked.push((number, self.phones[phone].doing, what));
        self.is_durable(phone, &request);
        let faults = [Fault::RequestLost, Fault::RequestDoubled, Fault::RequestLate, Fault::FrontEndFails];
        let fault = self.bank.chosen.get(&number).copied().or_else(|| self.plan.first(&faults));
        if let Some(fault) = fault {
            self.struck(fault, phone);
        }
        let delay = match fault {
            Some(Fault::RequestLost) => return,
            Some(Fault::FrontEndFails) => {
                let body = Zeroizing::new(b"<html>503 Service Unavailable</html>".to_vec());
                let content_type = Some("text/html".to_owned());
                // A phone that died meanwhile does not hear it.
                let _ = reply.send(HttpResponse { status: 503, content_type, body });
                return;
            }
            Some(Fault::RequestDoubled) => {
                let again = self.bank.numbered + 1;
                self.bank.numbered = again;
                self.bank.pending.insert(again, Pending { phone, request: request.clone(), reply: None });
                let delay = self.rng.within(30, 3_000);
                self.after(delay, Event::Request { number: again });
                self.rng.within(20, 200)
            }
            Some(Fault::RequestLate) => LATE,
            _ => self.rng.within(20, 200),
        };
        self.bank.pending.insert(number, Pending { phone, request, reply: Some(reply) });
        self.after(delay, Event::Request { number });
    }

    /// A request reaches the bank: one transaction, and its power may go before or after the commit.
    pub fn serve(&mut self, number: u64) {
        let Some(Pending { phone, request, reply }) = self.bank.pending.remove(&number) else { return };
        if !self.bank.up {
            return;
        }
        let faults = [Fault::BankBefore, Fault::BankAfter, Fault::ReplyLost];
        let fault = self.bank.chosen.get(&number).copied().filter(|fault| faults.contains(fault));
        let fault = fault.or_else(|| self.plan.first(&faults));
        if let Some(fault) = fault {
            self.struck(fault, phone);
        }
        let acknowledges_early = planted::on(Bug::ReplyBeforeCommit);
        let before = match fault {
            Some(Fault::BankBefore) if acknowledges_early => Some(self.bank.model.clone()),
            Some(Fault::BankBefore) => return self.bank_down(),
            _ => None,
        };
        let (now, path) = (self.unix(), request.path.clone());
        let bank = &mut self.bank;
        let bearer = request.bearer.as_ref().map(|token| token.expose().to_owned());
        let asked = Request {
            method: match request.method {
                ports::Method::Get => Method::Get,
                ports::Method::Post => Method::Post,
            },
            path: &path,
            bearer: bearer.as_deref(),
            idempotency_key: request.idempotency_key.as_deref(),
            content_type: request.content_type,
            body: &request.body,
        };
        let rng = &mut bank.rng;
        let response = bank.model.serve(&asked, now, &mut |out: &mut [u8]| rng.fill(out));
        bank.served += 1;
        self.say_of(&format!("the bank answers {number} with {}", response.status), &response.body);
        if let Some(before) = before {
            self.bank.model = before;
        }
        if matches!(fault, Some(Fault::BankBefore | Fault::BankAfter)) {
            self.bank_down();
        }
        let lost = matches!(fault, Some(Fault::ReplyLost | Fault::BankAfter));
        if let Some(reply) = reply.filter(|_| !lost) {
            let content_type = Some(response.media_type);
            let body = Zeroizing::new(response.body);
            // A phone that died meanwhile does not hear it.
            let _ = reply.send(HttpResponse { status: response.status, content_type, body });
        }
    }

    fn bank_down(&mut self) {
        self.bank.up = false;
        self.say("the bank is down");
        let delay = self.rng.within(500, 15_000);
        self.after(delay, Event::BankUp);
    }

    /// The bank runs again, over what was durable.
    pub fn bank_up(&mut self) {
        self.bank.up = true;
        self.say("the bank is up");
    }

    /// The bank ends what has expired. Also the hour of faults that wait for nobody.
    pub fn sweep(&mut self) {
        let now = self.unix();
        if self.bank.up {
            let bank = &mut self.bank;
            bank.model.sweep(now).expect("a sweep of the model");
        }
        let hour_of_faults = (self.now / SWEEP).is_multiple_of(6);
        for phone in 0..self.phones.len() {
            if hour_of_faults {
                self.may_die(phone);
            }
        }
        self.after(SWEEP, Event::Sweep);
    }
}
