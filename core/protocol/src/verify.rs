//! Verification of what a token answered, as a bank does it (section 12, steps 2 to 4 and 7).
//!
//! The bank's own database stands behind [`Records`]; the signature check behind [`VerifySignature`]. Nothing here
//! decides what becomes of the order: that is the bank's transaction, with what this module found.

use alloc::vec::Vec;

use crate::attestation::Attestation;
use crate::authorization::{About, Authorization, Decision, Received, Uv, Verified};
use crate::code::Code;
use crate::cose::Sign1;
use crate::csr;
use crate::key::{DeviceId, Hash, KeyId, PublicKey, VerifySignature};
use crate::order::{self, Operation, Order};
use crate::refusal::Refusal;
use crate::render::{Notices, PaidBefore, Profile, pages};

/// What the verification asks of the bank's own database.
pub trait Records {
    /// The order with this hash, as the bank issued it.
    fn order(&self, hash: &Hash) -> Option<OrderRecord>;
    /// What other authorizations by `key` are recorded around `counter` and `previous`.
    fn neighbours(&self, key: &KeyId, counter: u32, previous: &Hash) -> Neighbours;
    /// Orders approved under `key` with the creditor account, scheme, currency and amount of `order`.
    fn approved_alike(&self, key: &KeyId, order: &Order<order::Verified>) -> Vec<PaidBefore>;
}

/// An order as the bank holds it.
#[derive(Clone, Debug)]
pub struct OrderRecord {
    /// The bytes that were issued.
    pub bytes: Vec<u8>,
    /// Keys of the customer and token that the order is for, each with what it may decide.
    pub keys: Vec<KeyRecord>,
    /// The render profile that this token registered.
    pub profile: Profile,
    /// The lowest form of customer verification that policy accepts for an approval.
    pub uv: Uv,
}

/// A token's key as the bank knows it.
#[derive(Clone, Copy, Debug)]
pub struct KeyRecord {
    /// The attested key.
    pub key: PublicKey,
    /// The one decision that it may sign.
    pub decision: Decision,
    /// Whether it is neither frozen nor revoked.
    pub active: bool,
    /// Highest counter recorded from this key before the order was first released.
    pub watermark: u32,
}

/// Recorded authorizations by the same key.
#[derive(Clone, Copy, Debug, Default)]
pub struct Neighbours {
    /// Payload hash recorded with the same counter.
    pub same_counter: Option<Hash>,
    /// Payload hash recorded with the same `previous`.
    pub same_previous: Option<Hash>,
    /// Payload hash recorded with the counter before.
    pub before: Option<Hash>,
    /// `previous` of the one recorded with the counter after.
    pub after_previous: Option<Hash>,
}

/// A sign of two states of one key: it freezes the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anomaly {
    /// The counter is not above the order's watermark.
    BelowWatermark,
    /// The counter was used with another payload.
    CounterReused,
    /// Another authorization names the same previous one.
    Fork,
    /// A recorded neighbour does not chain.
    BrokenChain,
}

/// An authentic authorization, and what was found about it.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The authorization.
    pub authorization: Authorization<Verified>,
    /// The order that it is about, from the bank's own database.
    pub order: Order<order::Verified>,
    /// The key that signed it.
    pub key: KeyRecord,
    /// Step 4.
    pub anomaly: Option<Anomaly>,
    /// Step 7, without time and order state: why an approval must not be executed.
    pub objection: Option<Code>,
}

/// Steps 2 to 4 and 7 for an authorization. An error leaves no trace on the order.
pub fn authorization(
    received: &[u8],
    records: &impl Records,
    verifier: &impl VerifySignature,
) -> Result<Finding, Refusal> {
    // (2) canonical form; (3) the order from the bank's own database, since it says whose keys to try.
    let authorization = Authorization::receive(received).map_err(bad)?;
    let record = records.order(&authorization.payload().about.order_hash).ok_or(Code::UnknownOrder)?;
    let order = Order::receive(&record.bytes)?.trust_own()?;
    // (2) a key of this customer, verified over the received bytes.
    let (authorization, key) = signed_by(&authorization, &record.keys, verifier)?;
    if authorization.payload().about.order != order.id() {
        return Err(Code::BadAuthorization.into());
    }
    // (4) signs of two states of one key.
    let anomaly = anomaly(&authorization, &key, records);
    // (7) what a bank must not execute.
    let objection = objection(&authorization, &order, &record, &key, records);
    Ok(Finding { authorization, order, key, anomaly, objection })
}

/// An authentic attestation of a new key, and what was found about it.
#[derive(Clone, Debug)]
pub struct AttestationFinding {
    /// What it says.
    pub attestation: Attestation,
    /// Hash of its payload: what deduplication uses.
    pub payload_hash: Hash,
    /// The certificate order that it answers.
    pub order: Order<order::Verified>,
    /// Why no certificate must be issued.
    pub objection: Option<Code>,
}

