//! What a token's replies about an order mean.

use proptest::prelude::*;
use ushield_protocol::account::Scheme;
use ushield_protocol::attestation::Attestation;
use ushield_protocol::authorization::{About, AuthorizationPayload, Uv};
use ushield_protocol::bank_key::{BankKey, Purpose};
use ushield_protocol::code::Code;
use ushield_protocol::cose::{Tag, sign1};
use ushield_protocol::csr;
use ushield_protocol::currency::Currency;
use ushield_protocol::key::{BankId, Hash, KeyId, OrderId, P256Verifier, PhoneId, Sign as _, SigningKey};
use ushield_protocol::message::{Reply, Request, Role};
use ushield_protocol::order::{
    Amount, CertificateDownload, NameCheck, Operation, Order, OrderPayload, Transfer, Verified,
};
use ushield_protocol::pin::PinBlock;
use ushield_session::delivery::{Delivery, Progress, TokenKeys, Verdict};
use ushield_session::order_life::{Event, OrderLife};

use crate::token::{NOW, id, shows_none, signing};

fn device() -> SigningKey {
    signing(0x77)
}

pub(crate) fn pay() -> SigningKey {
    signing(0x78)
}

fn bank() -> BankId {
    BankId::new("USHDCNBJ").unwrap()
}

pub(crate) fn transfer() -> Operation {
    Operation::Transfer(Transfer {
        debtor_account: "6222021001116245702".to_owned(),
        creditor_name: "杭州西湖龙井茶业有限公司".to_owned(),
        creditor_account: "6217001210024455220".to_owned(),
        scheme: Scheme::Domestic,
        creditor_agent: "中国建设银行杭州分行".to_owned(),
        amount: Amount::new(1_234_567, Currency::from_code("CNY").unwrap()).unwrap(),
        charges: None,
        name_check: NameCheck::Match,
        execution_date: None,
        remittance: "货款".to_owned(),
        beside: None,
    })
}

fn download() -> Operation {
    Operation::CertificateDownload(CertificateDownload {
        role: Role::Pay,
        customer: "张三".to_owned(),
        reference: "KH-1".to_owned(),
    })
}

/// A verified order of the bank.
pub(crate) fn order(n: u8, operation: Operation) -> Order<Verified> {
    let key = signing(0x60);
    let statement = BankKey {
        bank: bank(),
        epoch: 1,
        key: key.public_key(),
        purposes: vec![Purpose::TRANSFER, Purpose::CERTIFICATE_DOWNLOAD],
        not_before: NOW - 10,
        not_after: NOW + 86_400,
    };
    let payload = OrderPayload {
        bank: bank(),
        addressee: KeyId::from([4; 16]).into(),
        id: OrderId::from_random([n; 16]),
        challenge: [n; 32],
        issued: NOW,
        expires: NOW + 900,
        operation,
    };
    Order::receive(&payload.sign(&key).unwrap()).unwrap().verify(&statement, &P256Verifier).unwrap()
}

pub(crate) fn delivery(operation: Operation) -> Delivery {
    Delivery::new(order(1, operation), keys())
}

pub(crate) fn keys() -> TokenKeys {
    TokenKeys { device: device().public_key(), pay: Some(pay().public_key()) }
}

fn about(order: &Order<Verified>) -> About {
    About {
        operation: order.payload().operation.number(),
        order: order.id(),
        order_hash: order.hash(),
        pages: Hash::from([1; 32]),
        profile: 1,
        page_count: 5,
        uv: Uv::Phone,
    }
}

pub(crate) fn payload(order: &Order<Verified>) -> Vec<u8> {
    payload_with(order, Uv::Phone)
}

/// A rejection is not asked for a PIN.
fn rejection(order: &Order<Verified>) -> Vec<u8> {
    sign1(Tag::Reject, &payload_with(order, Uv::None), &device())
}

fn payload_with(order: &Order<Verified>, uv: Uv) -> Vec<u8> {
    AuthorizationPayload {
        about: About { uv, ..about(order) },
        counter: 1,
        previous: Hash::ZERO,
        firmware: 0x0100,
        via: PhoneId::from([7; 8]),
        nonce: [9; 8],
    }
    .encode()
}

