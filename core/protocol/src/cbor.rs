//! Strict deterministic CBOR (section 7): what is accepted encodes to the same bytes.

use alloc::vec::Vec;
use core::fmt;

use minicbor::data::Type;
use minicbor::{Decoder, Encoder};

/// Why bytes were refused. The numbers travel in `malformed` (section 14).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Reason {
    /// A message's framing or length, outside CBOR.
    Framing,
    /// Another type than the table says, or an indefinite length.
    WrongType,
    /// A longer form than needed.
    NonMinimal,
    /// A field of the table is not there.
    MissingField,
    /// A field that is not in the table.
    UnknownField,
    /// A key below the one before it.
    OutOfOrder,
    /// A key twice.
    Duplicate,
    /// Longer than the table allows.
    TooLong,
    /// Shorter than the table allows.
    TooShort,
    /// Bytes behind the end.
    Trailing,
    /// Text that is not UTF-8.
    BadText,
    /// A value that the table does not allow.
    BadValue,
    /// The end comes too early.
    Truncated,
}

impl Reason {
    /// All reasons, by number.
    pub const ALL: [Reason; 13] = [
        Reason::Framing,
        Reason::WrongType,
        Reason::NonMinimal,
        Reason::MissingField,
        Reason::UnknownField,
        Reason::OutOfOrder,
        Reason::Duplicate,
        Reason::TooLong,
        Reason::TooShort,
        Reason::Trailing,
        Reason::BadText,
        Reason::BadValue,
        Reason::Truncated,
    ];

    /// The number on the wire.
    #[must_use]
    pub fn number(self) -> u8 {
        Self::ALL.iter().position(|reason| *reason == self).and_then(|at| u8::try_from(at).ok()).unwrap_or(0)
    }

    /// The name in protocol.md.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Reason::Framing => "framing",
            Reason::WrongType => "wrong-type",
            Reason::NonMinimal => "non-minimal",
            Reason::MissingField => "missing-field",
            Reason::UnknownField => "unknown-field",
            Reason::OutOfOrder => "out-of-order",
            Reason::Duplicate => "duplicate",
            Reason::TooLong => "too-long",
            Reason::TooShort => "too-short",
            Reason::Trailing => "trailing",
            Reason::BadText => "bad-text",
            Reason::BadValue => "bad-value",
            Reason::Truncated => "truncated",
        }
    }
}

/// A field by its map key, and by the key inside that one's map. 0 = none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Field {
    /// Key in the outer map.
    pub key: u8,
    /// Key in the map under it.
    pub sub: u8,
}

impl Field {
    /// A field of the outer map.
    #[must_use]
    pub const fn outer(key: u8) -> Self {
        Self { key, sub: 0 }
    }

    /// A field of the map under `key`.
    #[must_use]
    pub const fn inner(key: u8, sub: u8) -> Self {
        Self { key, sub }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.sub == 0 { write!(f, "{}", self.key) } else { write!(f, "{}.{}", self.key, self.sub) }
    }
}

/// Why and where bytes were refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeError {
    /// Why.
    pub reason: Reason,
    /// Where.
    pub field: Field,
}

impl DecodeError {
    /// An error outside any field.
    #[must_use]
    pub const fn framing() -> Self {
        Self { reason: Reason::Framing, field: Field { key: 0, sub: 0 } }
    }

    /// An error in a field of the outer map.
    #[must_use]
    pub const fn at(reason: Reason, key: u8) -> Self {
        Self { reason, field: Field::outer(key) }
    }

    /// The same error, seen from the map that holds this one under `key`.
    #[must_use]
    pub const fn under(self, key: u8) -> Self {
        Self { reason: self.reason, field: Field { key, sub: self.field.key } }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in field {}", self.reason.name(), self.field)
    }
}

impl core::error::Error for DecodeError {}

/// Reads one item after the other and refuses what is not deterministic.
#[derive(Debug)]
pub struct Reader<'a> {
    decoder: Decoder<'a>,
    /// The field being read, for errors.
    key: u8,
}

