//! Messages that arrive: put together in any order, asked for where a part is missing.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use ushield_protocol::framing::fragment::{ALL, Fragment, Number, WriteSize};
use ushield_protocol::message::{Kind, MAX_BODY};
use ushield_protocol::planted::{self, Bug};

use super::Broken;
use crate::Millis;

/// After a message, until it is acknowledged by itself.
const ACKNOWLEDGE: u64 = 300;
/// Silence within a message until a missing fragment is asked for again.
const SILENCE: u64 = 500;
/// Questions without progress, and then the connection is over.
const QUESTIONS: u32 = 12;

/// A message that is not complete.
#[derive(Debug, Default)]
struct Assembly {
    head: Option<Head>,
    parts: BTreeMap<u8, Vec<u8>>,
    held: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Head {
    kind: Kind,
    length: u16,
    /// How the rest is cut; nothing where the start holds all.
    size: Option<WriteSize>,
}

#[derive(Debug)]
pub(super) struct Receiver {
    awaited: Number,
    assembly: Assembly,
    /// The newest message that is known to exist and is not there.
    newest: Option<Number>,
    /// What was asked for since the last timer.
    asked: Option<u8>,
    ask: Option<Millis>,
    questions: u32,
    acknowledge: Option<Millis>,
    nack: Option<u8>,
    ack: bool,
}

impl Default for Receiver {
    fn default() -> Self {
        Self {
            awaited: Number::FIRST,
            assembly: Assembly::default(),
            newest: None,
            asked: None,
            ask: None,
            questions: 0,
            acknowledge: None,
            nack: None,
            ack: false,
        }
    }
}

/// Where a fragment's message stands to the awaited one.
enum Place {
    Earlier,
    Awaited,
    Later,
}

impl Receiver {
    pub(super) fn start(
        &mut self,
        number: Number,
        (kind, length): (Kind, u16),
        bytes: &[u8],
        now: Millis,
    ) -> Result<Option<(Kind, Vec<u8>)>, Broken> {
        match self.place(number) {
            Place::Earlier => {
                self.ack = true;
                if planted::on(Bug::RepeatDelivered) && bytes.len() == usize::from(length) {
                    return Ok(Some((kind, Vec::from(bytes))));
                }
            }
            Place::Later => self.heard_of(number, now),
            Place::Awaited => {
                let whole = bytes.len() == usize::from(length);
                let size = WriteSize::new(bytes.len().saturating_add(3)).filter(|_| !whole);
                if size.is_none() && !whole {
                    return Err(Broken::Malformed);
                }
                let head = Head { kind, length, size };
                if self.assembly.head.is_some_and(|there| there != head) {
                    return Err(Broken::Malformed);
                }
                self.assembly.head = Some(head);
                return self.keep(0, bytes, now);
            }
        }
        Ok(None)
    }

    pub(super) fn continuation(
        &mut self,
        number: Number,
        index: u8,
        bytes: &[u8],
        now: Millis,
    ) -> Result<Option<(Kind, Vec<u8>)>, Broken> {
        match self.place(number) {
            Place::Earlier => self.ack = true,
            Place::Later => self.heard_of(number, now),
            Place::Awaited => return self.keep(index, bytes, now),
        }
        Ok(None)
    }

    /// Whether a fragment is of a message that is there already.
    pub(super) fn is_earlier(&self, number: Number) -> bool {
        matches!(self.place(number), Place::Earlier)
    }

    fn place(&self, number: Number) -> Place {
        match number.since(self.awaited) {
            0 => Place::Awaited,
            1..=3 => Place::Later,
            _ => Place::Earlier,
        }
    }

    /// That a message exists says that the awaited one does; that none exists stops the questions.
    pub(super) fn heard_of(&mut self, number: Number, now: Millis) {
        match number.since(self.awaited) {
            0..=3 => {
                self.newest = Some(number);
                if self.assembly.is_empty() && self.asked.is_none() {
                    self.ask_for(ALL, now);
                } else if self.ask.is_none() {
                    self.ask = Some(now + Millis(SILENCE));
                }
            }
            15 if self.assembly.is_empty() => {
                (self.newest, self.asked, self.ask, self.questions) = (None, None, None, 0);
            }
            _ => {}
        }
    }