fn attestation(order: &Order<Verified>, by: &SigningKey) -> Vec<u8> {
    let attestation = Attestation {
        about: about(order),
        role: Role::Pay,
        key: pay().public_key(),
        request: csr::make(&id(), Role::Pay, &pay()).unwrap(),
        firmware: 0x0100,
        via: PhoneId::from([7; 8]),
    };
    sign1(Tag::Attest, &attestation.encode(), by)
}

fn judge(delivery: &Delivery, answer: Vec<u8>) -> Result<Verdict, Code> {
    match delivery.handle(&Reply::ok(answer.clone()), &P256Verifier) {
        Ok(Progress::Answered(got)) => {
            assert_eq!(got.bytes, answer, "whole, as it came");
            Ok(got.verdict)
        }
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(error.code()),
    }
}

#[test]
fn an_approval_is_by_pay_and_a_rejection_by_device() {
    let ours = delivery(transfer());
    let payload = payload(&order(1, transfer()));
    assert_eq!(judge(&ours, sign1(Tag::Approve, &payload, &pay())), Ok(Verdict::Approved));
    assert_eq!(judge(&ours, rejection(&order(1, transfer()))), Ok(Verdict::Rejected));
    // One that claims a PIN is none.
    assert_eq!(judge(&ours, sign1(Tag::Reject, &payload, &device())), Err(Code::WrongAuthorization));
}

#[test]
fn every_other_key_and_tag_is_refused() {
    let ours = delivery(transfer());
    let payload = payload(&order(1, transfer()));
    let stranger = signing(1);
    for tag in Tag::ALL {
        if matches!(tag, Tag::Order | Tag::Receipt) {
            // Their header names a key, which no token's answer does: the bank reads it.
            continue;
        }
        for (key, name) in [(&pay(), "pay"), (&device(), "device"), (&stranger, "stranger")] {
            let expected = match (tag, name) {
                (Tag::Approve, "pay") => Ok(Verdict::Approved),
                (Tag::Approve, "device") => Err(Code::RejectionAsApproval),
                _ => Err(Code::WrongAuthorization),
            };
            assert_eq!(judge(&ours, sign1(tag, &payload, key)), expected, "{tag:?} by {name}");
        }
    }
}

#[test]
fn an_authorization_for_another_order_is_refused() {
    let ours = delivery(transfer());
    let theirs = payload(&order(2, transfer()));
    assert_eq!(judge(&ours, sign1(Tag::Approve, &theirs, &pay())), Err(Code::WrongAuthorization));
    assert_eq!(judge(&ours, rejection(&order(2, transfer()))), Err(Code::WrongAuthorization));
}

#[test]
fn without_the_certificate_the_phone_cannot_tell() {
    let keys = TokenKeys { device: device().public_key(), pay: None };
    let ours = Delivery::new(order(1, transfer()), keys);
    let payload = payload(&order(1, transfer()));
    assert_eq!(judge(&ours, sign1(Tag::Approve, &payload, &pay())), Ok(Verdict::Unreadable));
    assert_eq!(judge(&ours, rejection(&order(1, transfer()))), Ok(Verdict::Rejected));
    assert_eq!(judge(&ours, sign1(Tag::Approve, &payload, &device())), Err(Code::RejectionAsApproval));
}

#[test]
fn an_attestation_answers_a_certificate_order_of_its_own() {
    let ours = delivery(download());
    let order_ = order(1, download());
    assert_eq!(judge(&ours, attestation(&order_, &device())), Ok(Verdict::Attested));
    assert_eq!(judge(&ours, attestation(&order_, &pay())), Err(Code::WrongAuthorization));
    assert_eq!(judge(&ours, attestation(&order(2, download()), &device())), Err(Code::WrongAuthorization));
    assert_eq!(judge(&delivery(transfer()), attestation(&order_, &device())), Err(Code::WrongAuthorization));
    assert_eq!(judge(&ours, rejection(&order_)), Ok(Verdict::Rejected));
}

#[test]
fn what_cannot_be_read_is_handed_on_whole() {
    let ours = delivery(transfer());
    let approval = sign1(Tag::Approve, &payload(&order(1, transfer())), &pay());
    let mut newer = approval.clone();
    newer[0] = 0x85;
    for answer in [
        vec![0],
        vec![0xff; 4000],
        approval[..approval.len() - 1].to_vec(),
        [approval.clone(), vec![0]].concat(),
        [approval.clone(), approval].concat(),
        newer,
    ] {
        assert_eq!(judge(&ours, answer), Ok(Verdict::Unreadable));
    }
}

