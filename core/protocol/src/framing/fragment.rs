//! Fragments of messages over Bluetooth LE (section 2.1).

use alloc::vec::Vec;
use core::ops::Range;

use crate::message::Kind;

/// Largest value of a characteristic (Bluetooth Core, Vol 3 Part F, 3.2.9).
pub const MAX_VALUE: usize = 512;
/// Write size over the smallest MTU, 23.
pub const MIN_WRITE_SIZE: usize = 20;
/// Index that stands for a whole message in a NACK.
pub const ALL: u8 = 255;

/// What a write carries beside the body, in a start and in a continuation.
const START: usize = 3;
const CONTINUATION: usize = 2;
/// 0 stands for 4,096, the largest body; none is empty.
const LENGTH: u16 = 0x0fff;
const LARGEST: u16 = 4_096;
const START_BIT: u8 = 0x80;
const NACK: u8 = 6;
const ACK: u8 = 7;

/// Bytes of a write: `min(MTU - 3, 512)`, at least 20.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WriteSize(u16);

impl WriteSize {
    /// Over a connection with this ATT MTU; nothing below 23, which no connection has.
    #[must_use]
    pub fn of_mtu(mtu: u16) -> Option<Self> {
        let size = usize::from(mtu.checked_sub(3)?).min(MAX_VALUE);
        Self::new(size)
    }

    /// Of this many bytes; nothing outside of 20 to 512.
    #[must_use]
    pub fn new(size: usize) -> Option<Self> {
        let size = Some(size).filter(|size| (MIN_WRITE_SIZE..=MAX_VALUE).contains(size))?;
        u16::try_from(size).ok().map(Self)
    }

    /// In bytes.
    #[must_use]
    pub fn get(self) -> usize {
        usize::from(self.0)
    }

    /// How many fragments a body of this length takes.
    #[must_use]
    pub fn fragments(self, length: usize) -> usize {
        let rest = length.saturating_sub(self.get().saturating_sub(START));
        rest.div_ceil(self.get().saturating_sub(CONTINUATION)).saturating_add(1)
    }

    /// Which bytes of a body of this length fragment `index` carries; nothing beyond the last one.
    #[must_use]
    pub fn place(self, index: u8, length: usize) -> Option<Range<usize>> {
        let (first, other) = (self.get().saturating_sub(START), self.get().saturating_sub(CONTINUATION));
        let begin = match usize::from(index).checked_sub(1) {
            None => return Some(0..length.min(first)),
            Some(before) => before.saturating_mul(other).saturating_add(first),
        };
        (begin < length).then(|| begin..begin.saturating_add(other).min(length))
    }
}

/// A message's number: modulo 16, by direction and connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number(u8);

impl Number {
    /// The first message's.
    pub const FIRST: Self = Self(0);
    /// What stands for "none yet": the one before the first.
    pub const NONE: Self = Self(15);

    /// Modulo 16.
    #[must_use]
    pub const fn new(number: u8) -> Self {
        Self(number & 15)
    }

    /// 0 to 15.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }

    /// The next message's.
    #[must_use]
    pub const fn next(self) -> Self {
        Self::new(self.0.wrapping_add(1))
    }

    /// The one before.
    #[must_use]
    pub const fn previous(self) -> Self {
        Self::new(self.0.wrapping_sub(1))
    }

    /// How many messages after `other` this one is, 0 to 15.
    #[must_use]
    pub const fn since(self, other: Self) -> u8 {
        self.0.wrapping_sub(other.0) & 15
    }
}

