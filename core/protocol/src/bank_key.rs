//! `BANKKEY`: which bank key may sign what, and when (section 8.1).

use alloc::vec::Vec;

use crate::cbor::{DecodeError, Reader, Reason, Writer};
use crate::code::Code;
use crate::cose::{Sign1, Tag, sign1};
use crate::key::{BankId, PublicKey, ShortKeyId, Sign, VerifySignature};
use crate::refusal::Refusal;

/// Latest time that a statement may name: far away, and no sum of it with a period overflows.
pub const MAX_TIME: u64 = 1 << 40;
/// 90 days.
pub const MAX_VALIDITY: u64 = 90 * 86_400;
/// Highest number of an operation (section 8.3).
const LAST_PURPOSE: u64 = 12;

/// What a bank key may sign: receipts (0), or orders of an operation (1..=12).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Purpose(u8);

impl Purpose {
    /// Receipts; never an order's operation.
    pub const RECEIPT: Self = Self(0);
    /// Transfers.
    pub const TRANSFER: Self = Self(1);
    /// Logins.
    pub const LOGIN: Self = Self(4);
    /// First certificates.
    pub const CERTIFICATE_DOWNLOAD: Self = Self(5);
    /// PIN reset: has a key of its own.
    pub const PIN_RESET: Self = Self(8);
    /// Replacement activation: has a key of its own.
    pub const REPLACEMENT: Self = Self(12);

    /// The purpose of a number.
    #[must_use]
    pub fn from_number(number: u64) -> Option<Self> {
        u8::try_from(number).ok().filter(|number| u64::from(*number) <= LAST_PURPOSE).map(Self)
    }

    /// The number.
    #[must_use]
    pub fn number(self) -> u8 {
        self.0
    }

    fn is_recovery(self) -> bool {
        self == Self::PIN_RESET || self == Self::REPLACEMENT
    }
}

/// A `BANKKEY` statement's content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BankKey {
    /// The bank.
    pub bank: BankId,
    /// Counts up per bank and purpose.
    pub epoch: u32,
    /// The key; its id follows from it.
    pub key: PublicKey,
    /// Ascending.
    pub purposes: Vec<Purpose>,
    /// Unix seconds.
    pub not_before: u64,
    /// Unix seconds.
    pub not_after: u64,
}

impl BankKey {
    /// The id that orders and receipts name.
    #[must_use]
    pub fn key_id(&self) -> ShortKeyId {
        self.key.short_key_id()
    }

    /// Whether the key may sign for `purpose`.
    #[must_use]
    pub fn allows(&self, purpose: Purpose) -> bool {
        self.purposes.contains(&purpose)
    }

    /// Whether a time lies within the validity.
    #[must_use]
    pub fn is_valid_at(&self, time: u64) -> bool {
        (self.not_before..=self.not_after).contains(&time)
    }

    /// The payload.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = write_version(Writer::new().map(9))
            .key(3)
            .text(self.bank.as_str())
            .key(4)
            .uint(u64::from(self.epoch))
            .key(5)
            .bytes(self.key_id().as_bytes())
            .key(6)
            .bytes(self.key.as_bytes())
            .key(7)
            .array(u64::try_from(self.purposes.len()).unwrap_or(u64::MAX));
        for purpose in &self.purposes {
            writer = writer.uint(u64::from(purpose.0));
        }
        writer.key(8).uint(self.not_before).key(9).uint(self.not_after).into_bytes()
    }

    /// The statement, signed by the bank root.
    #[must_use]
    pub fn sign(&self, root: &impl Sign) -> Vec<u8> {
        sign1(Tag::BankKey, &self.encode(), root)
    }

    /// Verifies a statement of `bank` under its root.
    pub fn verify(
        statement: &[u8],
        bank: &BankId,
        root: &PublicKey,
        verifier: &impl VerifySignature,
    ) -> Result<Self, Refusal> {
        let message = Sign1::parse_as(Tag::BankKey, statement)?;
        if !message.verify(Tag::BankKey, root, verifier) {
            return Err(Code::BadSignature.into());
        }
        let key = Self::decode(message.payload())?;
        if key.bank == *bank { Ok(key) } else { Err(Code::WrongBank.into()) }
    }

    /// The payload of a statement that was verified before and stored.
    pub fn decode(payload: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(payload);
        let mut map = reader.map(9)?;
        read_version(&mut reader, &mut map)?;
        map.required(&mut reader, 3)?;
        let bank = read_bank(&mut reader)?;
        map.required(&mut reader, 4)?;
        let epoch = reader.uint_in(1..=u64::from(u32::MAX))?;
        let epoch = u32::try_from(epoch).map_err(|_| reader.error(Reason::BadValue))?;
        map.required(&mut reader, 5)?;
        let id = ShortKeyId::from(reader.array_of()?);
        map.required(&mut reader, 6)?;
        let key = read_key(&mut reader)?;
        if key.short_key_id() != id {
            return Err(DecodeError::at(Reason::BadValue, 5));
        }
        map.required(&mut reader, 7)?;
        let purposes = read_purposes(&mut reader)?;
        map.required(&mut reader, 8)?;
        let not_before = reader.uint_in(0..=MAX_TIME)?;
        map.required(&mut reader, 9)?;
        let not_after = reader.uint_in(0..=MAX_TIME)?;
        if not_after <= not_before || not_after - not_before > MAX_VALIDITY {
            return Err(reader.error(Reason::BadValue));
        }
        map.finish(&mut reader)?;
        reader.end()?;
        Ok(Self { bank, epoch, key, purposes, not_before, not_after })
    }
}

fn read_purposes(reader: &mut Reader<'_>) -> Result<Vec<Purpose>, DecodeError> {
    let mut purposes = Vec::new();
    for _ in 0..reader.array(1, 16)? {
        let number = reader.uint()?;
        let purpose = Purpose::from_number(number).ok_or(reader.error(Reason::BadValue))?;
        if purposes.last().is_some_and(|last| *last >= purpose) {
            return Err(reader.error(Reason::BadValue));
        }
        purposes.push(purpose);
    }
    let alone = purposes.len() > 1 && purposes.contains(&Purpose::RECEIPT);
    let recovery = purposes.iter().any(|purpose| purpose.is_recovery());
    if alone || (recovery && !purposes.iter().all(|purpose| purpose.is_recovery())) {
        return Err(reader.error(Reason::BadValue));
    }
    Ok(purposes)
}

/// Fields 1 and 2 of every statement: version 1, suite 1.
pub(crate) fn write_version(writer: Writer) -> Writer {
    writer.key(1).uint(1).key(2).uint(1)
}

/// The same, read.
pub(crate) fn read_version(
    reader: &mut Reader<'_>,
    map: &mut crate::cbor::Fields,
) -> Result<(), DecodeError> {
    map.required(reader, 1)?;
    reader.uint_in(1..=1)?;
    map.required(reader, 2)?;
    reader.uint_in(1..=1)?;
    Ok(())
}

pub(crate) fn read_bank(reader: &mut Reader<'_>) -> Result<BankId, DecodeError> {
    BankId::new(reader.text(8, 11)?).ok_or(reader.error(Reason::BadValue))
}

pub(crate) fn read_key(reader: &mut Reader<'_>) -> Result<PublicKey, DecodeError> {
    PublicKey::from_slice(reader.bytes(33, 33)?).ok_or(reader.error(Reason::BadValue))
}
