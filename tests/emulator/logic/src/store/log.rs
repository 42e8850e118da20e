//! The log: one half of the flash is current, the other one is where the next compaction goes.
//!
//! A half counts once its head is complete, and the head is written last. Head: magic, generation, complement of the
//! generation; bits that did not fall, or rose too early, leave the two no complements. A torn record can only be the
//! last one, since power was gone after it; it is known by its checksum, which is never the value of erased flash.
//! What starts with a torn end is compacted before it is used, so that nothing is ever written behind garbage.

use alloc::vec;
use alloc::vec::Vec;

use ushield_protocol::planted::{self, Bug};
use zeroize::Zeroizing;

use super::StoreFault;
use super::checksum::Checksum;
use super::scan::{Entry, Mark, Place, last_written, word};
use crate::flash::{ERASED, Flash, PAGE, WORD};

/// Longest key; a key is whole words.
pub(crate) const MAX_KEY: usize = 16;
/// Longest value.
pub(crate) const MAX_VALUE: usize = 3584;

const MAGIC: [u8; WORD] = *b"USL1";
/// Length of a half's head; the fourth word is spare.
const HEAD: usize = 4 * WORD;

/// One half of the flash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Half {
    start: usize,
    end: usize,
}

impl Half {
    fn both(flash: &impl Flash) -> Result<[Self; 2], StoreFault> {
        let pages = flash.pages();
        if pages == 0 || !pages.is_multiple_of(2) {
            return Err(StoreFault::Size);
        }
        let size = (pages / 2).checked_mul(PAGE).ok_or(StoreFault::Size)?;
        let whole = size.checked_mul(2).ok_or(StoreFault::Size)?;
        Ok([Self { start: 0, end: size }, Self { start: size, end: whole }])
    }

    fn generation(&self, flash: &impl Flash) -> Option<u32> {
        let generation = u32::from_le_bytes(word(flash, self.start + WORD));
        let complement = u32::from_le_bytes(word(flash, self.start + 2 * WORD));
        (word(flash, self.start) == MAGIC && generation == !complement).then_some(generation)
    }

    fn erase(&self, flash: &mut impl Flash) -> Result<(), StoreFault> {
        // Ascending: the head, which makes it count, goes first.
        for page in self.start / PAGE..self.end / PAGE {
            flash.erase(page)?;
        }
        Ok(())
    }
}

/// A half being written; nothing in it counts before [`Draft::commit`].
pub(crate) struct Draft {
    half: Half,
    generation: u32,
    end: usize,
}

impl Draft {
    /// Starts a first log: whatever was in the flash is gone.
    pub(crate) fn first(flash: &mut impl Flash) -> Result<Self, StoreFault> {
        let [half, other] = Half::both(flash)?;
        other.erase(flash)?;
        Self::begin(flash, half, 1)
    }

    fn begin(flash: &mut impl Flash, half: Half, generation: u32) -> Result<Self, StoreFault> {
        half.erase(flash)?;
        Ok(Self { half, generation, end: half.start + HEAD })
    }

    /// Writes a value.
    pub(crate) fn put(
        &mut self,
        flash: &mut impl Flash,
        kind: u8,
        key: &[u8],
        value: &[&[u8]],
    ) -> Result<(), StoreFault> {
        self.end = append(flash, self.end, self.half.end, kind, Mark::Value, key, value)?;
        Ok(())
    }

    fn copy(&mut self, flash: &mut impl Flash, entry: &Entry) -> Result<(), StoreFault> {
        let length = entry.end() - entry.at;
        if length > self.half.end - self.end {
            return Err(StoreFault::Full);
        }
        for offset in (0..length).step_by(WORD) {
            program(flash, self.end + offset, word(flash, entry.at + offset))?;
        }
        self.end += length;
        Ok(())
    }

    /// Makes it the current half, in one word.
    pub(crate) fn commit(self, flash: &mut impl Flash) -> Result<Log, StoreFault> {
        self.write_head(flash)?;
        let Self { half, generation, end } = self;
        Ok(Log { half, generation, end })
    }

