//! Stands at the phone's ports and holds the client to protocol.md, section 13: every state durable before the step that follows it, every
//! state from the table, nothing to the bank but what its token answered, no end without the bank's receipt.
//!
//! Its own reading of the table; it knows the true keys of token and bank.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use ushield_bank_api::OrderRequest;
use ushield_client::ports::{BankHttp, Change, Health, HttpRequest, HttpResponse, Records, Store, Table};
use ushield_client::{Error, Status};
use ushield_protocol::attestation::Attestation;
use ushield_protocol::authorization::{Authorization, Decision};
use ushield_protocol::bank_key::BankKey;
use ushield_protocol::cbor::{DecodeError, Reader};
use ushield_protocol::code::Code;
use ushield_protocol::cose::Sign1;
use ushield_protocol::key::{OrderId, PublicKey, RingVerifier};
use ushield_protocol::order::{Operation, Order};
use ushield_protocol::receipt::{Outcome, Receipt};
use ushield_session::order_life::{OrderLife, Stage};
use zeroize::Zeroizing;

/// What the witness knows of the two sides.
#[derive(Clone)]
pub struct Truth {
    /// The bank's statement over its receipt key.
    pub receipts: BankKey,
    /// Key `device` of the token that the customer has.
    pub device: PublicKey,
    /// Its key `pay`.
    pub pay: PublicKey,
}

/// How often what went by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Steps of an order's life.
    pub steps: u64,
    /// Answers to the bank that verify.
    pub verified: u64,
    /// Answers to the bank in a form that the phone cannot read, which it forwards (it may be a newer token's).
    pub unreadable: u64,
    /// Authorizations of the right order whose signature the phone cannot judge without the certificate.
    pub unjudged: u64,
    /// Receipts that were made durable.
    pub receipts: u64,
}

impl Tally {
    /// Both together.
    pub fn add(&mut self, other: Tally) {
        self.steps += other.steps;
        self.verified += other.verified;
        self.unreadable += other.unreadable;
        self.unjudged += other.unjudged;
        self.receipts += other.receipts;
    }
}

/// An order as the store has it.
struct Stored {
    id: Option<OrderId>,
    life: OrderLife,
    /// The token has not stored a certificate that was issued for it.
    due: bool,
}

/// The witness. Put it in the place of store and bank.
pub struct Witness {
    store: Arc<dyn Store>,
    bank: Arc<dyn BankHttp>,
    notes: Mutex<Notes>,
}

#[derive(Default)]
struct Notes {
    truth: Option<Truth>,
    violations: Vec<String>,
    tally: Tally,
    judged: bool,
    /// Answers that the phone took when it could not judge them.
    unjudged: BTreeSet<Vec<u8>>,
    ends: BTreeMap<OrderId, Outcome>,
    /// What ends an order once it is durable.
    about_to_end: Vec<(OrderId, Outcome)>,
}

impl std::fmt::Debug for Witness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Witness")
    }
}

