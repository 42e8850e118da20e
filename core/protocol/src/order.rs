//! Orders: what a bank asks a token to show and sign (sections 8.2 and 8.3).

mod certificate;
mod transfer;

pub use certificate::CertificateDownload;
pub use transfer::{Amount, NameCheck, Transfer, is_date};

use alloc::vec::Vec;
use core::fmt;

use crate::bank_key::{BankKey, MAX_TIME, Purpose, read_bank, read_version, write_version};
use crate::cbor::{DecodeError, Field, Fields, Reader, Reason, Writer};
use crate::code::Code;
use crate::cose::{Sign1, Tag, sign1};
use crate::key::{BankId, DeviceId, Hash, KeyId, OrderId, ShortKeyId, Sign, VerifySignature};
use crate::planted::{self, Bug};
use crate::refusal::Refusal;

/// Largest order, as COSE_Sign1.
pub const MAX_ORDER: usize = 1024;
/// A money order lives at most 15 minutes.
pub const MAX_MONEY_LIFE: u64 = 900;
/// Any other order lives at most 30 days.
pub const MAX_LIFE: u64 = 30 * 86_400;
/// How far behind `floor` an order may have expired.
pub const FLOOR_GRACE: u64 = 600;

/// Whom an order is for: a device before its first certificate, a signing key afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addressee([u8; 16]);

impl Addressee {
    /// The 16 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Whether it is this device.
    #[must_use]
    pub fn is_device(&self, device: &DeviceId) -> bool {
        self.0 == *device.as_bytes()
    }

    /// Whether it is this key.
    #[must_use]
    pub fn is_key(&self, key: &KeyId) -> bool {
        self.0 == *key.as_bytes()
    }
}

impl From<DeviceId> for Addressee {
    fn from(id: DeviceId) -> Self {
        Self(*id.as_bytes())
    }
}

impl From<KeyId> for Addressee {
    fn from(id: KeyId) -> Self {
        Self(*id.as_bytes())
    }
}

/// The operations that this version defines. Each has its own screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// 1
    Transfer(Transfer),
    /// 5
    CertificateDownload(CertificateDownload),
}

impl Operation {
    /// The purpose that the signing bank key must have; its number is the operation's.
    #[must_use]
    pub fn purpose(&self) -> Purpose {
        match self {
            Operation::Transfer(_) => Purpose::TRANSFER,
            Operation::CertificateDownload(_) => Purpose::CERTIFICATE_DOWNLOAD,
        }
    }

    /// The operation's number.
    #[must_use]
    pub fn number(&self) -> u8 {
        self.purpose().number()
    }

    fn max_life(&self) -> u64 {
        match self {
            Operation::Transfer(_) => MAX_MONEY_LIFE,
            Operation::CertificateDownload(_) => MAX_LIFE,
        }
    }
}

/// What an order says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderPayload {
    /// The bank.
    pub bank: BankId,
    /// Device or key that it is for.
    pub addressee: Addressee,
    /// The order's id, also the UETR.
    pub id: OrderId,
    /// Random.
    pub challenge: [u8; 32],
    /// Unix seconds.
    pub issued: u64,
    /// Unix seconds.
    pub expires: u64,
    /// What is to be done.
    pub operation: Operation,
}

impl OrderPayload {
    /// The payload's bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let writer = write_version(Writer::new().map(10))
            .key(3)
            .text(self.bank.as_str())
            .key(4)
            .bytes(self.addressee.as_bytes())
            .key(5)
            .bytes(self.id.as_bytes())
            .key(6)
            .bytes(&self.challenge)
            .key(7)
            .uint(self.issued)
            .key(8)
            .uint(self.expires)
            .key(9)
            .uint(u64::from(self.operation.number()))
            .key(10);
        match &self.operation {
            Operation::Transfer(transfer) => transfer.write(writer),
            Operation::CertificateDownload(download) => download.write(writer),
        }
        .into_bytes()
    }

    /// The order, signed by a bank order key. Refused where a reader would refuse it.
    pub fn sign(&self, key: &impl Sign) -> Result<Vec<u8>, Refusal> {
        let payload = self.encode();
        if Self::decode(&payload)? != *self {
            return Err(Code::BadInput.into());
        }
        let order = sign1(Tag::Order, &payload, key);
        if order.len() > MAX_ORDER { Err(Code::TooLarge.into()) } else { Ok(order) }
    }

    fn decode(payload: &[u8]) -> Result<Self, Refusal> {
        let mut reader = Reader::new(payload);
        let mut map = reader.map(10)?;
        let head = Head::read(&mut reader, &mut map)?;
        map.required(&mut reader, 10)?;
        let operation = match Purpose::from_number(head.operation) {
            Some(Purpose::TRANSFER) => Operation::Transfer(Transfer::read(&mut reader)?),
            Some(Purpose::CERTIFICATE_DOWNLOAD) => {
                Operation::CertificateDownload(CertificateDownload::read(&mut reader)?)
            }
            _ => return Err(Refusal::at(Code::OperationNotAllowed, Field::outer(9))),
        };
        map.finish(&mut reader)?;
        reader.end()?;
        if head.expires - head.issued > operation.max_life() {
            return Err(DecodeError::at(Reason::BadValue, 8).into());
        }
        let Head { bank, addressee, id, challenge, issued, expires, .. } = head;
        Ok(Self { bank, addressee, id, challenge, issued, expires, operation })
    }
}

