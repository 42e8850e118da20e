//! Payloads of hello and of the handshakes.

use alloc::string::String;
use alloc::vec::Vec;

use zeroize::Zeroizing;

use super::{SUITE, VERSION};
use crate::cbor::{DecodeError, Reader, Reason, Writer};
use crate::code::Code;
use crate::pin::PinBlock;
use crate::refusal::Refusal;
use crate::secret::Secret;
use crate::text;

/// Longest name of a phone or a token, in bytes.
pub const MAX_NAME: usize = 32;
/// Most certificates in a maker's chain.
const MAX_CHAIN: u64 = 3;
/// Longest certificate.
const MAX_CERTIFICATE: usize = 1024;

/// The versions and suites that a side supports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Versions {
    /// Lowest version.
    pub lowest: u8,
    /// Highest version.
    pub highest: u8,
    /// Suites; bit n-1 is suite n.
    pub suites: u16,
}

impl Versions {
    /// What this crate supports.
    pub const OURS: Self = Self { lowest: VERSION, highest: VERSION, suites: 1 << (SUITE - 1) };

    /// The four bytes.
    #[must_use]
    pub fn encode(self) -> [u8; 4] {
        let [high, low] = self.suites.to_be_bytes();
        [self.lowest, self.highest, high, low]
    }

    /// From the four bytes.
    #[must_use]
    pub fn decode([lowest, highest, high, low]: [u8; 4]) -> Self {
        Self { lowest, highest, suites: u16::from_be_bytes([high, low]) }
    }

    /// Whether version 1 and suite 1 are the best that `self` and `other` have in common.
    pub fn agree(self, other: Self) -> Result<(), Code> {
        let highest = self.highest.min(other.highest);
        let overlap = self.lowest.max(other.lowest) <= highest;
        let suite = (self.suites & other.suites).checked_ilog2();
        if overlap && highest == VERSION && suite == Some(u32::from(SUITE - 1)) {
            Ok(())
        } else {
            Err(Code::UnknownVersion)
        }
    }
}

/// The token's first message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hello {
    /// What the token supports.
    pub versions: Versions,
    /// Whether pairing mode is open.
    pub pairing: bool,
    /// Whether APDUs of extended length are taken (section 2.2).
    pub extended: bool,
    /// New for every connection.
    pub nonce: [u8; 8],
}

impl Hello {
    /// The 13 bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::from(self.versions.encode());
        bytes.push(u8::from(self.pairing) | u8::from(self.extended) << 1);
        bytes.extend_from_slice(&self.nonce);
        bytes
    }

    /// From 13 bytes. Unknown flags are ignored.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut cursor = Cursor(bytes);
        let versions = Versions::decode(cursor.take()?);
        let [flags] = cursor.take()?;
        let nonce = cursor.take()?;
        cursor.end()?;
        Ok(Self { versions, pairing: flags & 1 != 0, extended: flags & 2 != 0, nonce })
    }
}

/// Flags of K2's `state` and of `info`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StateFlags {
    /// The PIN is still the initial one.
    pub pin_initial: bool,
    /// The PIN is locked.
    pub pin_locked: bool,
    /// `pay` has a certificate.
    pub pay: bool,
    /// `login` has a certificate.
    pub login: bool,
    /// A review is running.
    pub reviewing: bool,
    /// It was delivered by this phone.
    pub reviewing_ours: bool,
}

impl StateFlags {
    /// The byte.
    #[must_use]
    pub fn encode(self) -> u8 {
        let bits =
            [self.pin_initial, self.pin_locked, self.pay, self.login, self.reviewing, self.reviewing_ours];
        bits.iter().rev().fold(0, |byte, bit| byte << 1 | u8::from(*bit))
    }

    /// From the byte; unknown flags are ignored.
    #[must_use]
    pub fn decode(byte: u8) -> Self {
        let bit = |n: u8| byte >> n & 1 != 0;
        Self {
            pin_initial: bit(0),
            pin_locked: bit(1),
            pay: bit(2),
            login: bit(3),
            reviewing: bit(4),
            reviewing_ours: bit(5),
        }
    }
}

