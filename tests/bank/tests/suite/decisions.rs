//! The decision as a function: rows in, writes and reply out, nothing else. Any other home of it (a simulator, another
//! database) passes the same cases.

use ushield_bank::certificate::Ca;
use ushield_bank::decision::{
    Authority, Decision, KeyRow, Kind, OrderRow, Question, Recorded, Reply, Rows, Write, decide,
};
use ushield_bank::error::BankError;
use ushield_bank_api::OrderState;
use ushield_protocol::account::Scheme;
use ushield_protocol::authorization::{About, Decision as Said, Uv};
use ushield_protocol::code::Code;
use ushield_protocol::cose::{Tag, sign1};
use ushield_protocol::currency::Currency;
use ushield_protocol::key::{BankId, Hash, OrderId, RingVerifier, Sign as _, SigningKey};
use ushield_protocol::order::{Amount, NameCheck, Operation, OrderPayload, Transfer};
use ushield_protocol::receipt::Outcome;
use ushield_protocol::render::Notices;
use ushield_protocol::verify::Anomaly;

use crate::client::NOW;
use crate::token::{Chain, Maker, Token, read};

struct Model {
    bank: BankId,
    receipt_key: SigningKey,
    ca: Ca,
    token: Token,
    order: Vec<u8>,
    id: OrderId,
    rows: Rows,
}

impl Model {
    fn new() -> Self {
        let bank = BankId::new("DEMOCNBJ").unwrap();
        let token = Maker::new().token(1);
        let currency = Currency::from_code("CNY").unwrap();
        let transfer = Transfer {
            debtor_account: "111".to_owned(),
            creditor_name: "张伟".to_owned(),
            creditor_account: "222".to_owned(),
            scheme: Scheme::Domestic,
            creditor_agent: "中国银行".to_owned(),
            amount: Amount::new(500, currency).unwrap(),
            charges: Some(7),
            name_check: NameCheck::NotChecked,
            execution_date: None,
            remittance: String::new(),
            beside: None,
        };
        let payload = OrderPayload {
            bank: bank.clone(),
            addressee: token.pay.public_key().key_id().into(),
            id: OrderId::from_random([3; 16]),
            challenge: [4; 32],
            issued: NOW,
            expires: NOW + 900,
            operation: Operation::Transfer(transfer),
        };
        let order = payload.sign(&SigningKey::from_bytes(&[21; 32]).unwrap()).unwrap();
        let key = |key: &SigningKey, decision| KeyRow {
            key: key.public_key(),
            decision,
            active: true,
            watermark: 0,
        };
        let row = OrderRow {
            id: payload.id,
            hash: read(&order).hash(),
            bytes: order.clone(),
            device: token.id,
            profile: token.profile,
            expires: payload.expires,
            state: OrderState::Open,
            receipt: None,
            answered: false,
        };
        let rows = Rows {
            order: Some(row),
            keys: vec![key(&token.pay, Said::Approved), key(&token.device, Said::Rejected)],
            debtor_balance: 507,
            ..Rows::default()
        };
        let ca = Ca::new(SigningKey::from_bytes(&[22; 32]).unwrap(), "DEMOCNBJ", NOW).unwrap();
        let receipt_key = SigningKey::from_bytes(&[23; 32]).unwrap();
        Self { bank, receipt_key, ca, token, order, id: payload.id, rows }
    }

    fn try_decide(&self, received: &[u8], now: u64) -> Result<Decision, BankError> {
        let authority = Authority {
            bank: &self.bank,
            receipt_key: &self.receipt_key,
            ca: &self.ca,
            verifier: &RingVerifier,
        };
        decide(received, &self.id, now, &self.rows, &authority)
    }

    fn decide(&self, received: &[u8], now: u64) -> Decision {
        self.try_decide(received, now).unwrap()
    }

    fn order_row(&mut self) -> &mut OrderRow {
        self.rows.order.as_mut().unwrap()
    }

    fn approval(&self) -> Vec<u8> {
        self.token.approve(&self.order)
    }
}

/// How the order ends, if it does.
fn end(decision: &Decision) -> Option<(Outcome, Option<Code>)> {
    decision.writes.iter().find_map(|write| match write {
        Write::End(end) => Some((end.outcome, end.reason)),
        _ => None,
    })
}

fn moves_money(decision: &Decision) -> bool {
    decision.writes.iter().any(|write| matches!(write, Write::Post(..)))
}

fn code(reply: &Reply) -> Option<Code> {
    let problem: ushield_bank_api::Problem = serde_json::from_slice(&reply.body).ok()?;
    problem.code()
}

