//! What a bank finds about an answer (section 12, steps 2 to 4 and 7).

use ushield_protocol::attestation::Attestation;
use ushield_protocol::authorization::{About, AuthorizationPayload, Decision, Uv};
use ushield_protocol::code::Code;
use ushield_protocol::cose::{Tag, sign1};
use ushield_protocol::csr;
use ushield_protocol::key::{DeviceId, Hash, KeyId, Sign, SigningKey};
use ushield_protocol::message::Role;
use ushield_protocol::order::{Order, Verified};
use ushield_protocol::render::{Notices, PaidBefore, Profile, pages};
use ushield_protocol::verify::{
    Anomaly, KeyRecord, Neighbours, OrderRecord, Records, attestation, authorization, is_attestation,
};

use crate::reading::order;
use crate::support::{Both, array, bytes, public_key, signing_key, statement, vectors};

#[derive(Clone)]
pub(crate) struct Bank {
    order: Order<Verified>,
    keys: Vec<KeyRecord>,
    profile: Profile,
    uv: Uv,
    neighbours: Neighbours,
    alike: Vec<PaidBefore>,
}

impl Bank {
    pub(crate) fn new(name: &str) -> Self {
        let key =
            |label, decision| KeyRecord { key: public_key(label), decision, active: true, watermark: 0 };
        Self {
            order: order(name, &Both),
            keys: vec![key("pay", Decision::Approved), key("device", Decision::Rejected)],
            profile: Profile::Zh1,
            uv: Uv::Phone,
            neighbours: Neighbours::default(),
            alike: Vec::new(),
        }
    }

    /// A good answer's content.
    pub(crate) fn answer(&self) -> AuthorizationPayload {
        AuthorizationPayload {
            about: self.about(Uv::Phone),
            counter: 1,
            previous: Hash::ZERO,
            firmware: 0x0100,
            via: public_key("phone").phone_id(),
            nonce: [7; 8],
        }
    }

    fn about(&self, uv: Uv) -> About {
        let shown = pages(&self.order, self.profile, &Notices::default()).unwrap();
        About {
            operation: self.order.payload().operation.number(),
            order: self.order.id(),
            order_hash: self.order.hash(),
            pages: shown.digest(),
            profile: self.profile.number(),
            page_count: shown.count(),
            uv,
        }
    }
}

impl Records for Bank {
    fn order(&self, hash: &Hash) -> Option<OrderRecord> {
        let Self { keys, profile, uv, .. } = self.clone();
        (*hash == self.order.hash()).then(|| OrderRecord {
            bytes: self.order.bytes().to_vec(),
            keys,
            profile,
            uv,
        })
    }

    fn neighbours(&self, _: &KeyId, _: u32, _: &Hash) -> Neighbours {
        self.neighbours
    }

    fn approved_alike(&self, _: &KeyId, _: &Order<Verified>) -> Vec<PaidBefore> {
        self.alike.clone()
    }
}

pub(crate) fn approved(payload: &AuthorizationPayload) -> Vec<u8> {
    sign1(Tag::Approve, &payload.encode(), &signing_key("pay"))
}

fn refused(bank: &Bank, bytes: &[u8]) -> Code {
    authorization(bytes, bank, &Both).unwrap_err().code
}

#[test]
fn good_answers_are_found_without_anything_against_them() {
    let bank = Bank::new("transfer-realistic");
    let of_vectors = bytes(&statement("authorization")["cose"]);
    for answer in [of_vectors, approved(&bank.answer())] {
        let finding = authorization(&answer, &bank, &Both).unwrap();
        assert_eq!((finding.anomaly, finding.objection), (None, None));
        assert_eq!(finding.authorization.decision(), Decision::Approved);
        assert_eq!(finding.order.id(), bank.order.id());
        assert_eq!(finding.key.key, public_key("pay"));
        assert!(!is_attestation(&answer));
    }
    let no = AuthorizationPayload { about: bank.about(Uv::None), ..bank.answer() };
    let no = sign1(Tag::Reject, &no.encode(), &signing_key("device"));
    let finding = authorization(&no, &bank, &Both).unwrap();
    assert_eq!(finding.authorization.decision(), Decision::Rejected);
    assert_eq!((finding.anomaly, finding.objection), (None, None));
}