#[test]
fn replies_mean_what_the_document_says() {
    let ours = delivery(transfer());
    let event = |code, body: &[u8]| ours.handle(&Reply::event(code, body.to_vec()), &P256Verifier);
    assert_eq!(event(Code::Shown, &[]).unwrap(), Progress::Shown);
    assert_eq!(event(Code::PinNeeded, &[]).unwrap(), Progress::PinNeeded);
    assert_eq!(event(Code::PinWrong, &[3]).unwrap(), Progress::PinWrong { tries: 3 });
    assert_eq!(event(Code::LastTry, &[]).unwrap(), Progress::LastTry);
    let waiting = ours.handle(&Reply::status(Code::Waiting), &P256Verifier);
    assert_eq!(waiting.unwrap(), Progress::Waiting);
}

#[test]
fn every_other_reply_is_a_refusal_or_the_tokens_fault() {
    let ours = delivery(transfer());
    for code in Code::ALL.iter().copied().filter(|code| code.wire().is_some()) {
        let result = ours.handle(&Reply::status(code), &P256Verifier);
        match result {
            Ok(Progress::Waiting) => assert_eq!(code, Code::Waiting),
            Ok(other) => panic!("{code}: {other:?}"),
            Err(error) if code.is_refusal() => assert_eq!(error.code(), code),
            Err(error) => assert_eq!(error.code(), Code::TokenMisbehaved, "{code}"),
        }
        let known = [Code::Shown, Code::PinNeeded, Code::LastTry];
        let event = ours.handle(&Reply::event(code, Vec::new()), &P256Verifier);
        assert_eq!(event.is_ok(), known.contains(&code), "{code}");
        let with_body = ours.handle(&Reply::event(code, vec![1, 2]), &P256Verifier);
        assert_eq!(with_body.unwrap_err().code(), Code::TokenMisbehaved, "{code}");
    }
    let empty = ours.handle(&Reply::ok(Vec::new()), &P256Verifier);
    assert_eq!(empty.unwrap_err().code(), Code::TokenMisbehaved);
}

#[test]
fn commands_carry_the_order_whole() {
    let ours = delivery(transfer());
    let pin = PinBlock::new("204619").unwrap();
    let Request::Order { pin: Some(_), order: sent } = ours.request(Some(pin)) else { panic!() };
    assert_eq!(sent, order(1, transfer()).bytes());
    assert!(matches!(ours.request(None), Request::Order { pin: None, .. }));
    let Request::Collect { order: asked } = ours.collect() else { panic!() };
    assert_eq!((asked, ours.id()), (OrderId::from_random([1; 16]), OrderId::from_random([1; 16])));
}

#[test]
fn no_state_shows_what_the_customer_pays() {
    let ours = delivery(transfer());
    let secrets: [&[u8]; 4] =
        [b"6222021001116245702", b"6217001210024455220", "杭州西湖龙井茶业有限公司".as_bytes(), b"1234567"];
    shows_none(&ours, &secrets);
    let life = OrderLife::prepared(order(1, transfer()).bytes().to_vec());
    shows_none(&life, &secrets);
    shows_none(&Event::Created(order(1, transfer()).bytes().to_vec()), &secrets);
    shows_none(&ours.request(None), &secrets);
    let answer = sign1(Tag::Approve, &payload(&order(1, transfer())), &pay());
    let progress = ours.handle(&Reply::ok(answer.clone()), &P256Verifier).unwrap();
    shows_none(&progress, &[&answer[10..]]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_are_an_approval_by_accident(bytes in prop::collection::vec(any::<u8>(), 1..400)) {
        let judged = judge(&delivery(transfer()), bytes);
        prop_assert!(matches!(judged, Ok(Verdict::Unreadable) | Err(_)));
    }

    #[test]
    fn a_flipped_approval_is_none(at in 0..230_usize, bit in 0..8_u8) {
        let mut answer = sign1(Tag::Approve, &payload(&order(1, transfer())), &pay());
        let at = at % answer.len();
        answer[at] ^= 1 << bit;
        let judged = judge(&delivery(transfer()), answer);
        prop_assert!(matches!(judged, Ok(Verdict::Unreadable) | Err(Code::WrongAuthorization)), "{judged:?}");
    }
}
