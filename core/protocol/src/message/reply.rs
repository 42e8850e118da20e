//! Replies of the token (section 5).

use alloc::string::String;
use alloc::vec::Vec;

use super::handshake::{Cursor, MAX_NAME, StateFlags};
use crate::cbor::{DecodeError, Field, Reader, Reason, Writer};
use crate::code::Code;
use crate::key::{BankId, DeviceId, KeyId, PhoneId};
use crate::refusal::Refusal;

/// Whether the exchange goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplyClass {
    /// Something happened; the result is still to come.
    Event,
    /// The command's one result.
    Result,
}

/// A reply of the token, as sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Event or result.
    pub class: ReplyClass,
    /// Status.
    pub code: Code,
    /// By command or status.
    pub body: Vec<u8>,
}

impl Reply {
    /// A result `ok`.
    #[must_use]
    pub fn ok(body: Vec<u8>) -> Self {
        Self { class: ReplyClass::Result, code: Code::Ok, body }
    }

    /// A result with another status and no body.
    #[must_use]
    pub fn status(code: Code) -> Self {
        Self { class: ReplyClass::Result, code, body: Vec::new() }
    }

    /// An event.
    #[must_use]
    pub fn event(code: Code, body: Vec<u8>) -> Self {
        Self { class: ReplyClass::Event, code, body }
    }

    /// A result that refuses, with reason and field where section 14 has them. A fault of text, account or currency
    /// has no status byte: it travels as `malformed`, `bad-value`, with its field.
    #[must_use]
    pub fn refusal(refusal: &Refusal) -> Self {
        let field = refusal.field.unwrap_or_default();
        let (code, reason) = match refusal.code {
            Code::Malformed => (Code::Malformed, refusal.reason.map_or(0, Reason::number)),
            Code::Unshowable => {
                let body = alloc::vec![field.key, field.sub];
                return Self { class: ReplyClass::Result, code: refusal.code, body };
            }
            code if code.wire().is_some() => return Self::status(code),
            _ => (Code::Malformed, Reason::BadValue.number()),
        };
        Self { class: ReplyClass::Result, code, body: alloc::vec![reason, field.key, field.sub] }
    }

    /// The refusal that a status and its body say.
    #[must_use]
    pub fn to_refusal(&self) -> Refusal {
        match (self.code, self.body.as_slice()) {
            (Code::Malformed, [reason, key, sub]) => Refusal {
                code: self.code,
                field: Some(Field::inner(*key, *sub)),
                reason: Reason::ALL.get(usize::from(*reason)).copied(),
            },
            (Code::Unshowable, [key, sub]) => Refusal::at(self.code, Field::inner(*key, *sub)),
            _ => Refusal::from(self.code),
        }
    }

    /// The bytes; a code that no token can say becomes `token-failure`.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let class = match self.class {
            ReplyClass::Event => 1,
            ReplyClass::Result => 2,
        };
        let mut bytes = Vec::with_capacity(self.body.len() + 2);
        bytes.extend_from_slice(&[class, self.code.wire().unwrap_or(0x60)]);
        bytes.extend_from_slice(&self.body);
        bytes
    }

    /// From the bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut cursor = Cursor(bytes);
        let [class, status] = cursor.take()?;
        let class = match class {
            1 => ReplyClass::Event,
            2 => ReplyClass::Result,
            _ => return Err(DecodeError::framing()),
        };
        let code = Code::from_wire(status).ok_or(DecodeError::framing())?;
        Ok(Self { class, code, body: Vec::from(cursor.rest()) })
    }
}

/// Result of `info`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Info {
    /// The token.
    pub device: DeviceId,
    /// Firmware: major, minor.
    pub firmware: u16,
    /// Number of the render profile.
    pub profile: u16,
    /// The token's name.
    pub name: String,
    /// The bank whose root is installed.
    pub bank: BankId,
    /// Flags, as in K2.
    pub flags: StateFlags,
    /// PIN tries left.
    pub tries: u8,
    /// Key id of `pay`, if certified.
    pub pay: Option<KeyId>,
    /// Key id of `login`, if certified.
    pub login: Option<KeyId>,
    /// Number of paired phones.
    pub phones: u8,
    /// Approvals kept.
    pub approvals: u16,
}

