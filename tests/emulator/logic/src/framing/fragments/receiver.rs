//! What comes from the phone: put together, asked for where it is lost, acknowledged.

use alloc::vec::Vec;

use ushield_protocol::framing::fragment::{ALL, Fragment, Number};
use ushield_protocol::message::Kind;

use super::Broken;
use super::assembly::Assembly;
use crate::hal::Millis;

/// From a message to its acknowledgement by itself.
const ACKNOWLEDGE: u64 = 300;
/// From the last that was heard of a message to asking for more of it.
const ASK: u64 = 500;
/// So often without progress.
const TRIES: u8 = 12;
/// Fragments of a message so far after the awaited one are of a later message, else of an earlier one.
const LATER: u8 = 3;

#[derive(Debug)]
pub(super) struct Receiver {
    awaited: Number,
    /// How many messages are known to exist from the awaited one on.
    known: u8,
    assembly: Assembly,
    /// The fragment of the awaited message that was asked for last.
    asked: Option<u8>,
    /// The same, not written yet.
    nack: Option<u8>,
    /// When it is asked for again, and how often that was done without progress.
    ask: Option<Millis>,
    tries: u8,
    acknowledge: Option<Millis>,
    delivered: Option<(Kind, Vec<u8>)>,
}

/// A fragment of a message's body.
#[derive(Clone, Copy, Debug)]
pub(super) enum Piece<'a> {
    Start { kind: Kind, length: u16, bytes: &'a [u8] },
    Continuation { index: u8, bytes: &'a [u8] },
}

impl Receiver {
    pub(super) fn new() -> Self {
        Self {
            awaited: Number::FIRST,
            known: 0,
            assembly: Assembly::default(),
            asked: None,
            nack: None,
            ask: None,
            tries: 0,
            acknowledge: None,
            delivered: None,
        }
    }

    /// The newest message that is there with all before it.
    pub(super) fn acknowledges(&self) -> Number {
        self.awaited.previous()
    }

    /// A start said so.
    pub(super) fn acknowledged(&mut self) {
        self.acknowledge = None;
    }

    pub(super) fn deadline(&self) -> Option<Millis> {
        [self.ask, self.acknowledge].into_iter().flatten().min()
    }

    pub(super) fn next_message(&mut self) -> Option<(Kind, Vec<u8>)> {
        self.delivered.take()
    }

    pub(super) fn next_signal(&mut self, now: Millis) -> Option<Fragment<'static>> {
        if let Some(index) = self.nack.take() {
            return Some(Fragment::Nack { number: self.awaited, index });
        }
        self.acknowledge.filter(|at| *at <= now)?;
        self.acknowledge = None;
        Some(Fragment::Ack { number: self.acknowledges() })
    }

    /// Whether a message was taken as a whole before.
    pub(super) fn is_there(&self, number: Number) -> bool {
        number.since(self.awaited) > LATER
    }

    pub(super) fn take(&mut self, number: Number, piece: Piece<'_>, now: Millis) -> Result<(), Broken> {
        match number.since(self.awaited) {
            0 if self.delivered.is_none() => self.take_awaited(piece, now),
            distance @ 0..=LATER => {
                self.know(distance.saturating_add(1), now);
                Ok(())
            }
            _ => {
                self.acknowledge = Some(now);
                Ok(())
            }
        }
    }

    /// So many messages exist from the awaited one on, and here is none of its fragments.
    fn know(&mut self, messages: u8, now: Millis) {
        self.known = self.known.max(messages);
        if self.assembly.is_empty() && self.asked.is_none() {
            self.ask_for(ALL, now);
        }
    }

    fn ask_for(&mut self, index: u8, now: Millis) {
        (self.asked, self.nack) = (Some(index), Some(index));
        self.ask = Some(now.plus(ASK));
    }

    fn take_awaited(&mut self, piece: Piece<'_>, now: Millis) -> Result<(), Broken> {
        self.known = self.known.max(1);
        self.ask = Some(now.plus(ASK));
        let is_new = match piece {
            Piece::Start { kind, length, bytes } => self.assembly.start(kind, length, bytes)?,
            Piece::Continuation { index, bytes } => self.assembly.continuation(index, bytes)?,
        };
        if !is_new {
            return Ok(());
        }
        self.tries = 0;
        if let Some(message) = self.assembly.take_whole() {
            self.deliver(message, now);
            return Ok(());
        }
        if self.nack.is_some_and(|index| self.assembly.has(index)) {
            self.nack = None;
        }
        if let Some(gap) = self.assembly.gap().filter(|gap| self.asked != Some(*gap)) {
            self.ask_for(gap, now);
        }
        Ok(())
    }

    fn deliver(&mut self, message: (Kind, Vec<u8>), now: Millis) {
        self.delivered = Some(message);
        self.awaited = self.awaited.next();
        self.known = self.known.saturating_sub(1);
        (self.asked, self.nack, self.ask) = (None, None, None);
        self.acknowledge = Some(self.acknowledge.unwrap_or(now.plus(ACKNOWLEDGE)));
        if self.known > 0 {
            self.ask_for(ALL, now);
        }
    }

    pub(super) fn tick(&mut self, now: Millis) -> Result<(), Broken> {
        if self.ask.is_none_or(|ask| now < ask) {
            return Ok(());
        }
        if self.tries == TRIES {
            return Err(Broken::GivenUp);
        }
        self.tries = self.tries.saturating_add(1);
        let index = if self.assembly.is_empty() { ALL } else { self.assembly.first_missing() };
        self.ask_for(index, now);
        Ok(())
    }
}

#[cfg(test)]
impl Receiver {
    /// Bytes of the message that comes, and of the one that was not fetched.
    pub(super) fn held(&self) -> (usize, usize) {
        (self.assembly.held(), self.delivered.as_ref().map_or(0, |(_, body)| body.len()))
    }
}
