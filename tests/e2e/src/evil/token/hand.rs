//! The token's signing hand: its keys, and what they sign about an order.

use ushield_protocol::attestation::Attestation;
use ushield_protocol::authorization::{About, AuthorizationPayload, Uv};
use ushield_protocol::cose::{Tag, sign1};
use ushield_protocol::csr;
use ushield_protocol::key::{DeviceId, Hash, PhoneId, Sign as _, SigningKey, sha256};
use ushield_protocol::message::Role;
use ushield_protocol::order::{Operation, Order, Verified};
use ushield_protocol::render::{Notices, Profile, pages};

/// Firmware 1.0.
pub(super) const FIRMWARE: u16 = 0x0100;

/// Keys and counters. A script may sign with them whatever it likes.
#[derive(Debug)]
pub struct Hand {
    /// The token.
    pub id: DeviceId,
    /// Key `device`.
    pub device: SigningKey,
    /// Key `pay`.
    pub pay: SigningKey,
    approvals: (u32, Hash),
    rejections: (u32, Hash),
}

impl Hand {
    pub(super) fn new(id: DeviceId, device: SigningKey, pay: SigningKey) -> Self {
        Self { id, device, pay, approvals: (0, Hash::ZERO), rejections: (0, Hash::ZERO) }
    }

    fn about(order: &Order<Verified>, uv: Uv) -> About {
        let pages = pages(order, Profile::Zh1, &Notices::default()).unwrap();
        About {
            operation: order.payload().operation.number(),
            order: order.id(),
            order_hash: order.hash(),
            pages: pages.digest(),
            profile: Profile::Zh1.number(),
            page_count: pages.count(),
            uv,
        }
    }

    /// What an approval of this order says.
    #[must_use]
    pub fn payload(&self, order: &Order<Verified>, uv: Uv) -> AuthorizationPayload {
        AuthorizationPayload {
            about: Self::about(order, uv),
            counter: self.approvals.0 + 1,
            previous: self.approvals.1,
            firmware: FIRMWARE,
            via: PhoneId::from([7; 8]),
            nonce: [9; 8],
        }
    }

    /// The approval by `pay`, or for a certificate order the attestation by `device`.
    pub fn approve(&mut self, order: &Order<Verified>) -> Vec<u8> {
        match &order.payload().operation {
            Operation::Transfer(_) => {
                let payload = self.payload(order, Uv::Phone).encode();
                self.approvals = (self.approvals.0 + 1, sha256(&[&payload]));
                sign1(Tag::Approve, &payload, &self.pay)
            }
            Operation::CertificateDownload(_) => self.attest(order, &self.pay),
        }
    }

    /// An attestation over any key.
    #[must_use]
    pub fn attest(&self, order: &Order<Verified>, key: &SigningKey) -> Vec<u8> {
        let attestation = Attestation {
            about: Self::about(order, Uv::Phone),
            role: Role::Pay,
            key: key.public_key(),
            request: csr::make(&self.id, Role::Pay, key).unwrap(),
            firmware: FIRMWARE,
            via: PhoneId::from([7; 8]),
        };
        sign1(Tag::Attest, &attestation.encode(), &self.device)
    }

    /// The rejection by `device`.
    pub fn reject(&mut self, order: &Order<Verified>) -> Vec<u8> {
        let (counter, previous) = self.rejections;
        let payload =
            AuthorizationPayload { counter: counter + 1, previous, ..self.payload(order, Uv::None) }.encode();
        self.rejections = (counter + 1, sha256(&[&payload]));
        sign1(Tag::Reject, &payload, &self.device)
    }
}