#[test]
fn an_approval_executes_and_everything_is_written_together() {
    let model = Model::new();
    let approval = model.approval();
    let decision = model.decide(&approval, NOW + 10);
    let [
        Write::Record(record),
        Write::Post(order, currency, postings),
        Write::End(end),
        Write::Reply(hash, reply),
    ] = decision.writes.as_slice()
    else {
        panic!("{:?}", decision.writes)
    };
    assert_eq!((record.kind, record.order, *order), (Kind::Approval, model.id, model.id));
    assert_eq!(record.bytes, approval);
    assert_eq!((currency.as_str(), postings.iter().map(|p| p.amount).sum::<i64>()), ("CNY", 0));
    assert_eq!(postings.iter().map(|p| p.amount).collect::<Vec<_>>(), [-507, 500, 7]);
    assert_eq!((end.outcome, end.ended), (Outcome::Executed, NOW + 10));
    assert_eq!((*hash, reply), (record.payload_hash, &decision.reply));
    // The same in, the same out, to the last byte.
    assert_eq!(model.decide(&approval, NOW + 10), decision);
}

#[test]
fn a_recorded_payload_has_its_stored_reply_whatever_else_is_so() {
    let mut model = Model::new();
    let stored = Reply { status: 418, media_type: "x/y".to_owned(), body: vec![1, 2, 3] };
    let approval = model.approval();
    model.rows = Rows { reply: Some(stored.clone()), ..Rows::default() };
    assert_eq!(model.decide(&approval, NOW * 2), Decision { writes: vec![], reply: stored });
}

#[test]
fn a_changed_byte_anywhere_moves_nothing_and_leaves_no_trace() {
    let model = Model::new();
    let approval = model.approval();
    assert!(moves_money(&model.decide(&approval, NOW)));
    for at in 0..approval.len() {
        let mut changed = approval.clone();
        changed[at] ^= 1 << (at % 8);
        let decision = model.decide(&changed, NOW);
        assert!(decision.writes.is_empty(), "byte {at}");
        let code = code(&decision.reply).unwrap();
        assert!(matches!(code, Code::BadAuthorization | Code::UnknownOrder), "byte {at}: {code}");
    }
    for cut in 0..approval.len() {
        assert!(model.decide(&approval[..cut], NOW).writes.is_empty());
    }
    let trailing = [approval.as_slice(), &[0]].concat();
    assert!(model.decide(&trailing, NOW).writes.is_empty());
}

#[test]
fn each_sign_of_two_states_freezes_the_key_and_refuses_the_order() {
    let (counter, previous, hash) = (5, Hash::from([5; 32]), Hash::from([99; 32]));
    let recorded = |key, counter, previous, payload_hash| Recorded { key, payload_hash, counter, previous };
    type Plant = Box<dyn Fn(&mut Model)>;
    let with = |counter: u32, previous: Hash, payload: Hash| -> Plant {
        Box::new(move |model: &mut Model| {
            let key = model.token.pay.public_key().key_id();
            model.rows.recorded.push(recorded(key, counter, previous, payload));
        })
    };
    let cases: [(Anomaly, Plant); 5] = [
        (Anomaly::BelowWatermark, Box::new(|model| model.rows.keys[0].watermark = 5)),
        (Anomaly::CounterReused, with(counter, Hash::from([1; 32]), hash)),
        (Anomaly::Fork, with(9, previous, hash)),
        (Anomaly::BrokenChain, with(counter - 1, Hash::from([1; 32]), hash)),
        (Anomaly::BrokenChain, with(counter + 1, Hash::from([1; 32]), hash)),
    ];
    for (anomaly, plant) in cases {
        let mut model = Model::new();
        model.token.pay_chain.set(Chain { counter: counter - 1, previous });
        let approval = model.approval();
        assert_eq!(end(&model.decide(&approval, NOW)), Some((Outcome::Executed, None)), "nothing planted");
        plant(&mut model);
        let decision = model.decide(&approval, NOW);
        let key = model.token.pay.public_key().key_id();
        assert!(matches!(&decision.writes[0], Write::RecordAnomaly(record, found)
            if *found == anomaly && record.bytes == approval));
        assert_eq!(decision.writes[1], Write::Freeze(key));
        assert_eq!(end(&decision), Some((Outcome::Refused, Some(Code::KeyFrozen))), "{anomaly:?}");
        assert!(!moves_money(&decision));
        // An order that has ended keeps its end, and the key is frozen all the same.
        model.order_row().state = OrderState::Cancelled;
        model.order_row().receipt = Some(vec![7]);
        let decision = model.decide(&approval, NOW);
        assert_eq!((decision.writes[1].clone(), end(&decision)), (Write::Freeze(key), None));
    }
}

#[test]
fn a_chain_that_fits_its_neighbours_is_none() {
    let mut model = Model::new();
    let (before, key) = (Hash::from([4; 32]), model.token.pay.public_key().key_id());
    model.token.pay_chain.set(Chain { counter: 4, previous: before });
    let approval = model.approval();
    let hash = Question::of(&approval).unwrap().payload_hash;
    let recorded = |counter, previous, payload_hash| Recorded { key, payload_hash, counter, previous };
    model.rows.recorded = vec![
        recorded(4, Hash::from([3; 32]), before),
        recorded(6, hash, Hash::from([6; 32])),
        // Another key's records are no neighbours.
        Recorded {
            key: model.token.device.public_key().key_id(),
            ..recorded(5, Hash::from([1; 32]), Hash::from([2; 32]))
        },
    ];
    assert_eq!(end(&model.decide(&approval, NOW)), Some((Outcome::Executed, None)));
}