    fn write_head(&self, flash: &mut impl Flash) -> Result<(), StoreFault> {
        let Self { half, generation, .. } = self;
        program(flash, half.start, MAGIC)?;
        program(flash, half.start + WORD, generation.to_le_bytes())?;
        program(flash, half.start + 2 * WORD, (!generation).to_le_bytes())
    }
}

/// The current half, and how far it is written.
#[derive(Debug)]
pub(crate) struct Log {
    half: Half,
    generation: u32,
    end: usize,
}

impl Log {
    /// Finds the current half and mends what a power cut left.
    pub(crate) fn open(flash: &mut impl Flash) -> Result<Self, StoreFault> {
        let [first, second] = Half::both(flash)?;
        let (half, generation) = match (first.generation(flash), second.generation(flash)) {
            (Some(one), Some(two)) if two > one => (second, two),
            (Some(one), _) => (first, one),
            (None, Some(two)) => (second, two),
            (None, None) => return Err(StoreFault::Blank),
        };
        let mut log = Self { half, generation, end: half.start + HEAD };
        if log.find_end(flash)? {
            log.compact(flash)?;
        }
        Ok(log)
    }

    /// Goes behind the last intact record. Whether a torn one follows.
    fn find_end(&mut self, flash: &impl Flash) -> Result<bool, StoreFault> {
        let last = last_written(flash, self.end, self.half.end);
        while self.end < self.half.end {
            let torn_until = match Entry::place(flash, self.end) {
                Place::Record(entry) if entry.end() > self.half.end => self.end,
                Place::Record(entry) if entry.is_intact(flash) => {
                    self.end = entry.end();
                    continue;
                }
                Place::Record(entry) => entry.last(),
                Place::Bad => self.end,
                Place::Blank => break,
            };
            // The word in flight is the last one written. More behind it was not torn but damaged.
            return if last.is_some_and(|last| last > torn_until) {
                Err(StoreFault::Corrupt)
            } else {
                Ok(true)
            };
        }
        if last.is_some_and(|last| last >= self.end) { Err(StoreFault::Corrupt) } else { Ok(false) }
    }

    fn entries(&self, flash: &impl Flash, from: usize) -> impl Iterator<Item = Entry> {
        let (mut at, end) = (from, self.end);
        core::iter::from_fn(move || {
            if at >= end {
                return None;
            }
            let Place::Record(entry) = Entry::place(flash, at) else { return None };
            at = entry.end();
            Some(entry)
        })
    }

    fn is_current(&self, flash: &impl Flash, entry: &Entry) -> bool {
        let full = entry.key(flash);
        let key = full.get(..entry.key).unwrap_or(&full);
        entry.mark == Mark::Value
            && !self.entries(flash, entry.end()).any(|later| later.same(entry.kind, key, flash))
    }

    /// The values of a kind, the one written longest ago first.
    pub(crate) fn all(&self, flash: &impl Flash, kind: u8) -> impl Iterator<Item = Entry> {
        let start = self.half.start + HEAD;
        self.entries(flash, start)
            .filter(move |entry| entry.kind == kind)
            .filter(move |entry| self.is_current(flash, entry))
    }

    /// The value of a key.
    pub(crate) fn find(&self, flash: &impl Flash, kind: u8, key: &[u8]) -> Option<Entry> {
        let start = self.half.start + HEAD;
        let last = self.entries(flash, start).filter(|entry| entry.same(kind, key, flash)).last();
        last.filter(|entry| entry.mark == Mark::Value)
    }

    /// The value of a key, in memory that forgets it.
    pub(crate) fn get(&self, flash: &impl Flash, kind: u8, key: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        self.find(flash, kind, key).map(|entry| value(flash, &entry))
    }

    /// Sets a value.
    pub(crate) fn put(
        &mut self,
        flash: &mut impl Flash,
        kind: u8,
        key: &[u8],
        value: &[&[u8]],
    ) -> Result<(), StoreFault> {
        self.append(flash, kind, Mark::Value, key, value)
    }