impl<'a> Reader<'a> {
    /// Reads from the start of `bytes`.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { decoder: Decoder::new(bytes), key: 0 }
    }

    /// An error at the field being read.
    #[must_use]
    pub fn error(&self, reason: Reason) -> DecodeError {
        DecodeError::at(reason, self.key)
    }

    /// Where the next item starts.
    #[must_use]
    pub fn position(&self) -> usize {
        self.decoder.position()
    }

    /// Whether nothing is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.decoder.position() >= self.decoder.input().len()
    }

    /// Ends reading: nothing may be left.
    pub fn end(&self) -> Result<(), DecodeError> {
        if self.is_empty() { Ok(()) } else { Err(self.error(Reason::Trailing)) }
    }

    /// An unsigned integer.
    pub fn uint(&mut self) -> Result<u64, DecodeError> {
        self.expect(|kind| matches!(kind, Type::U8 | Type::U16 | Type::U32 | Type::U64))?;
        let start = self.position();
        let value = self.decoder.u64().map_err(|_| self.error(Reason::Truncated))?;
        self.minimal(start, value, 0)?;
        Ok(value)
    }

    /// An unsigned integer in a range.
    pub fn uint_in(&mut self, range: core::ops::RangeInclusive<u64>) -> Result<u64, DecodeError> {
        let value = self.uint()?;
        if range.contains(&value) { Ok(value) } else { Err(self.error(Reason::BadValue)) }
    }

    /// A byte string of `min..=max` bytes.
    pub fn bytes(&mut self, min: usize, max: usize) -> Result<&'a [u8], DecodeError> {
        self.expect(|kind| kind == Type::Bytes)?;
        let start = self.position();
        let value = self.decoder.bytes().map_err(|_| self.error(Reason::Truncated))?;
        self.minimal(start, u64::try_from(value.len()).unwrap_or(u64::MAX), value.len())?;
        self.length(value.len(), min, max)?;
        Ok(value)
    }

    /// A byte string of exactly `N` bytes.
    pub fn array_of<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let bytes = self.bytes(N, N)?;
        bytes.try_into().map_err(|_| self.error(Reason::TooShort))
    }

    /// A text string of `min..=max` bytes.
    pub fn text(&mut self, min: usize, max: usize) -> Result<&'a str, DecodeError> {
        self.expect(|kind| kind == Type::String)?;
        let start = self.position();
        let value = self.decoder.str().map_err(|error| {
            let reason = if error.is_end_of_input() { Reason::Truncated } else { Reason::BadText };
            self.error(reason)
        })?;
        self.minimal(start, u64::try_from(value.len()).unwrap_or(u64::MAX), value.len())?;
        self.length(value.len(), min, max)?;
        Ok(value)
    }

    /// The head of an array; its number of items.
    pub fn array(&mut self, min: u64, max: u64) -> Result<u64, DecodeError> {
        self.expect(|kind| kind == Type::Array)?;
        let start = self.position();
        let count = self.decoder.array().ok().flatten().ok_or(self.error(Reason::Truncated))?;
        self.minimal(start, count, 0)?;
        self.length64(count, min, max)?;
        Ok(count)
    }

    /// The head of a map whose keys end at `last`.
    pub fn map(&mut self, last: u8) -> Result<Fields, DecodeError> {
        self.expect(|kind| kind == Type::Map)?;
        let start = self.position();
        let left = self.decoder.map().ok().flatten().ok_or(self.error(Reason::Truncated))?;
        self.minimal(start, left, 0)?;
        // No field of this map has been reached: a fault in its first key is not one of the field that holds the map.
        self.key = 0;
        Ok(Fields { left, last, seen: None, next: None })
    }

    fn expect(&self, is: impl Fn(Type) -> bool) -> Result<(), DecodeError> {
        match self.decoder.datatype() {
            Ok(kind) if is(kind) => Ok(()),
            Ok(_) => Err(self.error(Reason::WrongType)),
            Err(_) => Err(self.error(Reason::Truncated)),
        }
    }

    /// Checks that the head which started at `start` took no more bytes than `value` needs.
    fn minimal(&self, start: usize, value: u64, content: usize) -> Result<(), DecodeError> {
        let head = match value {
            0..=23 => 1,
            24..=0xff => 2,
            0x100..=0xffff => 3,
            0x1_0000..=0xffff_ffff => 5,
            _ => 9,
        };
        let taken = self.position().saturating_sub(start).saturating_sub(content);
        if taken == head { Ok(()) } else { Err(self.error(Reason::NonMinimal)) }
    }

    fn length(&self, length: usize, min: usize, max: usize) -> Result<(), DecodeError> {
        match length {
            _ if length < min => Err(self.error(Reason::TooShort)),
            _ if length > max => Err(self.error(Reason::TooLong)),
            _ => Ok(()),
        }
    }

    fn length64(&self, length: u64, min: u64, max: u64) -> Result<(), DecodeError> {
        match length {
            _ if length < min => Err(self.error(Reason::TooShort)),
            _ if length > max => Err(self.error(Reason::TooLong)),
            _ => Ok(()),
        }
    }
}