/// K2's payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    /// What the token supports.
    pub versions: Versions,
    /// Flags.
    pub flags: StateFlags,
    /// PIN tries left.
    pub tries: u8,
    /// Firmware: major, minor.
    pub firmware: u16,
    /// Number of the render profile.
    pub profile: u16,
    /// Largest order in bytes.
    pub max_order: u16,
    /// Short key id of `pay`, zeros without a certificate.
    pub pay: [u8; 8],
    /// Number of paired phones.
    pub phones: u8,
}

impl State {
    /// The 24 bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::from(self.versions.encode());
        bytes.extend_from_slice(&[self.flags.encode(), self.tries]);
        bytes.extend_from_slice(&self.firmware.to_be_bytes());
        bytes.extend_from_slice(&self.profile.to_be_bytes());
        bytes.extend_from_slice(&self.max_order.to_be_bytes());
        bytes.extend_from_slice(&self.pay);
        bytes.extend_from_slice(&[self.phones, 0, 0, 0]);
        bytes
    }

    /// From 24 bytes; what is reserved is ignored.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut cursor = Cursor(bytes);
        let versions = Versions::decode(cursor.take()?);
        let [flags, tries] = cursor.take()?;
        let firmware = u16::from_be_bytes(cursor.take()?);
        let profile = u16::from_be_bytes(cursor.take()?);
        let max_order = u16::from_be_bytes(cursor.take()?);
        let pay = cursor.take()?;
        let [phones, _, _, _] = cursor.take()?;
        cursor.end()?;
        let flags = StateFlags::decode(flags);
        Ok(Self { versions, flags, tries, firmware, profile, max_order, pay, phones })
    }
}

/// P3's payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct P3 {
    /// What the phone supports.
    pub versions: Versions,
    /// nP, drawn after the commitment has arrived.
    pub nonce: [u8; 16],
    /// The phone's name, as the token lists it.
    pub name: String,
}

impl P3 {
    /// The bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::from(self.versions.encode());
        bytes.extend_from_slice(&self.nonce);
        bytes.extend_from_slice(self.name.as_bytes());
        bytes
    }

    /// From bytes; the name is checked as text that a token can show.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut cursor = Cursor(bytes);
        let versions = Versions::decode(cursor.take()?);
        let nonce = cursor.take()?;
        let name = core::str::from_utf8(cursor.rest()).map_err(|_| DecodeError::framing())?;
        check_name(name).map_err(|_| DecodeError::framing())?;
        Ok(Self { versions, nonce, name: String::from(name) })
    }
}

/// Whether a name of a phone or a token fits (section 4).
pub fn check_name(name: &str) -> Result<(), Code> {
    if name.is_empty() || name.len() > MAX_NAME {
        return Err(Code::BadText);
    }
    text::check(name).map_err(|_| Code::BadText)
}

/// P4's payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct P4 {
    /// nT, the opening of the commitment.
    pub nonce: [u8; 32],
    /// What the token supports.
    pub versions: Versions,
    /// Whether P5 must carry a PIN block.
    pub pin_needed: bool,
    /// Device statement over `dh`.
    pub statement: Vec<u8>,
    /// Maker's chain, DER, device certificate first.
    pub chain: Vec<Vec<u8>>,
    /// The token's name.
    pub name: String,
}

impl P4 {
    /// The bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let count = u64::try_from(self.chain.len()).unwrap_or(u64::MAX);
        let mut writer = Writer::new()
            .map(6)
            .key(1)
            .bytes(&self.nonce)
            .key(2)
            .bytes(&self.versions.encode())
            .key(3)
            .uint(u64::from(self.pin_needed))
            .key(4)
            .bytes(&self.statement)
            .key(5)
            .array(count);
        for certificate in &self.chain {
            writer = writer.bytes(certificate);
        }
        writer.key(6).text(&self.name).into_bytes()
    }

    /// From bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let mut map = reader.map(6)?;
        map.required(&mut reader, 1)?;
        let nonce = reader.array_of()?;
        map.required(&mut reader, 2)?;
        let versions = Versions::decode(reader.array_of()?);
        map.required(&mut reader, 3)?;
        let pin_needed = reader.uint_in(0..=1)? == 1;
        map.required(&mut reader, 4)?;
        let statement = Vec::from(reader.bytes(1, 512)?);
        map.required(&mut reader, 5)?;
        let count = reader.array(1, MAX_CHAIN)?;
        let mut chain = Vec::new();
        for _ in 0..count {
            chain.push(Vec::from(reader.bytes(1, MAX_CERTIFICATE)?));
        }
        map.required(&mut reader, 6)?;
        let name = String::from(reader.text(1, MAX_NAME)?);
        check_name(&name).map_err(|_| reader.error(Reason::BadValue))?;
        map.finish(&mut reader)?;
        reader.end()?;
        Ok(Self { nonce, versions, pin_needed, statement, chain, name })
    }
}

