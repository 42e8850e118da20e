//! Intent, signature, answer (section 11, approving).
//!
//! An intent is one record: everything that will be signed, counter and nonce included. It is finished when the order's
//! pair is stored; until then every start of the token finishes it, and signs exactly it.

use alloc::vec::Vec;

use ushield_protocol::attestation::Attestation;
use ushield_protocol::authorization::{About, AuthorizationPayload, Decision, Uv};
use ushield_protocol::cose::{Tag, sign1};
use ushield_protocol::csr;
use ushield_protocol::key::{Hash, KeyId, OrderId, PhoneId, Sign, SigningKey, sha256};
use ushield_protocol::message::Role;
use ushield_protocol::order::{CertificateDownload, Operation, Order, Verified};
use ushield_protocol::planted::{self, Bug};
use ushield_protocol::render::Pages;
use zeroize::Zeroizing;

use super::answers::Summary;
use super::record::Fields;
use super::{AnswerClass, Kind, Vault, small};
use crate::Fault;
use crate::hal::Board;
use crate::store::StoreFault;

/// What the customer decides about: the order, as it was shown.
#[derive(Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub(crate) order: &'a Order<Verified>,
    pub(crate) pages: &'a Pages,
    pub(crate) via: PhoneId,
}

/// One statement at a time for each of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slot {
    Rejection,
    Approval,
    AttestPay,
    AttestLogin,
}

impl Slot {
    const ALL: [Self; 4] = [Self::Rejection, Self::Approval, Self::AttestPay, Self::AttestLogin];

    const fn key(self) -> [u8; 4] {
        small(match self {
            Self::Rejection => 1,
            Self::Approval => 2,
            Self::AttestPay => 3,
            Self::AttestLogin => 4,
        })
    }

    const fn of_role(role: Role) -> Self {
        match role {
            Role::Pay => Self::AttestPay,
            Role::Login => Self::AttestLogin,
        }
    }

    /// The role of the key that an attestation is about.
    const fn role(self) -> Option<Role> {
        match self {
            Self::AttestPay => Some(Role::Pay),
            Self::AttestLogin => Some(Role::Login),
            Self::Rejection | Self::Approval => None,
        }
    }

    fn tag(self) -> Tag {
        match self {
            Self::Rejection => Decision::Rejected.tag(),
            Self::Approval => Decision::Approved.tag(),
            Self::AttestPay | Self::AttestLogin => Tag::Attest,
        }
    }

    const fn class(self) -> AnswerClass {
        match self {
            Self::Rejection => AnswerClass::Rejection,
            Self::Approval | Self::AttestPay | Self::AttestLogin => AnswerClass::Approval,
        }
    }
}

/// What will be signed, as stored.
struct Intent {
    order: OrderId,
    summary: Summary,
    /// The new key of an attestation.
    secret: Zeroizing<[u8; 32]>,
    payload: Vec<u8>,
}

impl Intent {
    fn parse(value: &[u8]) -> Result<Self, StoreFault> {
        let mut fields = Fields(value);
        Ok(Self {
            order: OrderId::from_slice(&fields.take::<16>()?).ok_or(StoreFault::Corrupt)?,
            summary: Summary::read(&mut fields)?,
            secret: Zeroizing::new(fields.take()?),
            payload: Vec::from(fields.rest()),
        })
    }
}

impl<B: Board> Vault<B> {
    /// Approves. The answer is durable when this returns.
    pub(crate) fn approve(&mut self, subject: Subject<'_>) -> Result<Vec<u8>, Fault> {
        match &subject.order.payload().operation {
            Operation::Transfer(_) => {
                let key = self.role_key(Role::Pay)?;
                self.authorize(Slot::Approval, &key, subject, Uv::Phone)
            }
            Operation::CertificateDownload(download) => self.attest(download, subject),
        }
    }

    /// Rejects. The answer is durable when this returns.
    pub(crate) fn reject(&mut self, subject: Subject<'_>) -> Result<Vec<u8>, Fault> {
        let key = self.device_key()?;
        self.authorize(Slot::Rejection, &key, subject, Uv::None)
    }

    fn authorize(
        &mut self,
        slot: Slot,
        key: &SigningKey,
        subject: Subject<'_>,
        uv: Uv,
    ) -> Result<Vec<u8>, Fault> {
        let signer = key.public_key().key_id();
        let (last, previous) = self.chain(slot, &signer)?;
        let payload = AuthorizationPayload {
            about: self.about(subject, uv),
            counter: last.checked_add(1).ok_or(StoreFault::Full)?,
            previous,
            firmware: self.me.firmware,
            via: subject.via,
            nonce: self.random()?,
        };
        let intent = Intent {
            order: subject.order.id(),
            summary: Summary::of(subject.order.payload(), subject.order.hash(), signer),
            secret: Zeroizing::new([0; 32]),
            payload: payload.encode(),
        };
        Ok(self.decide(slot, &intent, key)?)
    }

