//! Receipt: the bank's signed end of an order (section 8.7).

use alloc::vec::Vec;

use crate::bank_key::{BankKey, MAX_TIME, Purpose, read_bank, read_version, write_version};
use crate::cbor::{DecodeError, Reader, Reason, Writer};
use crate::code::Code;
use crate::cose::{Sign1, Tag, sign1};
use crate::key::{BankId, Hash, OrderId, Sign, VerifySignature};
use crate::refusal::Refusal;

/// How an order ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// Executed; for a certificate order, issued.
    Executed,
    /// Rejected on the token.
    Rejected,
    /// Nobody decided in time.
    Expired,
    /// Cancelled by the customer.
    Cancelled,
    /// Refused by the bank, with a reason.
    Refused,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Outcome; 5] =
        [Outcome::Executed, Outcome::Rejected, Outcome::Expired, Outcome::Cancelled, Outcome::Refused];

    /// The number in a receipt.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Outcome::Executed => 1,
            Outcome::Rejected => 2,
            Outcome::Expired => 3,
            Outcome::Cancelled => 4,
            Outcome::Refused => 5,
        }
    }

    /// The name, as interfaces say it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Executed => "executed",
            Outcome::Rejected => "rejected",
            Outcome::Expired => "expired",
            Outcome::Cancelled => "cancelled",
            Outcome::Refused => "refused",
        }
    }
}

/// What a receipt says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The bank.
    pub bank: BankId,
    /// The order.
    pub order: OrderId,
    /// Its identity.
    pub order_hash: Hash,
    /// How it ended.
    pub outcome: Outcome,
    /// When, in Unix seconds.
    pub ended: u64,
    /// Why, if refused.
    pub reason: Option<Code>,
}

impl Receipt {
    /// The receipt, signed by the bank's receipt key.
    #[must_use]
    pub fn sign(&self, key: &impl Sign) -> Vec<u8> {
        sign1(Tag::Receipt, &self.encode(), key)
    }

    /// Verifies a receipt against the statement that names its key.
    pub fn verify(bytes: &[u8], key: &BankKey, verifier: &impl VerifySignature) -> Result<Self, Refusal> {
        let message = Sign1::parse_as(Tag::Receipt, bytes)?;
        if !key.allows(Purpose::RECEIPT) {
            return Err(Code::OperationNotAllowed.into());
        }
        if !message.verify(Tag::Receipt, &key.key, verifier) {
            return Err(Code::BadSignature.into());
        }
        let receipt = Self::decode(message.payload())?;
        if receipt.bank != key.bank {
            return Err(Code::WrongBank.into());
        }
        Ok(receipt)
    }

    fn encode(&self) -> Vec<u8> {
        write_version(Writer::new().map(8))
            .key(3)
            .text(self.bank.as_str())
            .key(4)
            .bytes(self.order.as_bytes())
            .key(5)
            .bytes(self.order_hash.as_bytes())
            .key(6)
            .uint(u64::from(self.outcome.number()))
            .key(7)
            .uint(self.ended)
            .key(8)
            .uint(self.reason.map_or(0, |code| u64::from(code.number())))
            .into_bytes()
    }

    fn decode(payload: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(payload);
        let mut map = reader.map(8)?;
        read_version(&mut reader, &mut map)?;
        map.required(&mut reader, 3)?;
        let bank = read_bank(&mut reader)?;
        map.required(&mut reader, 4)?;
        let order = OrderId::from_slice(reader.bytes(16, 16)?).ok_or(reader.error(Reason::BadValue))?;
        map.required(&mut reader, 5)?;
        let order_hash = Hash::from(reader.array_of()?);
        map.required(&mut reader, 6)?;
        let number = reader.uint()?;
        let outcome = Outcome::ALL.into_iter().find(|outcome| u64::from(outcome.number()) == number);
        let outcome = outcome.ok_or(reader.error(Reason::BadValue))?;
        map.required(&mut reader, 7)?;
        let ended = reader.uint_in(0..=MAX_TIME)?;
        map.required(&mut reader, 8)?;
        let reason = reader.uint()?;
        let bad = reader.error(Reason::BadValue);
        let reason = match (outcome, reason) {
            (Outcome::Refused, 0) => return Err(bad),
            (_, 0) => None,
            (Outcome::Refused, number) => {
                Some(u16::try_from(number).ok().and_then(Code::from_number).ok_or(bad)?)
            }
            _ => return Err(bad),
        };
        map.finish(&mut reader)?;
        reader.end()?;
        Ok(Self { bank, order, order_hash, outcome, ended, reason })
    }
}