#[test]
fn an_answer_is_recorded_even_when_it_comes_too_late_or_second() {
    let mut model = Model::new();
    let approval = model.approval();
    model.order_row().state = OrderState::Cancelled;
    model.order_row().receipt = Some(vec![42]);
    let decision = model.decide(&approval, NOW);
    assert!(matches!(decision.writes.as_slice(), [Write::Record(_), Write::Reply(..)]));
    let reply: ushield_bank_api::AuthorizationReply = serde_json::from_slice(&decision.reply.body).unwrap();
    assert_eq!(reply.receipt.as_bytes(), [42]);
    model.order_row().answered = true;
    let decision = model.decide(&approval, NOW);
    assert!(matches!(decision.writes.as_slice(), [Write::Record(_), Write::Reply(..)]));
    assert_eq!((decision.reply.status, code(&decision.reply)), (422, Some(Code::OtherAuthorization)));
}

#[test]
fn the_last_second_counts_and_the_next_does_not() {
    let model = Model::new();
    let (approval, rejection) = (model.approval(), model.token.reject(&model.order));
    assert_eq!(end(&model.decide(&approval, NOW + 900)), Some((Outcome::Executed, None)));
    assert_eq!(end(&model.decide(&approval, NOW + 901)), Some((Outcome::Expired, None)));
    assert_eq!(end(&model.decide(&rejection, NOW + 900)), Some((Outcome::Rejected, None)));
    assert_eq!(end(&model.decide(&rejection, NOW + 901)), Some((Outcome::Expired, None)));
}

#[test]
fn a_frozen_key_and_an_empty_account_refuse() {
    let mut model = Model::new();
    let approval = model.approval();
    model.rows.debtor_balance = 506;
    let decision = model.decide(&approval, NOW);
    assert_eq!(end(&decision), Some((Outcome::Refused, Some(Code::InsufficientFunds))));
    assert!(!moves_money(&decision));
    model.rows.keys[0].active = false;
    assert_eq!(end(&model.decide(&approval, NOW)), Some((Outcome::Refused, Some(Code::KeyNotActive))));
    // The device key is another key: a rejection still counts.
    let rejection = model.token.reject(&model.order);
    assert_eq!(end(&model.decide(&rejection, NOW)), Some((Outcome::Rejected, None)));
}

#[test]
fn who_declined_has_declined_whatever_the_pages() {
    let model = Model::new();
    let about = About { pages: Hash::ZERO, ..model.token.about(&model.order, &Notices::default(), Uv::None) };
    let payload = model.token.payload(about, &model.token.device_chain).encode();
    let rejection = sign1(Tag::Reject, &payload, &model.token.device);
    assert_eq!(end(&model.decide(&rejection, NOW)), Some((Outcome::Rejected, None)));
    // The same pages approved are refused.
    let about =
        About { pages: Hash::ZERO, ..model.token.about(&model.order, &Notices::default(), Uv::Phone) };
    let payload = model.token.payload(about, &model.token.pay_chain).encode();
    let approval = sign1(Tag::Approve, &payload, &model.token.pay);
    assert_eq!(end(&model.decide(&approval, NOW)), Some((Outcome::Refused, Some(Code::PagesDiffer))));
}

#[test]
fn an_amount_changed_between_order_and_execution_is_no_order() {
    let mut model = Model::new();
    let approval = model.approval();
    let issued = read(&model.order);
    let Operation::Transfer(mut transfer) = issued.payload().operation.clone() else { panic!() };
    transfer.amount = Amount::new(499, transfer.amount.currency()).unwrap();
    let altered = OrderPayload { operation: Operation::Transfer(transfer), ..issued.payload().clone() };
    let altered = altered.sign(&SigningKey::from_bytes(&[21; 32]).unwrap()).unwrap();
    let refused = |decision: Decision| {
        assert_eq!((decision.writes.len(), code(&decision.reply)), (0, Some(Code::UnknownOrder)))
    };
    // Other bytes under the hash that was approved, and the same with its own hash.
    model.order_row().bytes = altered.clone();
    refused(model.decide(&approval, NOW));
    model.order_row().hash = read(&altered).hash();
    refused(model.decide(&approval, NOW));
}

#[test]
fn a_rejection_that_claims_a_pin_is_malformed() {
    let model = Model::new();
    let about = model.token.about(&model.order, &Notices::default(), Uv::Phone);
    let payload = model.token.payload(about, &model.token.device_chain).encode();
    let decision = model.decide(&sign1(Tag::Reject, &payload, &model.token.device), NOW);
    assert_eq!((decision.writes.len(), code(&decision.reply)), (0, Some(Code::BadAuthorization)));
}