    fn attest(&mut self, download: &CertificateDownload, subject: Subject<'_>) -> Result<Vec<u8>, Fault> {
        let device = self.device_key()?;
        let (secret, key) = self.make_key()?;
        let request = csr::make(&self.me.device, download.role, &key).ok_or(StoreFault::Corrupt)?;
        let payload = Attestation {
            about: self.about(subject, Uv::Phone),
            role: download.role,
            key: key.public_key(),
            request,
            firmware: self.me.firmware,
            via: subject.via,
        };
        let signer = device.public_key().key_id();
        let intent = Intent {
            order: subject.order.id(),
            summary: Summary::of(subject.order.payload(), subject.order.hash(), signer),
            secret,
            payload: payload.encode(),
        };
        Ok(self.decide(Slot::of_role(download.role), &intent, &device)?)
    }

    fn about(&self, subject: Subject<'_>, uv: Uv) -> About {
        About {
            operation: subject.order.payload().operation.number(),
            order: subject.order.id(),
            order_hash: subject.order.hash(),
            pages: subject.pages.digest(),
            profile: self.me.profile.number(),
            page_count: subject.pages.count(),
            uv,
        }
    }

    /// Counter and hash of the last statement by a key.
    fn chain(&self, slot: Slot, signer: &KeyId) -> Result<(u32, Hash), StoreFault> {
        match self.intent(slot)? {
            Some(last) if last.summary.key == *signer => {
                let payload = AuthorizationPayload::decode(&last.payload).map_err(|_| StoreFault::Corrupt)?;
                Ok((payload.counter, sha256(&[&last.payload])))
            }
            _ => Ok((0, Hash::ZERO)),
        }
    }

    /// Whether a role's key has signed a decision, or has to: an intent is signed in any case.
    pub(super) fn has_signed(&self, role: Role, key: &KeyId) -> Result<bool, StoreFault> {
        match role {
            Role::Pay => Ok(self.intent(Slot::Approval)?.is_some_and(|last| last.summary.key == *key)),
            // No operation that this token implements is approved by it.
            Role::Login => Ok(false),
        }
    }

    fn intent(&self, slot: Slot) -> Result<Option<Intent>, StoreFault> {
        self.get(Kind::Intent, &slot.key()).map(|value| Intent::parse(&value)).transpose()
    }

    /// The orders of all intents.
    pub(super) fn intended_orders(&self) -> Result<Vec<[u8; 16]>, StoreFault> {
        self.all(Kind::Intent).map(|entry| self.part(&entry, 0)).collect()
    }

    fn decide(&mut self, slot: Slot, intent: &Intent, key: &SigningKey) -> Result<Vec<u8>, StoreFault> {
        self.make_room(slot.class(), intent.summary.issued)?;
        let parts: [&[u8]; 4] =
            [intent.order.as_bytes(), &intent.summary.encode(), intent.secret.as_slice(), &intent.payload];
        if planted::on(Bug::CounterAfterSignature) {
            let answer = self.finish(slot, intent, key)?;
            self.put(Kind::Intent, &slot.key(), &parts)?;
            return Ok(answer);
        }
        if planted::on(Bug::ReleasedBeforeStored) {
            // Whatever was put off until now.
            self.finish_interrupted()?;
        }
        self.put(Kind::Intent, &slot.key(), &parts)?;
        if planted::on(Bug::ReleasedBeforeStored) && slot.role().is_none() {
            return Ok(sign1(slot.tag(), &intent.payload, key));
        }
        self.finish(slot, intent, key)
    }

    /// From the stored intent to the stored answer. Doing it again changes nothing: signatures are deterministic.
    fn finish(&mut self, slot: Slot, intent: &Intent, key: &SigningKey) -> Result<Vec<u8>, StoreFault> {
        let bytes = sign1(slot.tag(), &intent.payload, key);
        if let Some(role) = slot.role() {
            self.put_pending_key(&intent.order, role, &intent.secret)?;
        }
        self.put_answer(&intent.order, slot.class(), &intent.summary, &bytes)?;
        self.raise_floor(intent.summary.issued)?;
        self.put_tombstone(&intent.order, slot.class(), &intent.summary)?;
        Ok(bytes)
    }

    /// Signs the intents that a power cut left unfinished.
    pub(super) fn finish_interrupted(&mut self) -> Result<(), StoreFault> {
        for slot in Slot::ALL {
            let Some(intent) = self.intent(slot)? else { continue };
            if self.is_finished(&intent.order) {
                continue;
            }
            let key = match slot {
                Slot::Approval => self.role_key(Role::Pay)?,
                Slot::Rejection | Slot::AttestPay | Slot::AttestLogin => self.device_key()?,
            };
            if key.public_key().key_id() != intent.summary.key {
                return Err(StoreFault::Corrupt);
            }
            self.finish(slot, &intent, &key)?;
        }
        Ok(())
    }
}
