//! An order's life as the phone keeps it.

use alloc::vec::Vec;

use ushield_protocol::cbor::{DecodeError, Reader, Reason, Writer};
use ushield_protocol::code::Code;

use super::{OrderLife, Stage};

const MAX: usize = 4096;

impl OrderLife {
    /// The bytes to be sealed: `{1: stage, 2: cancel, 3: order, 4: answer, 5: receipt, 6: code}`, what the stage has.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let (number, order, answer, receipt, code) = match &self.stage {
            Stage::Requested => (1, None, None, None, None),
            Stage::Prepared { order } => (2, Some(order), None, None, None),
            Stage::Sent { order } => (3, Some(order), None, None, None),
            Stage::Shown { order } => (4, Some(order), None, None, None),
            Stage::Decided { order, answer } => (5, Some(order), Some(answer), None, None),
            Stage::Submitted { order, answer } => (6, Some(order), Some(answer), None, None),
            Stage::Settled { order, answer, receipt } => {
                (7, Some(order), answer.as_ref(), Some(receipt), None)
            }
            Stage::NotCreated { code } => (8, None, None, None, Some(code)),
        };
        let fields = [order, answer, receipt].iter().flatten().count() + usize::from(code.is_some());
        let mut writer = Writer::new()
            .map(2 + u64::try_from(fields).unwrap_or(0))
            .key(1)
            .uint(number)
            .key(2)
            .uint(u64::from(self.cancel));
        for (key, bytes) in [(3, order), (4, answer), (5, receipt)] {
            if let Some(bytes) = bytes {
                writer = writer.key(key).bytes(bytes);
            }
        }
        match code {
            Some(code) => writer.key(6).uint(u64::from(code.number())),
            None => writer,
        }
        .into_bytes()
    }

    /// From the bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let mut map = reader.map(6)?;
        map.required(&mut reader, 1)?;
        let number = reader.uint()?;
        map.required(&mut reader, 2)?;
        let cancel = reader.uint_in(0..=1)? == 1;
        let mut parts: [Option<Vec<u8>>; 3] = [None, None, None];
        for (key, part) in (3..).zip(parts.iter_mut()) {
            if map.optional(&mut reader, key)? {
                *part = Some(Vec::from(reader.bytes(1, MAX)?));
            }
        }
        let code = match map.optional(&mut reader, 6)? {
            true => {
                let code = u16::try_from(reader.uint()?).ok().and_then(Code::from_number);
                Some(code.ok_or(reader.error(Reason::BadValue))?)
            }
            false => None,
        };
        map.finish(&mut reader)?;
        reader.end()?;
        let stage = match (number, parts, code) {
            (1, [None, None, None], None) => Stage::Requested,
            (2, [Some(order), None, None], None) => Stage::Prepared { order },
            (3, [Some(order), None, None], None) => Stage::Sent { order },
            (4, [Some(order), None, None], None) => Stage::Shown { order },
            (5, [Some(order), Some(answer), None], None) => Stage::Decided { order, answer },
            (6, [Some(order), Some(answer), None], None) => Stage::Submitted { order, answer },
            (7, [Some(order), answer, Some(receipt)], None) => Stage::Settled { order, answer, receipt },
            (8, [None, None, None], Some(code)) => Stage::NotCreated { code },
            _ => return Err(DecodeError::at(Reason::BadValue, 1)),
        };
        Ok(Self { stage, cancel })
    }
}
