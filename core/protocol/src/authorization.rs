//! What a token signs about an order: approval, approval of a login, rejection (section 8.4).

use alloc::vec::Vec;

use crate::bank_key::{read_version, write_version};
use crate::cbor::{DecodeError, Fields, Reader, Reason, Writer};
use crate::code::Code;
use crate::cose::{Sign1, Tag};
use crate::key::{Hash, OrderId, PhoneId, PublicKey, VerifySignature, sha256};
use crate::refusal::Refusal;

/// Longest authorization as COSE_Sign1.
pub const MAX_AUTHORIZATION: usize = 256;

/// How the customer was verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Uv {
    /// Not at all.
    None,
    /// PIN typed on the phone.
    Phone,
    /// PIN typed on the token.
    Token,
}

impl Uv {
    /// The number in a statement.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Uv::None => 0,
            Uv::Phone => 1,
            Uv::Token => 2,
        }
    }

    /// The value of a number.
    #[must_use]
    pub fn from_number(number: u64) -> Option<Self> {
        match number {
            0 => Some(Uv::None),
            1 => Some(Uv::Phone),
            2 => Some(Uv::Token),
            _ => None,
        }
    }
}

/// What a statement says. Each decision has its own key and tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Decision {
    /// Yes to money or to a life-cycle order; by `pay`.
    Approved,
    /// Yes to a login; by `login`.
    LoginApproved,
    /// No; by `device`.
    Rejected,
}

impl Decision {
    /// Every decision.
    pub const ALL: [Decision; 3] = [Decision::Approved, Decision::LoginApproved, Decision::Rejected];

    /// The tag under which it is signed.
    #[must_use]
    pub fn tag(self) -> Tag {
        match self {
            Decision::Approved => Tag::Approve,
            Decision::LoginApproved => Tag::Login,
            Decision::Rejected => Tag::Reject,
        }
    }
}

/// Fields 1 to 9: what every statement about an order says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct About {
    /// The order's operation.
    pub operation: u8,
    /// The order.
    pub order: OrderId,
    /// Its identity.
    pub order_hash: Hash,
    /// Digest of the pages as shown.
    pub pages: Hash,
    /// Number of the render profile.
    pub profile: u16,
    /// How many pages.
    pub page_count: u8,
    /// How the customer was verified.
    pub uv: Uv,
}

impl About {
    pub(crate) fn write(&self, writer: Writer) -> Writer {
        write_version(writer)
            .key(3)
            .uint(u64::from(self.operation))
            .key(4)
            .bytes(self.order.as_bytes())
            .key(5)
            .bytes(self.order_hash.as_bytes())
            .key(6)
            .bytes(self.pages.as_bytes())
            .key(7)
            .uint(u64::from(self.profile))
            .key(8)
            .uint(u64::from(self.page_count))
            .key(9)
            .uint(u64::from(self.uv.number()))
    }

    pub(crate) fn read(reader: &mut Reader<'_>, map: &mut Fields) -> Result<Self, DecodeError> {
        read_version(reader, map)?;
        map.required(reader, 3)?;
        let operation = u8::try_from(reader.uint_in(1..=12)?).map_err(|_| reader.error(Reason::BadValue))?;
        map.required(reader, 4)?;
        let order = OrderId::from_slice(reader.bytes(16, 16)?).ok_or(reader.error(Reason::BadValue))?;
        map.required(reader, 5)?;
        let order_hash = Hash::from(reader.array_of()?);
        map.required(reader, 6)?;
        let pages = Hash::from(reader.array_of()?);
        map.required(reader, 7)?;
        let profile = u16::try_from(reader.uint()?).map_err(|_| reader.error(Reason::BadValue))?;
        map.required(reader, 8)?;
        let page_count = u8::try_from(reader.uint_in(1..=32)?).map_err(|_| reader.error(Reason::BadValue))?;
        map.required(reader, 9)?;
        let uv = Uv::from_number(reader.uint()?).ok_or(reader.error(Reason::BadValue))?;
        Ok(Self { operation, order, order_hash, pages, profile, page_count, uv })
    }
}