impl Witness {
    /// Between a client and these.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, bank: Arc<dyn BankHttp>) -> Self {
        Self { store, bank, notes: Mutex::default() }
    }

    /// From now on it knows the truth, and judges.
    pub fn knows(&self, truth: Truth) {
        self.notes.lock().unwrap().truth = Some(truth);
    }

    /// Whether the phone can judge every approval: it has the certificate, and the token does not claim another key.
    pub fn judges(&self, judged: bool) {
        self.notes.lock().unwrap().judged = judged;
    }

    /// What was wrong, and what went by, since it was asked last.
    pub fn verdict(&self) -> (Vec<String>, Tally) {
        let mut notes = self.notes.lock().unwrap();
        (std::mem::take(&mut notes.violations), std::mem::take(&mut notes.tally))
    }

    /// Something that should not be.
    pub fn objects(&self, what: String) {
        self.notes.lock().unwrap().violations.push(what);
    }

    /// How an order ended, by the receipt in the phone's store.
    #[must_use]
    pub fn end_of(&self, id: OrderId) -> Option<Outcome> {
        self.notes.lock().unwrap().ends.get(&id).copied()
    }

    /// Holds what the phone shows against what it has a receipt for.
    pub fn sees(&self, id: Option<OrderId>, status: Status) {
        match (id.and_then(|id| self.end_of(id)), status) {
            (Some(end), Status::Ended(shown)) if end == shown => {}
            (None, Status::Ended(shown)) => {
                self.objects(format!("{id:?} is shown as {shown:?} without a receipt"))
            }
            (Some(end), shown) => self.objects(format!("{id:?} ended as {end:?} and is shown as {shown:?}")),
            (None, Status::NotCreated(code)) if id.is_some() => {
                self.objects(format!("{id:?} is an order and is shown as not created ({code})"));
            }
            (None, _) => {}
        }
    }

    fn order(&self, key: &[u8]) -> Option<Stored> {
        let record = self.store.get(Table::Order, key).ok()??;
        Some(read(&record).expect("it was readable when it was written"))
    }

    fn find(&self, id: OrderId) -> Option<Stored> {
        let all = self.store.list(Table::Order).ok()?;
        all.iter().filter_map(|(_, record)| read(record).ok()).find(|stored| stored.id == Some(id))
    }

    fn judge_change(&self, change: &Change) -> Result<bool, String> {
        let (before, after) = match change {
            Change::Put { table: Table::Order, key, value } => {
                let after =
                    read(value).map_err(|error| format!("the record cannot be read again: {error:?}"))?;
                (self.order(key), after)
            }
            Change::Delete { table: Table::Order, key } => {
                let before = self.order(key).map(|stored| stored.life);
                return match before.as_ref().map(OrderLife::stage) {
                    Some(Stage::Requested) => Ok(true),
                    other => Err(format!("an order is deleted in {other:?}")),
                };
            }
            _ => return Ok(false),
        };
        let Some(before) = before else {
            return match (after.life.stage(), after.life.cancelled()) {
                (Stage::Requested | Stage::Prepared { .. }, false) => Ok(true),
                other => Err(format!("a life begins as {other:?}")),
            };
        };
        if before.id.is_some() && before.id != after.id {
            return Err(format!("{:?} becomes {:?}", before.id, after.id));
        }
        let ends = !before.life.is_over() && matches!(after.life.stage(), Stage::Settled { .. });
        if after.due && !before.due && !ends {
            return Err(format!("a certificate becomes due in {:?}", after.life.stage()));
        }
        self.judge_step(&before, &after)?;
        Ok(true)
    }

    /// One event at a time, and only those of the table.
    fn judge_step(&self, before: &Stored, after: &Stored) -> Result<(), String> {
        let stored = before.due && !after.due;
        let (before, life) = (&before.life, &after.life);
        let cancelled = before.cancelled();
        if before.stage() == life.stage() {
            return match (cancelled, life.cancelled(), before.is_over()) {
                (false, true, false) => Ok(()),
                // The token has it now.
                (was, is, true) if stored && was == is => Ok(()),
                other => Err(format!("{:?} is written again: {other:?}", life.stage())),
            };
        }
        if cancelled != life.cancelled() {
            return Err(format!("the mark changes from {:?} to {:?}", before.stage(), life.stage()));
        }
        let same =
            |a: &[u8], b: &[u8]| if a == b { Ok(()) } else { Err("order or answer changes".to_owned()) };
        use Stage as S;
        match (before.stage(), life.stage()) {
            (S::Requested, S::Prepared { .. } | S::NotCreated { .. }) => Ok(()),
            (S::Prepared { order: a }, S::Sent { order: b })
            | (S::Sent { order: a } | S::Shown { order: a }, S::Prepared { order: b })
            | (S::Sent { order: a }, S::Shown { order: b }) => same(a, b),
            (S::Sent { order: a } | S::Shown { order: a }, S::Decided { order: b, answer }) => {
                let mut notes = self.notes.lock().unwrap();
                if !notes.judged {
                    notes.unjudged.insert(answer.clone());
                }
                same(a, b)
            }
            (S::Decided { order: a, answer: x }, S::Submitted { order: b, answer: y }) if !cancelled => {
                same(a, b)?;
                same(x, y)
            }
            (
                S::Prepared { order: a } | S::Sent { order: a } | S::Shown { order: a },
                S::Settled { order: b, answer: None, receipt },
            ) => {
                same(a, b)?;
                self.judge_receipt(a, receipt)
            }
            (
                S::Decided { order: a, answer: x } | S::Submitted { order: a, answer: x },
                S::Settled { order: b, answer: Some(y), receipt },
            ) => {
                same(a, b)?;
                same(x, y)?;
                self.judge_receipt(a, receipt)
            }
            (from, to) => Err(format!("{from:?} becomes {to:?} (cancelled: {cancelled})")),
        }
    }

    fn judge_receipt(&self, order: &[u8], receipt: &[u8]) -> Result<(), String> {
        let mut notes = self.notes.lock().unwrap();
        let Some(truth) = &notes.truth else { return Ok(()) };
        let order = Order::receive(order).unwrap().trust_own().unwrap();
        let receipt = Receipt::verify(receipt, &truth.receipts, &RingVerifier)
            .map_err(|refusal| format!("a receipt that the bank did not sign: {refusal:?}"))?;
        if receipt.order != order.id() || receipt.order_hash != order.hash() {
            return Err("the receipt of another order".to_owned());
        }
        notes.about_to_end.push((order.id(), receipt.outcome));
        Ok(())
    }

    fn judge_submission(&self, id: OrderId, body: &[u8]) -> Result<(), String> {
        let stored = self.find(id).ok_or("an answer for an order that is not stored")?;
        let (Stage::Submitted { order, answer }, false) = (stored.life.stage(), stored.life.cancelled())
        else {
            let (stage, cancelled) = (stored.life.stage(), stored.life.cancelled());
            return Err(format!("submitted in {stage:?}, cancelled: {cancelled}"));
        };
        if answer != body {
            return Err("submitted is not what is stored".to_owned());
        }
        let order = Order::receive(order).unwrap().trust_own().unwrap();
        let mut notes = self.notes.lock().unwrap();
        let Some(truth) = notes.truth.clone() else { return Ok(()) };
        let single = Sign1::parse_sequence(body, 2).is_ok_and(|parts| parts.len() == 1);
        match (Authorization::receive(body), Attestation::verify(body, &truth.device, &RingVerifier)) {
            (Ok(authorization), _) if single => {
                let by = |decision, key| authorization.clone().verify(decision, key, &RingVerifier).is_ok();
                if authorization.payload().about.order_hash != order.hash() {
                    return Err("an authorization of another order".to_owned());
                }
                if by(Decision::Rejected, &truth.device) || by(Decision::Approved, &truth.pay) {
                    notes.tally.verified += 1;
                } else if by(Decision::Approved, &truth.device) || !notes.unjudged.contains(body) {
                    return Err("an authorization by a key that may not sign it".to_owned());
                } else {
                    notes.tally.unjudged += 1;
                }
            }
            (Err(_), Ok((attestation, _))) if single => {
                let transfer = matches!(order.payload().operation, Operation::Transfer(_));
                if transfer || attestation.about.order_hash != order.hash() {
                    return Err("an attestation for another order".to_owned());
                }
                notes.tally.verified += 1;
            }
            (Err(_), Err(refusal)) if single && refusal.code == Code::BadSignature => {
                return Err("an attestation that somebody else signed".to_owned());
            }
            _ => notes.tally.unreadable += 1,
        }
        Ok(())
    }
}