#[test]
fn what_is_not_authentic_leaves_no_trace() {
    let bank = Bank::new("transfer-realistic");
    let good = bank.answer();
    assert_eq!(refused(&bank, b""), Code::BadAuthorization);
    assert_eq!(refused(&bank, &[0x84]), Code::BadAuthorization);
    let by = |key: &str, tag| refused(&bank, &sign1(tag, &good.encode(), &signing_key(key)));
    assert_eq!(by("next-pay", Tag::Approve), Code::BadAuthorization);
    assert_eq!(by("pay", Tag::Attest), Code::BadAuthorization);
    assert_eq!(by("device", Tag::Approve), Code::RejectionAsApproval);
    assert_eq!(by("pay", Tag::Login), Code::RejectionAsApproval);

    let other = Bank::new("certificate-pay");
    assert_eq!(refused(&other, &approved(&good)), Code::UnknownOrder);
    let mut wrong_id = good;
    wrong_id.about.order = other.order.id();
    assert_eq!(refused(&bank, &approved(&wrong_id)), Code::BadAuthorization);
    // "A rejection says 0" (section 8.4).
    let no = sign1(Tag::Reject, &good.encode(), &signing_key("device"));
    assert_eq!(refused(&bank, &no), Code::BadAuthorization);
}

#[test]
fn two_states_of_one_key_are_seen() {
    let bank = Bank::new("transfer-realistic");
    let good = bank.answer();
    let hash = ushield_protocol::key::sha256(&[&good.encode()]);
    let other = Hash::from([9; 32]);
    let found = |bank: &Bank, payload: &AuthorizationPayload| {
        authorization(&approved(payload), bank, &Both).unwrap().anomaly
    };
    let with = |neighbours| Bank { neighbours, ..bank.clone() };
    let none = Neighbours::default();
    let cases = [
        (Neighbours { same_counter: Some(other), ..none }, Some(Anomaly::CounterReused)),
        (Neighbours { same_counter: Some(hash), ..none }, None),
        (Neighbours { same_previous: Some(other), ..none }, Some(Anomaly::Fork)),
        (Neighbours { same_previous: Some(hash), ..none }, None),
        (Neighbours { before: Some(other), ..none }, Some(Anomaly::BrokenChain)),
        (Neighbours { after_previous: Some(other), ..none }, Some(Anomaly::BrokenChain)),
        (Neighbours { after_previous: Some(hash), ..none }, None),
    ];
    for (neighbours, anomaly) in cases {
        assert_eq!(found(&with(neighbours), &good), anomaly, "{neighbours:?}");
    }
    let second = AuthorizationPayload { counter: 2, previous: other, ..good };
    assert_eq!(found(&with(Neighbours { before: Some(other), ..none }), &second), None);
    assert_eq!(found(&with(Neighbours { before: Some(hash), ..none }), &second), Some(Anomaly::BrokenChain));
    // A gap is recorded, never refused.
    assert_eq!(found(&bank, &AuthorizationPayload { counter: 900, ..second }), None);
    // Zeros are the predecessor of the first, and of no other.
    assert_eq!(found(&bank, &AuthorizationPayload { counter: 2, ..good }), Some(Anomaly::BrokenChain));
    assert_eq!(
        found(&bank, &AuthorizationPayload { counter: 1, previous: other, ..good }),
        Some(Anomaly::BrokenChain)
    );

    let mut marked = bank.clone();
    marked.keys[0].watermark = 2;
    assert_eq!(found(&marked, &second), Some(Anomaly::BelowWatermark));
    assert_eq!(found(&marked, &AuthorizationPayload { counter: 3, ..second }), None);
}

#[test]
fn what_must_not_be_executed_is_said() {
    let bank = Bank::new("transfer-realistic");
    let good = bank.answer();
    let objection = |bank: &Bank, change: fn(&mut About)| {
        let mut payload = good;
        change(&mut payload.about);
        authorization(&approved(&payload), bank, &Both).unwrap().objection
    };
    assert_eq!(objection(&bank, |_| ()), None);
    assert_eq!(objection(&bank, |about| about.pages = Hash::ZERO), Some(Code::PagesDiffer));
    assert_eq!(objection(&bank, |about| about.page_count += 1), Some(Code::PagesDiffer));
    assert_eq!(objection(&bank, |about| about.profile = 2), Some(Code::PagesDiffer));
    assert_eq!(objection(&bank, |about| about.operation = 5), Some(Code::PagesDiffer));
    assert_eq!(objection(&bank, |about| about.uv = Uv::None), Some(Code::PinPolicy));
    assert_eq!(objection(&bank, |about| about.uv = Uv::Token), None);
    let english = Bank { profile: Profile::En1, ..bank.clone() };
    assert_eq!(objection(&english, |_| ()), Some(Code::PagesDiffer));
    let strict = Bank { uv: Uv::Token, ..bank.clone() };
    assert_eq!(objection(&strict, |_| ()), Some(Code::PinPolicy));
    let mut frozen = bank.clone();
    frozen.keys[0].active = false;
    assert_eq!(objection(&frozen, |_| ()), Some(Code::KeyNotActive));
}

