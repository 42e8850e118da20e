//! A message of which not everything is there, in no more memory than it takes itself.

use alloc::vec::Vec;
use core::ops::Range;

use ushield_protocol::framing::fragment::WriteSize;
use ushield_protocol::message::{Kind, MAX_BODY};

use super::Broken;
use super::indices::Indices;

/// What a start carries beside the body.
const START: usize = 3;

#[derive(Debug, Default)]
pub(super) struct Assembly {
    head: Option<Head>,
    there: Indices,
    /// With a head: the body, what is not there being zero. Without: the bytes of `waiting`, one after the other.
    bytes: Vec<u8>,
    /// Continuations that wait for their start: index and length, by index.
    waiting: Vec<(u8, usize)>,
}

/// What a start says. The write size is not known from one that holds the whole body.
#[derive(Clone, Copy, Debug)]
struct Head {
    kind: Kind,
    length: usize,
    first: usize,
    size: Option<WriteSize>,
}

impl Head {
    /// Where a fragment's bytes belong.
    fn place(&self, index: u8) -> Option<Range<usize>> {
        match index {
            0 => Some(0..self.first),
            index => self.size?.place(index, self.length),
        }
    }

    fn fragments(&self) -> usize {
        self.size.map_or(1, |size| size.fragments(self.length))
    }
}

impl Assembly {
    /// Whether no fragment is there.
    pub(super) fn is_empty(&self) -> bool {
        self.there.is_empty()
    }

    pub(super) fn has(&self, index: u8) -> bool {
        self.there.contains(index)
    }

    /// The first fragment that is not there.
    pub(super) fn first_missing(&self) -> u8 {
        self.there.first_missing().unwrap_or_default()
    }

    /// The same, if one behind it is there.
    pub(super) fn gap(&self) -> Option<u8> {
        let missing = self.there.first_missing()?;
        (missing < self.there.last()?).then_some(missing)
    }

    /// Takes a start; whether it is new.
    pub(super) fn start(&mut self, kind: Kind, length: u16, bytes: &[u8]) -> Result<bool, Broken> {
        let length = usize::from(length);
        if let Some(head) = self.head {
            let same =
                head.kind == kind && head.length == length && self.bytes.get(0..head.first) == Some(bytes);
            return if same { Ok(false) } else { Err(Broken::Changed) };
        }
        let whole = bytes.len() == length;
        let size = match whole {
            true => None,
            false => Some(WriteSize::new(bytes.len().saturating_add(START)).ok_or(Broken::Length)?),
        };
        let head = Head { kind, length, first: bytes.len(), size };
        self.spread(&head)?;
        self.head = Some(head);
        self.put(0, 0..bytes.len(), bytes)?;
        Ok(true)
    }

    /// Puts what has waited into its places, from behind: no place is before where the bytes were.
    fn spread(&mut self, head: &Head) -> Result<(), Broken> {
        let fits =
            |(index, length): &(u8, usize)| head.place(*index).is_some_and(|place| place.len() == *length);
        if !self.waiting.iter().all(fits) {
            return Err(Broken::Length);
        }
        let mut end = self.bytes.len();
        self.bytes.resize(head.length, 0);
        while let Some((index, length)) = self.waiting.pop() {
            let begin = end.saturating_sub(length);
            let place = head.place(index).ok_or(Broken::Length)?;
            self.bytes.copy_within(begin..end, place.start);
            end = begin;
        }
        Ok(())
    }

    /// Takes a continuation; whether it is new.
    pub(super) fn continuation(&mut self, index: u8, bytes: &[u8]) -> Result<bool, Broken> {
        let Some(head) = self.head else { return self.wait(index, bytes) };
        let place = head.place(index).filter(|place| place.len() == bytes.len()).ok_or(Broken::Length)?;
        if !self.there.contains(index) {
            self.put(index, place, bytes)?;
            return Ok(true);
        }
        if self.bytes.get(place) == Some(bytes) { Ok(false) } else { Err(Broken::Changed) }
    }

    fn put(&mut self, index: u8, place: Range<usize>, bytes: &[u8]) -> Result<(), Broken> {
        self.bytes.get_mut(place).ok_or(Broken::Length)?.copy_from_slice(bytes);
        self.there.insert(index);
        Ok(())
    }

    /// Keeps a continuation until its start is there.
    fn wait(&mut self, index: u8, bytes: &[u8]) -> Result<bool, Broken> {
        let at = self.waiting.partition_point(|(other, _)| *other < index);
        let begin = self.waiting.iter().take(at).map(|(_, length)| length).sum();
        if let Some((_, length)) = self.waiting.get(at).filter(|(other, _)| *other == index) {
            let same = self.bytes.get(begin..).and_then(|rest| rest.get(..*length)) == Some(bytes);
            return if same { Ok(false) } else { Err(Broken::Changed) };
        }
        if self.bytes.len().saturating_add(bytes.len()) > MAX_BODY {
            return Err(Broken::Length);
        }
        self.bytes.splice(begin..begin, bytes.iter().copied());
        self.waiting.insert(at, (index, bytes.len()));
        self.there.insert(index);
        Ok(true)
    }

    /// The message, if all of it is there; what follows is another one.
    pub(super) fn take_whole(&mut self) -> Option<(Kind, Vec<u8>)> {
        let head = self.head?;
        let missing = self.there.first_missing().map_or(usize::MAX, usize::from);
        (missing >= head.fragments()).then(|| (head.kind, core::mem::take(self).bytes))
    }
}

#[cfg(test)]
impl Assembly {
    pub(super) fn held(&self) -> usize {
        assert!(self.waiting.len() < 255);
        self.bytes.len()
    }
}