impl Info {
    /// The bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let key = |id: &Option<KeyId>| id.map_or(Vec::new(), |id| Vec::from(id.as_bytes()));
        Writer::new()
            .map(11)
            .key(1)
            .bytes(self.device.as_bytes())
            .key(2)
            .uint(u64::from(self.firmware))
            .key(3)
            .uint(u64::from(self.profile))
            .key(4)
            .text(&self.name)
            .key(5)
            .text(self.bank.as_str())
            .key(6)
            .uint(u64::from(self.flags.encode()))
            .key(7)
            .uint(u64::from(self.tries))
            .key(8)
            .bytes(&key(&self.pay))
            .key(9)
            .bytes(&key(&self.login))
            .key(10)
            .uint(u64::from(self.phones))
            .key(11)
            .uint(u64::from(self.approvals))
            .into_bytes()
    }

    /// From the bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let mut map = reader.map(11)?;
        map.required(&mut reader, 1)?;
        let device = DeviceId::from(reader.array_of()?);
        map.required(&mut reader, 2)?;
        let firmware = small(&mut reader)?;
        map.required(&mut reader, 3)?;
        let profile = small(&mut reader)?;
        map.required(&mut reader, 4)?;
        let name = String::from(reader.text(1, MAX_NAME)?);
        super::handshake::check_name(&name).map_err(|_| reader.error(Reason::BadValue))?;
        map.required(&mut reader, 5)?;
        let bank = BankId::new(reader.text(8, 11)?).ok_or(reader.error(Reason::BadValue))?;
        map.required(&mut reader, 6)?;
        let flags = StateFlags::decode(tiny(&mut reader)?);
        map.required(&mut reader, 7)?;
        let tries = tiny(&mut reader)?;
        map.required(&mut reader, 8)?;
        let pay = key_id(&mut reader)?;
        map.required(&mut reader, 9)?;
        let login = key_id(&mut reader)?;
        map.required(&mut reader, 10)?;
        let phones = tiny(&mut reader)?;
        map.required(&mut reader, 11)?;
        let approvals = small(&mut reader)?;
        map.finish(&mut reader)?;
        reader.end()?;
        Ok(Self { device, firmware, profile, name, bank, flags, tries, pay, login, phones, approvals })
    }
}

/// One paired phone, in the result of `phones`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhoneEntry {
    /// Its id.
    pub id: PhoneId,
    /// Its name.
    pub name: String,
    /// Whether it is the one that asks.
    pub this: bool,
}

/// The result of `phones`.
#[must_use]
pub fn encode_phones(phones: &[PhoneEntry]) -> Vec<u8> {
    let mut writer = Writer::new().array(u64::try_from(phones.len()).unwrap_or(u64::MAX));
    for phone in phones {
        writer = writer
            .map(3)
            .key(1)
            .bytes(phone.id.as_bytes())
            .key(2)
            .text(&phone.name)
            .key(3)
            .uint(u64::from(phone.this));
    }
    writer.into_bytes()
}

/// The result of `phones`, read.
pub fn decode_phones(bytes: &[u8]) -> Result<Vec<PhoneEntry>, DecodeError> {
    let mut reader = Reader::new(bytes);
    let mut phones = Vec::new();
    for _ in 0..reader.array(0, 64)? {
        let mut map = reader.map(3)?;
        map.required(&mut reader, 1)?;
        let id = PhoneId::from(reader.array_of()?);
        map.required(&mut reader, 2)?;
        let name = String::from(reader.text(1, MAX_NAME)?);
        super::handshake::check_name(&name).map_err(|_| reader.error(Reason::BadValue))?;
        map.required(&mut reader, 3)?;
        let this = reader.uint_in(0..=1)? == 1;
        map.finish(&mut reader)?;
        phones.push(PhoneEntry { id, name, this });
    }
    reader.end()?;
    Ok(phones)
}

/// A chain of certificates, as `put-certificate` and `get-certificate` carry it.
#[must_use]
pub fn certificates(chain: &[Vec<u8>]) -> Vec<u8> {
    let mut writer = Writer::new().array(u64::try_from(chain.len()).unwrap_or(u64::MAX));
    for certificate in chain {
        writer = writer.bytes(certificate);
    }
    writer.into_bytes()
}

/// A chain of certificates, read: 1..3 of at most 1,024 bytes.
pub fn decode_certificates(bytes: &[u8]) -> Result<Vec<Vec<u8>>, DecodeError> {
    let mut reader = Reader::new(bytes);
    let mut chain = Vec::new();
    for _ in 0..reader.array(1, 3)? {
        chain.push(Vec::from(reader.bytes(1, 1024)?));
    }
    reader.end()?;
    Ok(chain)
}

fn tiny(reader: &mut Reader<'_>) -> Result<u8, DecodeError> {
    let value = reader.uint()?;
    u8::try_from(value).map_err(|_| reader.error(Reason::BadValue))
}

fn small(reader: &mut Reader<'_>) -> Result<u16, DecodeError> {
    let value = reader.uint()?;
    u16::try_from(value).map_err(|_| reader.error(Reason::BadValue))
}

fn key_id(reader: &mut Reader<'_>) -> Result<Option<KeyId>, DecodeError> {
    let bytes = reader.bytes(0, KeyId::LEN)?;
    match bytes.is_empty() {
        true => Ok(None),
        false => KeyId::from_slice(bytes).map(Some).ok_or(reader.error(Reason::TooShort)),
    }
}