/// The same for the attestation that answers a first certificate's order.
pub fn attestation(
    received: &[u8],
    device: &PublicKey,
    records: &impl Records,
    verifier: &impl VerifySignature,
) -> Result<AttestationFinding, Refusal> {
    let (attestation, payload_hash) = Attestation::verify(received, device, verifier).map_err(bad)?;
    let record = records.order(&attestation.about.order_hash).ok_or(Code::UnknownOrder)?;
    let order = Order::receive(&record.bytes)?.trust_own()?;
    let role = match &order.payload().operation {
        Operation::CertificateDownload(download) => download.role,
        Operation::Transfer(_) => return Err(Code::BadAuthorization.into()),
    };
    let about = &attestation.about;
    if about.order != order.id()
        || about.operation != order.payload().operation.number()
        || attestation.role != role
    {
        return Err(Code::BadAuthorization.into());
    }
    let device = DeviceId::from(*order.payload().addressee.as_bytes());
    if !csr::is_for(&attestation.request, &device, role) {
        return Err(Code::BadAuthorization.into());
    }
    let shown = shown_as(about, &order, record.profile, &[Notices::default()]);
    let objection = match (shown, about.uv >= record.uv) {
        (false, _) => Some(Code::PagesDiffer),
        (_, false) => Some(Code::PinPolicy),
        _ => None,
    };
    Ok(AttestationFinding { attestation, payload_hash, order, objection })
}

/// Which of the two an answer to an order is: the bytes of an authorization and of an attestation differ in shape.
#[must_use]
pub fn is_attestation(received: &[u8]) -> bool {
    Sign1::parse(received).is_ok_and(|message| Attestation::decode(message.payload()).is_ok())
}

fn bad(refusal: Refusal) -> Refusal {
    Refusal { code: Code::BadAuthorization, ..refusal }
}

fn signed_by(
    authorization: &Authorization<Received>,
    keys: &[KeyRecord],
    verifier: &impl VerifySignature,
) -> Result<(Authorization<Verified>, KeyRecord), Refusal> {
    for key in keys {
        if let Ok(verified) = authorization.clone().verify(key.decision, &key.key, verifier) {
            return Ok((verified, *key));
        }
    }
    let other_role = keys.iter().any(|key| {
        let others = Decision::ALL.into_iter().filter(|decision| *decision != key.decision);
        others.into_iter().any(|other| authorization.clone().verify(other, &key.key, verifier).is_ok())
    });
    Err(if other_role { Code::RejectionAsApproval } else { Code::BadAuthorization }.into())
}

fn anomaly(
    authorization: &Authorization<Verified>,
    key: &KeyRecord,
    records: &impl Records,
) -> Option<Anomaly> {
    let payload = authorization.payload();
    let hash = authorization.payload_hash();
    let around = records.neighbours(&key.key.key_id(), payload.counter, &payload.previous);
    let other = |recorded: Option<Hash>| recorded.is_some_and(|recorded| recorded != hash);
    if payload.counter <= key.watermark {
        return Some(Anomaly::BelowWatermark);
    }
    if other(around.same_counter) {
        return Some(Anomaly::CounterReused);
    }
    if other(around.same_previous) {
        return Some(Anomaly::Fork);
    }
    let before = around.before.is_some_and(|before| before != payload.previous);
    let after = around.after_previous.is_some_and(|previous| previous != hash);
    let first = (payload.counter == 1) != (payload.previous == Hash::ZERO);
    (before || after || first).then_some(Anomaly::BrokenChain)
}

fn objection(
    authorization: &Authorization<Verified>,
    order: &Order<order::Verified>,
    record: &OrderRecord,
    key: &KeyRecord,
    records: &impl Records,
) -> Option<Code> {
    let about = &authorization.payload().about;
    if !key.active {
        return Some(Code::KeyNotActive);
    }
    if about.operation != order.payload().operation.number() {
        return Some(Code::PagesDiffer);
    }
    let mut notices = Vec::from([Notices::default()]);
    let alike = records.approved_alike(&key.key.key_id(), order);
    let issued = order.payload().issued;
    let within = |before: &PaidBefore| before.issued.abs_diff(issued) <= PaidBefore::WINDOW;
    notices.extend(alike.into_iter().filter(within).map(|before| Notices { paid_before: Some(before) }));
    if !shown_as(about, order, record.profile, &notices) {
        return Some(Code::PagesDiffer);
    }
    match authorization.decision() {
        Decision::Approved if about.uv < record.uv => Some(Code::PinPolicy),
        Decision::Approved | Decision::LoginApproved | Decision::Rejected => None,
    }
}

/// Whether the statement's digest is that of the pages as the registered profile shows them, with one of `notices`.
fn shown_as(about: &About, order: &Order<order::Verified>, profile: Profile, notices: &[Notices]) -> bool {
    about.profile == profile.number()
        && notices.iter().any(|notices| {
            pages(order, profile, notices)
                .is_ok_and(|pages| pages.count() == about.page_count && pages.digest() == about.pages)
        })
}