/// What one write or notification says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fragment<'a> {
    /// The beginning of a message.
    Start {
        /// Of which message.
        number: Number,
        /// What the message is: never a hello or a keep-alive.
        kind: Kind,
        /// Newest message of the other side that is there with all before it.
        acknowledges: Number,
        /// Length of the whole body: 1 to 4,096.
        length: u16,
        /// The body's first bytes.
        bytes: &'a [u8],
    },
    /// The token is still there.
    KeepAlive {
        /// Number of the last message that was sent.
        last: Number,
        /// As in a start.
        acknowledges: Number,
    },
    /// More of a message.
    Continuation {
        /// Of which message.
        number: Number,
        /// Its place: 1 to 254.
        index: u8,
        /// The body's next bytes, never none.
        bytes: &'a [u8],
    },
    /// A fragment is missing.
    Nack {
        /// Of which message.
        number: Number,
        /// Which one, or [`ALL`].
        index: u8,
    },
    /// A message is there, and all before it.
    Ack {
        /// Which one.
        number: Number,
    },
}

/// Not a fragment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAFragment;

impl<'a> Fragment<'a> {
    /// Reads what was written or notified.
    pub fn decode(value: &'a [u8]) -> Result<Self, NotAFragment> {
        let (first, rest) = value.split_first().ok_or(NotAFragment)?;
        let number = Number::new(*first);
        let fragment = match (first & START_BIT != 0, first >> 4 & 7, rest) {
            (true, NACK, [index]) => Self::Nack { number, index: *index },
            (true, ACK, []) => Self::Ack { number },
            (true, kind, [high, low, bytes @ ..]) => {
                let word = u16::from_be_bytes([*high, *low]);
                Self::start(number, kind, Number::new(high >> 4), word & LENGTH, bytes)?
            }
            (false, 0, [index @ 1..=254, bytes @ ..]) if !bytes.is_empty() => {
                Self::Continuation { number, index: *index, bytes }
            }
            _ => return Err(NotAFragment),
        };
        if value.len() > MAX_VALUE { Err(NotAFragment) } else { Ok(fragment) }
    }

    fn start(
        number: Number,
        kind: u8,
        acknowledges: Number,
        length: u16,
        bytes: &'a [u8],
    ) -> Result<Self, NotAFragment> {
        let kind = Kind::from_number(kind).ok_or(NotAFragment)?;
        if kind == Kind::KeepAlive && length == 0 && bytes.is_empty() {
            return Ok(Self::KeepAlive { last: number, acknowledges });
        }
        let length = if length == 0 { LARGEST } else { length };
        match kind {
            Kind::Hello | Kind::KeepAlive => Err(NotAFragment),
            _ if bytes.len() > usize::from(length) || bytes.is_empty() => Err(NotAFragment),
            kind => Ok(Self::Start { number, kind, acknowledges, length, bytes }),
        }
    }

    /// The bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        match *self {
            Self::Start { number, kind, acknowledges, length, bytes } => {
                head(number, kind, acknowledges, length, bytes)
            }
            Self::KeepAlive { last, acknowledges } => head(last, Kind::KeepAlive, acknowledges, 0, &[]),
            Self::Continuation { number, index, bytes } => {
                let mut value = Vec::from([number.0, index]);
                value.extend_from_slice(bytes);
                value
            }
            Self::Nack { number, index } => Vec::from([START_BIT | NACK << 4 | number.0, index]),
            Self::Ack { number } => Vec::from([START_BIT | ACK << 4 | number.0]),
        }
    }
}

/// Fragment `index` of a message; nothing beyond the last one, and nothing of a body that is empty or above the limit.
#[must_use]
pub fn part(
    size: WriteSize,
    (number, acknowledges): (Number, Number),
    (kind, body): (Kind, &[u8]),
    index: u8,
) -> Option<Vec<u8>> {
    let length = u16::try_from(body.len()).ok().filter(|length| (1..=LARGEST).contains(length))?;
    let bytes = body.get(size.place(index, body.len())?)?;
    let fragment = match index {
        0 => Fragment::Start { number, kind, acknowledges, length, bytes },
        index => Fragment::Continuation { number, index, bytes },
    };
    Some(fragment.encode())
}