/// P5's payload.
#[derive(Debug)]
pub struct P5 {
    /// Whether the customer found the digits equal.
    pub confirmed: bool,
    /// PIN block, where P4 asked for it.
    pub pin: Option<PinBlock>,
}

impl P5 {
    /// The 34 bytes.
    #[must_use]
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(34));
        bytes.push(u8::from(self.confirmed));
        super::command::push_block(&mut bytes, self.pin.as_ref());
        bytes
    }

    /// From 34 bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut cursor = Cursor(bytes);
        let [confirmed] = cursor.take()?;
        let confirmed = flag(confirmed)?;
        let pin = cursor.block()?;
        cursor.end()?;
        Ok(Self { confirmed, pin })
    }
}

/// P6's payload.
#[derive(Debug)]
pub enum P6 {
    /// Paired.
    Paired {
        /// Key of hints.
        k_hint: Secret<32>,
        /// Key of advertisements.
        k_adv: Secret<32>,
        /// PIN tries left.
        tries: u8,
    },
    /// Not paired.
    Refused {
        /// Why.
        refusal: Refusal,
        /// PIN tries left.
        tries: u8,
    },
}

impl P6 {
    /// The bytes.
    #[must_use]
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(66));
        match self {
            P6::Paired { k_hint, k_adv, tries } => {
                bytes.extend_from_slice(&[0, *tries]);
                bytes.extend_from_slice(k_hint.expose());
                bytes.extend_from_slice(k_adv.expose());
            }
            P6::Refused { refusal, tries } => {
                bytes.push(refusal.code.wire().unwrap_or(0x60));
                bytes.push(*tries);
            }
        }
        bytes
    }

    /// From the bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut cursor = Cursor(bytes);
        let [status, tries] = cursor.take()?;
        let answer = match Code::from_wire(status) {
            Some(Code::Ok) => {
                P6::Paired { k_hint: Secret::new(cursor.take()?), k_adv: Secret::new(cursor.take()?), tries }
            }
            Some(code) => P6::Refused { refusal: Refusal::from(code), tries },
            None => return Err(DecodeError::framing()),
        };
        cursor.end()?;
        Ok(answer)
    }
}

/// Takes fixed lengths off the front.
pub(super) struct Cursor<'a>(pub(super) &'a [u8]);

impl<'a> Cursor<'a> {
    pub(super) fn take<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (head, rest) = self.0.split_first_chunk::<N>().ok_or(DecodeError::framing())?;
        self.0 = rest;
        Ok(*head)
    }

    pub(super) fn rest(&mut self) -> &'a [u8] {
        core::mem::take(&mut self.0)
    }

    pub(super) fn end(&self) -> Result<(), DecodeError> {
        if self.0.is_empty() { Ok(()) } else { Err(DecodeError::framing()) }
    }

    /// Presence and PIN block; an absent one is zeros.
    pub(super) fn block(&mut self) -> Result<Option<PinBlock>, DecodeError> {
        let [present] = self.take()?;
        let block = PinBlock::from_bytes(self.take()?);
        match (flag(present)?, block) {
            (true, Some(block)) if block.is_pin() => Ok(Some(block)),
            (false, Some(block)) if block.is_zero() => Ok(None),
            _ => Err(DecodeError::framing()),
        }
    }

    /// A PIN block that must be one.
    pub(super) fn required_block(&mut self) -> Result<PinBlock, DecodeError> {
        PinBlock::from_bytes(self.take()?).filter(PinBlock::is_pin).ok_or(DecodeError::framing())
    }
}

fn flag(byte: u8) -> Result<bool, DecodeError> {
    match byte {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(DecodeError::framing()),
    }
}