#[test]
fn a_warning_is_accepted_only_for_an_order_that_was_approved() {
    let before = PaidBefore { order: order("certificate-pay", &Both).id(), issued: 1_795_319_000 };
    let bank = Bank::new("transfer-realistic");
    let shown = pages(&bank.order, Profile::Zh1, &Notices { paid_before: Some(before) }).unwrap();
    let mut warned = bank.answer();
    warned.about.pages = shown.digest();
    warned.about.page_count = shown.count();
    let objection = |bank: &Bank, payload| authorization(&approved(payload), bank, &Both).unwrap().objection;
    assert_eq!(objection(&bank, &warned), Some(Code::PagesDiffer));
    let knows = Bank { alike: vec![before], ..bank };
    assert_eq!(objection(&knows, &warned), None);
    assert_eq!(objection(&knows, &knows.answer()), None, "a token may have forgotten");
}

#[test]
fn an_attestation_is_for_its_order_and_its_key() {
    let bank = Bank::new("certificate-pay");
    let device = public_key("device");
    let good = bytes(&statement("attestation-pay")["cose"]);
    assert!(is_attestation(&good));
    let finding = attestation(&good, &device, &bank, &Both).unwrap();
    assert_eq!((finding.objection, finding.attestation.key), (None, public_key("pay")));
    assert_eq!(
        attestation(&good, &public_key("pay"), &bank, &Both).unwrap_err().code,
        Code::BadAuthorization
    );
    let other = Bank::new("certificate-login");
    assert_eq!(attestation(&good, &device, &other, &Both).unwrap_err().code, Code::UnknownOrder);
    let english = Bank { profile: Profile::En1, ..bank.clone() };
    assert_eq!(attestation(&good, &device, &english, &Both).unwrap().objection, Some(Code::PagesDiffer));
    let strict = Bank { uv: Uv::Token, ..bank.clone() };
    assert_eq!(attestation(&good, &device, &strict, &Both).unwrap().objection, Some(Code::PinPolicy));

    let refused = |change: &dyn Fn(&mut Attestation)| {
        let mut content = finding.attestation.clone();
        change(&mut content);
        let made = sign1(Tag::Attest, &content.encode(), &signing_key("device"));
        attestation(&made, &device, &bank, &Both)
            .map(|finding| finding.objection)
            .map_err(|refusal| refusal.code)
    };
    let id = DeviceId::from(array(&vectors()["device_id"]));
    let next: SigningKey = signing_key("next-pay");
    let request = csr::make(&id, Role::Pay, &next).unwrap();
    assert_eq!(refused(&|_| ()), Ok(None));
    assert_eq!(refused(&|content| content.key = next.public_key()), Err(Code::BadAuthorization));
    assert_eq!(refused(&|content| content.request = request.clone()), Err(Code::BadAuthorization));
    assert_eq!(refused(&|content| content.role = Role::Login), Err(Code::BadAuthorization));
    assert_eq!(refused(&|content| content.about.operation = 6), Err(Code::BadAuthorization));
    assert_eq!(refused(&|content| content.about.order = other.order.id()), Err(Code::BadAuthorization));
    assert_eq!(refused(&|content| content.about.pages = Hash::ZERO), Ok(Some(Code::PagesDiffer)));
    // The same token's transfer order is no order for a certificate.
    let transfer = Bank::new("transfer-realistic");
    let mut about_money = finding.attestation.clone();
    about_money.about = transfer.about(Uv::Phone);
    about_money.about.operation = 5;
    let made = sign1(Tag::Attest, &about_money.encode(), &signing_key("device"));
    assert_eq!(attestation(&made, &device, &transfer, &Both).unwrap_err().code, Code::BadAuthorization);
}