fn head(number: Number, kind: Kind, acknowledges: Number, length: u16, bytes: &[u8]) -> Vec<u8> {
    let [high, low] = (u16::from(acknowledges.0) << 12 | length & LENGTH).to_be_bytes();
    let mut value = Vec::from([START_BIT | kind.number() << 4 | number.0, high, low]);
    value.extend_from_slice(bytes);
    value
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::message::MAX_BODY;

    #[test]
    fn places_cover_every_body_once() {
        for size in [20, 21, 182, 511, 512] {
            let size = WriteSize::new(size).unwrap();
            for length in [1, 16, 17, 18, 35, 36, 509, 510, 1_000, 4_095, 4_096] {
                let mut next = 0;
                let count = size.fragments(length);
                for index in 0..u8::try_from(count).unwrap() {
                    let place = size.place(index, length).unwrap();
                    assert_eq!(place.start, next);
                    assert!(index == 0 || !place.is_empty());
                    next = place.end;
                }
                assert_eq!(next, length);
                assert_eq!(size.place(u8::try_from(count).unwrap(), length), None);
            }
        }
        assert_eq!(WriteSize::of_mtu(23).unwrap().fragments(MAX_BODY), 228);
    }

    #[test]
    fn write_sizes_are_those_of_connections() {
        assert_eq!(WriteSize::of_mtu(22), None);
        assert_eq!(WriteSize::of_mtu(0), None);
        assert_eq!(WriteSize::of_mtu(23).unwrap().get(), 20);
        assert_eq!(WriteSize::of_mtu(517).unwrap().get(), 512);
        assert_eq!(WriteSize::of_mtu(u16::MAX).unwrap().get(), 512);
    }

    #[test]
    fn what_is_read_is_written_alike() {
        // Every first byte with every second one and some more: what is taken encodes to the same bytes.
        let mut taken = BTreeSet::new();
        for word in 0..=u16::MAX {
            for tail in [&b""[..], b"\x00", b"\x01x", b"\x00xy"] {
                let value = [&word.to_be_bytes()[..], tail].concat();
                if let Ok(fragment) = Fragment::decode(&value) {
                    assert_eq!(fragment.encode(), value);
                    taken.insert(value[0]);
                }
            }
        }
        for first in 0..=u8::MAX {
            if let Ok(fragment) = Fragment::decode(&[first]) {
                assert_eq!(fragment.encode(), [first]);
                assert!(matches!(fragment, Fragment::Ack { .. }));
                taken.insert(first);
            }
        }
        // 4 kinds of start, keep-alive, NACK, ACK and continuation, by 16 numbers.
        assert_eq!(taken.len(), 16 * 8);
    }

    #[test]
    fn what_is_not_in_the_table_is_refused() {
        for value in [
            &b""[..],
            b"\x80\x00\x01x",  // hello
            b"\xd0\x00\x01x",  // a keep-alive with a body
            b"\xd0\x00\x00x",  // and one that says 4,096
            b"\xb0\x00\x01xy", // more than its length
            b"\xb0\x00\x01",   // empty
            b"\x00\x00x",      // index 0
            b"\x00\xffx",      // index 255
            b"\x00\x01",       // empty
            b"\x10\x01x",      // a bit too many
            b"\xe0\x01\x00",   // longer than a NACK
            b"\xe0",           // shorter
            b"\xf0\x00",       // longer than an ACK
            &[&b"\x00\x01"[..], &[0; 511]].concat(),
        ] {
            assert_eq!(Fragment::decode(value), Err(NotAFragment), "{value:02x?}");
        }
    }

    #[test]
    fn numbers_turn_around() {
        assert_eq!(Number::FIRST.previous(), Number::NONE);
        assert_eq!(Number::NONE.next(), Number::FIRST);
        assert_eq!(Number::new(1).since(Number::new(15)), 2);
        assert_eq!(Number::new(15).since(Number::new(0)), 15);
    }
}