/// A map being read: keys in ascending order, known ones only.
#[derive(Debug)]
#[must_use = "a map is read to its end with `finish`"]
pub struct Fields {
    left: u64,
    last: u8,
    seen: Option<u64>,
    /// A key that was read and not used yet.
    next: Option<u64>,
}

impl Fields {
    /// Goes to the field `key`, which must come next.
    pub fn required(&mut self, reader: &mut Reader<'_>, key: u8) -> Result<(), DecodeError> {
        if self.optional(reader, key)? { Ok(()) } else { Err(DecodeError::at(Reason::MissingField, key)) }
    }

    /// Goes to the field `key` if it comes next.
    pub fn optional(&mut self, reader: &mut Reader<'_>, key: u8) -> Result<bool, DecodeError> {
        let Some(next) = self.peek(reader)? else { return Ok(false) };
        if next != u64::from(key) {
            return Ok(false);
        }
        self.next = None;
        self.seen = Some(next);
        reader.key = key;
        Ok(true)
    }

    /// Ends the map: no field may be left.
    pub fn finish(mut self, reader: &mut Reader<'_>) -> Result<(), DecodeError> {
        match self.peek(reader)? {
            None => Ok(()),
            Some(key) => Err(DecodeError::at(Reason::UnknownField, short(key))),
        }
    }

    /// The key that comes next. Refuses one that no table position could take.
    fn peek(&mut self, reader: &mut Reader<'_>) -> Result<Option<u64>, DecodeError> {
        if self.next.is_some() {
            return Ok(self.next);
        }
        if self.left == 0 {
            return Ok(None);
        }
        let key = reader.uint()?;
        self.left -= 1;
        let reason = match self.seen {
            Some(seen) if key == seen => Some(Reason::Duplicate),
            Some(seen) if key < seen => Some(Reason::OutOfOrder),
            _ if key > u64::from(self.last) || key == 0 => Some(Reason::UnknownField),
            _ => None,
        };
        if let Some(reason) = reason {
            return Err(DecodeError::at(reason, short(key)));
        }
        self.next = Some(key);
        Ok(self.next)
    }
}

fn short(key: u64) -> u8 {
    u8::try_from(key).unwrap_or(u8::MAX)
}

/// Writes deterministic CBOR into memory.
#[derive(Debug)]
pub struct Writer(Encoder<Vec<u8>>);

/// Writing into a `Vec` has no error: its type is uninhabited.
macro_rules! write_item {
    ($(#[$doc:meta])* $name:ident, $method:ident, $($value:ident: $type:ty)?) => {
        $(#[$doc])*
        #[must_use]
        pub fn $name(mut self, $($value: $type)?) -> Self {
            match self.0.$method($($value)?) {
                Ok(_) => {}
                Err(error) => match error.into_write() { Some(never) => match never {}, None => {} },
            }
            self
        }
    };
}

impl Writer {
    /// An empty writer.
    #[must_use]
    pub fn new() -> Self {
        Self(Encoder::new(Vec::new()))
    }

    /// An empty writer for so many bytes: for secrets, since growing would leave a copy behind.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Self {
        Self(Encoder::new(Vec::with_capacity(bytes)))
    }

    write_item! {
        /// An unsigned integer.
        uint, u64, value: u64
    }
    write_item! {
        /// A byte string.
        bytes, bytes, value: &[u8]
    }
    write_item! {
        /// A text string.
        text, str, value: &str
    }
    write_item! {
        /// The head of an array.
        array, array, count: u64
    }
    write_item! {
        /// The head of a map; keys must follow in ascending order.
        map, map, count: u64
    }

    /// A map key; its value must follow.
    #[must_use]
    pub fn key(self, key: u8) -> Self {
        self.uint(u64::from(key))
    }

    /// Items that are encoded already.
    #[must_use]
    pub fn raw(mut self, items: &[u8]) -> Self {
        self.0.writer_mut().extend_from_slice(items);
        self
    }

    /// The bytes.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0.into_writer()
    }
}

impl Default for Writer {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests;