impl Store for Witness {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
        self.store.get(table, key)
    }

    fn list(&self, table: Table) -> Result<Records, Error> {
        self.store.list(table)
    }

    fn commit(&self, changes: &[Change]) -> Result<(), Error> {
        for change in changes {
            match self.judge_change(change) {
                Ok(step) => self.notes.lock().unwrap().tally.steps += u64::from(step),
                Err(violation) => self.objects(violation),
            }
        }
        let done = self.store.commit(changes);
        let mut notes = self.notes.lock().unwrap();
        for (order, outcome) in std::mem::take(&mut notes.about_to_end) {
            // A disk that is full has kept nothing.
            if done.is_ok() {
                notes.tally.receipts += 1;
                notes.ends.insert(order, outcome);
            }
        }
        done
    }

    fn health(&self) -> Result<Health, Error> {
        self.store.health()
    }
}

#[async_trait]
impl BankHttp for Witness {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, Error> {
        let order =
            request.path.strip_prefix("/v1/orders/").and_then(|rest| rest.strip_suffix("/authorization"));
        if let Some(id) = order.and_then(OrderId::parse)
            && let Err(violation) = self.judge_submission(id, &request.body)
        {
            self.objects(violation);
        }
        if request.path == ushield_bank_api::route::ORDERS {
            let asked = serde_json::from_slice::<OrderRequest>(&request.body);
            if let Err(error) = asked {
                self.objects(format!("a request that the bank cannot read: {error}"));
            }
        }
        self.bank.call(request).await
    }
}

/// The record's id and life; the rest is the client's own affair.
fn read(record: &[u8]) -> Result<Stored, DecodeError> {
    let mut reader = Reader::new(record);
    let mut map = reader.map(7)?;
    map.required(&mut reader, 1)?;
    reader.bytes(16, 16)?;
    map.required(&mut reader, 2)?;
    reader.bytes(0, 8192)?;
    map.required(&mut reader, 3)?;
    reader.uint()?;
    let id = match map.optional(&mut reader, 4)? {
        true => OrderId::from_slice(reader.bytes(16, 16)?),
        false => None,
    };
    if map.optional(&mut reader, 5)? {
        reader.bytes(16, 16)?;
    }
    map.required(&mut reader, 6)?;
    let life = OrderLife::decode(reader.bytes(1, 16_384)?)?;
    let due = map.optional(&mut reader, 7)? && reader.uint()? == 1;
    map.finish(&mut reader)?;
    reader.end()?;
    Ok(Stored { id, life, due })
}