/// What an authorization says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuthorizationPayload {
    /// The order and how it was shown.
    pub about: About,
    /// Counter of the signing key, from 1.
    pub counter: u32,
    /// Hash of the previous payload by this key; zeros at first.
    pub previous: Hash,
    /// Firmware: major, minor.
    pub firmware: u16,
    /// The phone that delivered the order.
    pub via: PhoneId,
    /// Random.
    pub nonce: [u8; 8],
}

impl AuthorizationPayload {
    /// The payload's bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        self.about
            .write(Writer::new().map(14))
            .key(10)
            .uint(u64::from(self.counter))
            .key(11)
            .bytes(self.previous.as_bytes())
            .key(12)
            .uint(u64::from(self.firmware))
            .key(13)
            .bytes(self.via.as_bytes())
            .key(14)
            .bytes(&self.nonce)
            .into_bytes()
    }

    /// From the payload's bytes.
    pub fn decode(payload: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(payload);
        let mut map = reader.map(14)?;
        let about = About::read(&mut reader, &mut map)?;
        map.required(&mut reader, 10)?;
        let counter = u32::try_from(reader.uint_in(1..=u64::from(u32::MAX))?)
            .map_err(|_| reader.error(Reason::BadValue))?;
        map.required(&mut reader, 11)?;
        let previous = Hash::from(reader.array_of()?);
        map.required(&mut reader, 12)?;
        let firmware = u16::try_from(reader.uint()?).map_err(|_| reader.error(Reason::BadValue))?;
        map.required(&mut reader, 13)?;
        let via = PhoneId::from(reader.array_of()?);
        map.required(&mut reader, 14)?;
        let nonce = reader.array_of()?;
        map.finish(&mut reader)?;
        reader.end()?;
        Ok(Self { about, counter, previous, firmware, via, nonce })
    }
}

/// State of an authorization of which nothing but the form was checked.
#[derive(Clone, Copy, Debug)]
pub struct Received(());

/// State of an authorization whose signature was checked: what it decides.
#[derive(Clone, Copy, Debug)]
pub struct Verified(Decision);

/// An authorization as received, whole.
#[derive(Clone, Debug)]
pub struct Authorization<S> {
    bytes: Vec<u8>,
    payload: AuthorizationPayload,
    payload_hash: Hash,
    state: S,
}

impl<S> Authorization<S> {
    /// The bytes as received.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Hash of the payload: what deduplication and the next statement's `previous` use.
    #[must_use]
    pub fn payload_hash(&self) -> Hash {
        self.payload_hash
    }

    /// What it says about the order.
    #[must_use]
    pub fn payload(&self) -> &AuthorizationPayload {
        &self.payload
    }
}

impl Authorization<Received> {
    /// Takes bytes of the one canonical form.
    pub fn receive(bytes: &[u8]) -> Result<Self, Refusal> {
        if bytes.len() > MAX_AUTHORIZATION {
            return Err(Code::TooLarge.into());
        }
        // All three decisions have the same header.
        let message = Sign1::parse_as(Tag::Approve, bytes)?;
        let payload = AuthorizationPayload::decode(message.payload())?;
        let payload_hash = sha256(&[message.payload()]);
        Ok(Self { bytes: Vec::from(bytes), payload, payload_hash, state: Received(()) })
    }

    /// Checks that `key` signed it as `decision`. A key of one decision never verifies another.
    pub fn verify(
        self,
        decision: Decision,
        key: &PublicKey,
        verifier: &impl VerifySignature,
    ) -> Result<Authorization<Verified>, Refusal> {
        let message = Sign1::parse(&self.bytes)?;
        if !message.verify(decision.tag(), key, verifier) {
            return Err(Code::BadSignature.into());
        }
        if decision == Decision::Rejected && self.payload.about.uv != Uv::None {
            return Err(DecodeError::at(Reason::BadValue, 9).into());
        }
        let Self { bytes, payload, payload_hash, .. } = self;
        Ok(Authorization { bytes, payload, payload_hash, state: Verified(decision) })
    }
}

impl Authorization<Verified> {
    /// What was decided.
    #[must_use]
    pub fn decision(&self) -> Decision {
        self.state.0
    }
}