/// Fields 1 to 9.
struct Head {
    bank: BankId,
    addressee: Addressee,
    id: OrderId,
    challenge: [u8; 32],
    issued: u64,
    expires: u64,
    operation: u64,
}

impl Head {
    fn read(reader: &mut Reader<'_>, map: &mut Fields) -> Result<Self, DecodeError> {
        read_version(reader, map)?;
        map.required(reader, 3)?;
        let bank = read_bank(reader)?;
        map.required(reader, 4)?;
        let addressee = Addressee(reader.array_of()?);
        map.required(reader, 5)?;
        let id = OrderId::from_slice(reader.bytes(16, 16)?).ok_or(reader.error(Reason::BadValue))?;
        map.required(reader, 6)?;
        let challenge = reader.array_of()?;
        map.required(reader, 7)?;
        let issued = reader.uint_in(0..=MAX_TIME)?;
        map.required(reader, 8)?;
        let expires = reader.uint_in(0..=MAX_TIME)?;
        if expires <= issued {
            return Err(reader.error(Reason::BadValue));
        }
        map.required(reader, 9)?;
        let operation = reader.uint_in(1..=12)?;
        Ok(Self { bank, addressee, id, challenge, issued, expires, operation })
    }
}

/// State of an order whose form was checked and nothing else.
#[derive(Clone, Copy, Debug)]
pub struct Received(());

/// State of an order whose signature and content were checked.
#[derive(Clone, Debug)]
pub struct Verified(OrderPayload);

/// An order. Only an `Order<Verified>` can be read and shown. Its Debug form shows no customer data.
#[derive(Clone)]
pub struct Order<S> {
    bytes: Vec<u8>,
    hash: Hash,
    kid: ShortKeyId,
    state: S,
}

impl<S> Order<S> {
    /// The identity: the hash of the payload.
    #[must_use]
    pub fn hash(&self) -> Hash {
        self.hash
    }

    /// The bytes as received.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bank key that is said to have signed it.
    #[must_use]
    pub fn kid(&self) -> ShortKeyId {
        self.kid
    }
}

impl<S> fmt::Debug for Order<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Order({})", self.hash)
    }
}

impl Order<Received> {
    /// Takes bytes of COSE form whose header names a key.
    pub fn receive(bytes: &[u8]) -> Result<Self, Refusal> {
        if bytes.len() > MAX_ORDER {
            return Err(Code::TooLarge.into());
        }
        let message = Sign1::parse_as(Tag::Order, bytes)?;
        let kid = message.kid().ok_or(DecodeError::framing())?;
        Ok(Self { bytes: Vec::from(bytes), hash: message.payload_hash(), kid, state: Received(()) })
    }

    /// Checks signature, content, bank, validity and purpose against the statement that names the key.
    /// The addressee is the caller's to check: [`OrderPayload::addressee`].
    pub fn verify(self, key: &BankKey, verifier: &impl VerifySignature) -> Result<Order<Verified>, Refusal> {
        let message = Sign1::parse(&self.bytes)?;
        if self.kid != key.key_id() {
            return Err(Code::UnknownOrderKey.into());
        }
        if !message.verify(Tag::Order, &key.key, verifier) {
            return Err(Code::BadSignature.into());
        }
        let payload = OrderPayload::decode(message.payload())?;
        if payload.bank != key.bank {
            return Err(Refusal::at(Code::WrongBank, Field::outer(3)));
        }
        if !key.is_valid_at(payload.issued) {
            return Err(Refusal::at(Code::IssuedOutsideValidity, Field::outer(7)));
        }
        if !key.allows(payload.operation.purpose()) && !planted::on(Bug::AnyOperation) {
            return Err(Refusal::at(Code::OperationNotAllowed, Field::outer(9)));
        }
        Ok(self.into_verified(payload))
    }

    /// For the bank that holds the order in its own database: content without a signature check.
    pub fn trust_own(self) -> Result<Order<Verified>, Refusal> {
        let payload = OrderPayload::decode(Sign1::parse(&self.bytes)?.payload())?;
        Ok(self.into_verified(payload))
    }

    fn into_verified(self, payload: OrderPayload) -> Order<Verified> {
        let Self { bytes, hash, kid, .. } = self;
        Order { bytes, hash, kid, state: Verified(payload) }
    }
}

impl Order<Verified> {
    /// What it says.
    #[must_use]
    pub fn payload(&self) -> &OrderPayload {
        &self.state.0
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> OrderId {
        self.payload().id
    }
}