    /// Takes a value away, if there is one.
    pub(crate) fn delete(&mut self, flash: &mut impl Flash, kind: u8, key: &[u8]) -> Result<(), StoreFault> {
        match self.find(flash, kind, key) {
            Some(_) => self.append(flash, kind, Mark::Gone, key, &[]),
            None => Ok(()),
        }
    }

    fn append(
        &mut self,
        flash: &mut impl Flash,
        kind: u8,
        mark: Mark,
        key: &[u8],
        value: &[&[u8]],
    ) -> Result<(), StoreFault> {
        let (at, end) = (self.end, self.half.end);
        self.end = match append(flash, at, end, kind, mark, key, value) {
            Err(StoreFault::Full) => {
                self.compact(flash)?;
                append(flash, self.end, self.half.end, kind, mark, key, value)?
            }
            result => result?,
        };
        Ok(())
    }

    /// Copies what is current into the other half, which counts from its last word on.
    fn compact(&mut self, flash: &mut impl Flash) -> Result<(), StoreFault> {
        let [first, second] = Half::both(flash)?;
        let target = if self.half == first { second } else { first };
        let generation = self.generation.checked_add(1).ok_or(StoreFault::Full)?;
        let mut draft = Draft::begin(flash, target, generation)?;
        if planted::on(Bug::CompactionCountsEarly) {
            draft.write_head(flash)?;
        }
        let mut at = self.half.start + HEAD;
        loop {
            let next = self.entries(flash, at).find(|entry| self.is_current(flash, entry));
            let Some(entry) = next else { break };
            draft.copy(flash, &entry)?;
            at = entry.end();
        }
        *self = draft.commit(flash)?;
        Ok(())
    }
}

/// A whole value.
pub(crate) fn value(flash: &impl Flash, entry: &Entry) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(vec![0; entry.len()]);
    entry.read(flash, 0, &mut bytes);
    bytes
}

/// Writes a record at `at`; where the next one goes. `Full`, and nothing written, if it would pass `limit`.
fn append(
    flash: &mut impl Flash,
    at: usize,
    limit: usize,
    kind: u8,
    mark: Mark,
    key: &[u8],
    value: &[&[u8]],
) -> Result<usize, StoreFault> {
    let length = value.iter().map(|part| part.len()).sum::<usize>();
    let header = Entry::header(kind, mark, key.len(), length).ok_or(StoreFault::Full)?;
    let size = 2 * WORD + key.len() + length.next_multiple_of(WORD);
    if size > limit.saturating_sub(at) {
        return Err(StoreFault::Full);
    }
    let mut pen = Pen { flash, at, word: [ERASED; WORD], filled: 0, sum: Checksum::new() };
    for part in [header.as_slice(), key].into_iter().chain(value.iter().copied()) {
        pen.write(part)?;
    }
    while pen.filled != 0 {
        pen.write(&[ERASED])?;
    }
    pen.finish()
}

/// Collects bytes into words.
struct Pen<'a, F> {
    flash: &'a mut F,
    at: usize,
    word: [u8; WORD],
    filled: usize,
    sum: Checksum,
}

impl<F: Flash> Pen<'_, F> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), StoreFault> {
        self.sum.update(bytes);
        for byte in bytes {
            if let Some(place) = self.word.get_mut(self.filled) {
                *place = *byte;
            }
            self.filled += 1;
            if self.filled == WORD {
                program(self.flash, self.at, self.word)?;
                self.at += WORD;
                self.word = [ERASED; WORD];
                self.filled = 0;
            }
        }
        Ok(())
    }

    /// Writes the checksum; where the next record goes.
    fn finish(mut self) -> Result<usize, StoreFault> {
        let sum = core::mem::replace(&mut self.sum, Checksum::new()).finish();
        program(self.flash, self.at, sum.to_le_bytes())?;
        Ok(self.at + WORD)
    }
}

impl<F> Drop for Pen<'_, F> {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.word);
    }
}

fn program(flash: &mut impl Flash, at: usize, word: [u8; WORD]) -> Result<(), StoreFault> {
    Ok(flash.program(at, u32::from_le_bytes(word))?)
}

#[cfg(test)]
mod tests;
