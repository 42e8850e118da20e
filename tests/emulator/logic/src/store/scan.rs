//! Reading records where they lie: nothing of the log is mirrored in RAM.

use super::checksum::Checksum;
use super::log::{MAX_KEY, MAX_VALUE};
use crate::flash::{ERASED, Flash, WORD, is_erased};

/// High nibble of a header's second byte; the low one is the key's length in words.
const VALUE: u8 = 0x50;
const GONE: u8 = 0x30;

/// Whether a record sets a value or takes it away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    Value,
    Gone,
}

/// A record: header word, key and value padded to words, checksum word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(super) at: usize,
    pub(super) kind: u8,
    pub(super) mark: Mark,
    pub(super) key: usize,
    pub(super) value: usize,
}

/// What stands where a record could start.
pub(super) enum Place {
    Record(Entry),
    Blank,
    Bad,
}

impl Entry {
    pub(super) fn header(kind: u8, mark: Mark, key: usize, value: usize) -> Option<[u8; WORD]> {
        if key > MAX_KEY || !key.is_multiple_of(WORD) || value > MAX_VALUE {
            return None;
        }
        let mark = match mark {
            Mark::Value => VALUE,
            Mark::Gone => GONE,
        };
        let words = u8::try_from(key / WORD).ok()?;
        let [low, high] = u16::try_from(value).ok()?.to_le_bytes();
        Some([kind, mark | words, low, high])
    }

    pub(super) fn place(flash: &impl Flash, at: usize) -> Place {
        let header @ [kind, mark, low, high] = word(flash, at);
        if header == [ERASED; WORD] {
            return Place::Blank;
        }
        let key = usize::from(mark & 0x0f) * WORD;
        let value = usize::from(u16::from_le_bytes([low, high]));
        let mark = match mark & 0xf0 {
            VALUE => Mark::Value,
            GONE => Mark::Gone,
            _ => return Place::Bad,
        };
        if key > MAX_KEY || value > MAX_VALUE {
            return Place::Bad;
        }
        Place::Record(Self { at, kind, mark, key, value })
    }

    /// Where key and value start.
    fn body(&self) -> usize {
        self.at + WORD
    }

    /// Where the checksum stands.
    pub(super) fn last(&self) -> usize {
        self.body() + self.key + self.value.next_multiple_of(WORD)
    }

    /// Where the next record starts.
    pub(super) fn end(&self) -> usize {
        self.last() + WORD
    }

    pub(super) fn is_intact(&self, flash: &impl Flash) -> bool {
        let mut sum = Checksum::new();
        let mut chunk = [0; 64];
        let (mut at, end) = (self.at, self.last());
        while at < end {
            let take = (end - at).min(chunk.len());
            let Some(part) = chunk.get_mut(..take) else { return false };
            flash.read(at, part);
            sum.update(part);
            at += take;
        }
        word(flash, end) == sum.finish().to_le_bytes()
    }

    pub(super) fn same(&self, kind: u8, key: &[u8], flash: &impl Flash) -> bool {
        self.kind == kind && self.key == key.len() && {
            let own = self.key(flash);
            own.starts_with(key)
        }
    }

    /// The key, with zeros behind it.
    pub(crate) fn key(&self, flash: &impl Flash) -> [u8; MAX_KEY] {
        let mut key = [0; MAX_KEY];
        if let Some(part) = key.get_mut(..self.key) {
            flash.read(self.body(), part);
        }
        key
    }

    /// Length of the value.
    pub(crate) fn len(&self) -> usize {
        self.value
    }

    /// Copies a part of the value; what lies behind its end is left as it is.
    pub(crate) fn read(&self, flash: &impl Flash, from: usize, out: &mut [u8]) {
        let take = out.len().min(self.value.saturating_sub(from));
        if let Some(part) = out.get_mut(..take) {
            flash.read(self.body() + self.key + from, part);
        }
    }
}

pub(super) fn word(flash: &impl Flash, at: usize) -> [u8; WORD] {
    let mut word = [ERASED; WORD];
    flash.read(at, &mut word);
    word
}

/// The last word of a range that is not erased.
pub(super) fn last_written(flash: &impl Flash, from: usize, to: usize) -> Option<usize> {
    let mut last = None;
    let mut chunk = [0; 256];
    let mut at = from;
    while at < to {
        let take = (to - at).min(chunk.len());
        let Some(part) = chunk.get_mut(..take) else { break };
        flash.read(at, part);
        if !is_erased(part)
            && let Some(index) = part.iter().rposition(|byte| *byte != ERASED)
        {
            last = Some(at + index / WORD * WORD);
        }
        at += take;
    }
    last
}