    /// Keeps a fragment of the awaited message; the message, when it was the last one missing.
    fn keep(&mut self, index: u8, bytes: &[u8], now: Millis) -> Result<Option<(Kind, Vec<u8>)>, Broken> {
        self.ask = Some(now + Millis(SILENCE));
        if let Some(there) = self.assembly.parts.get(&index) {
            let same = there == bytes || planted::on(Bug::OtherBytesIgnored);
            return if same { Ok(None) } else { Err(Broken::Malformed) };
        }
        self.questions = 0;
        self.assembly.insert(index, bytes)?;
        if let Some(message) = self.assembly.take_complete() {
            self.completed(now);
            return Ok(Some(message));
        }
        let missing = self.assembly.first_missing();
        if self.assembly.reaches_beyond(missing) && self.asked != Some(missing) {
            self.ask_for(missing, now);
        }
        Ok(None)
    }

    fn completed(&mut self, now: Millis) {
        self.awaited = self.awaited.next();
        (self.asked, self.ask, self.nack) = (None, None, None);
        self.acknowledge = Some(now + Millis(ACKNOWLEDGE));
        self.newest = self.newest.filter(|newest| newest.since(self.awaited) <= 3);
        if self.newest.is_some() {
            self.ask_for(ALL, now);
        }
    }

    fn ask_for(&mut self, index: u8, now: Millis) {
        (self.asked, self.nack, self.ask) = (Some(index), Some(index), Some(now + Millis(SILENCE)));
    }

    /// Number of the newest message that is there with all before it.
    pub(super) fn acknowledges(&self) -> Number {
        self.awaited.previous()
    }

    /// A start told the other side.
    pub(super) fn has_acknowledged(&mut self) {
        (self.acknowledge, self.ack) = (None, false);
    }

    /// Acknowledges at once.
    pub(super) fn acknowledge_now(&mut self) {
        (self.acknowledge, self.ack) = (None, true);
    }

    /// A NACK or an ACK that is due.
    pub(super) fn next_signal(&mut self) -> Option<Vec<u8>> {
        if let Some(index) = self.nack.take() {
            return Some(Fragment::Nack { number: self.awaited, index }.encode());
        }
        core::mem::take(&mut self.ack).then(|| {
            self.acknowledge = None;
            Fragment::Ack { number: self.acknowledges() }.encode()
        })
    }

    pub(super) fn deadline(&self) -> Option<Millis> {
        [self.ask, self.acknowledge].into_iter().flatten().min()
    }

    pub(super) fn tick(&mut self, now: Millis) -> Result<(), Broken> {
        if self.acknowledge.is_some_and(|due| due <= now) {
            self.acknowledge_now();
        }
        if self.ask.is_some_and(|due| due <= now) {
            if self.questions >= QUESTIONS {
                return Err(Broken::NoAnswer);
            }
            self.questions = self.questions.saturating_add(1);
            let missing = if self.assembly.is_empty() { ALL } else { self.assembly.first_missing() };
            self.ask_for(missing, now);
        }
        Ok(())
    }
}

impl Assembly {
    fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    fn insert(&mut self, index: u8, bytes: &[u8]) -> Result<(), Broken> {
        self.held = self.held.saturating_add(bytes.len());
        if self.held > MAX_BODY {
            return Err(Broken::Malformed);
        }
        self.parts.insert(index, Vec::from(bytes));
        let Some(head) = self.head else { return Ok(()) };
        let fits = |(index, bytes): (&u8, &Vec<u8>)| head.length_of(*index) == Some(bytes.len());
        // A start judges all that came before it.
        let all_fit =
            if index == 0 { self.parts.iter().all(fits) } else { head.length_of(index) == Some(bytes.len()) };
        if all_fit { Ok(()) } else { Err(Broken::Malformed) }
    }

    fn first_missing(&self) -> u8 {
        (0..ALL).find(|index| !self.parts.contains_key(index)).unwrap_or(ALL)
    }

    fn reaches_beyond(&self, index: u8) -> bool {
        self.parts.last_key_value().is_some_and(|(highest, _)| *highest > index)
    }

    /// The whole message, if it is one; nothing is left of it then.
    fn take_complete(&mut self) -> Option<(Kind, Vec<u8>)> {
        let head = self.head.filter(|head| usize::from(head.length) == self.held)?;
        let parts = core::mem::take(self).parts;
        Some((head.kind, parts.into_values().flatten().collect()))
    }
}

impl Head {
    /// How many bytes fragment `index` has to have; nothing for one that does not exist.
    fn length_of(self, index: u8) -> Option<usize> {
        let length = usize::from(self.length);
        match (self.size, index) {
            (Some(size), index) => size.place(index, length).map(|place| place.len()),
            (None, 0) => Some(length),
            (None, _) => None,
        }
    }
}
