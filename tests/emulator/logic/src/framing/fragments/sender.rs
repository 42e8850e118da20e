//! What goes to the phone: kept until it is acknowledged, sent again where it is lost.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use ushield_protocol::framing::fragment::{ALL, Fragment, Number, WriteSize, part};
use ushield_protocol::message::{Kind, MAX_BODY};

use super::indices::Indices;
use super::{Broken, Unsent};
use crate::hal::Millis;

/// Messages that are sent and not acknowledged, at most.
const WINDOW: usize = 3;
/// An acknowledgement of one of so many messages that were not sent is none of an old one.
const NEXT: u8 = 4;
/// From the last fragment to sending it again, and from there to each further time; then there is silence.
const AGAIN: u64 = 1_000;
const AND_AGAIN: [u64; 4] = [2_000, 4_000, 4_000, 4_000];

#[derive(Debug)]
pub(super) struct Sender {
    size: WriteSize,
    /// In order, the oldest first.
    kept: VecDeque<Outgoing>,
    /// The number of the next message.
    next: Number,
    keep_alive: bool,
    /// When the last fragment of the oldest message is sent again, and how often it has been. Nothing: there is none, or silence.
    again: Option<Millis>,
    repeats: usize,
}

#[derive(Debug)]
struct Outgoing {
    number: Number,
    kind: Kind,
    body: Vec<u8>,
    last: u8,
    due: Indices,
    begun: bool,
    /// Its last fragment was written.
    sent: bool,
}

/// A value to be written.
pub(super) struct Next {
    pub(super) value: Vec<u8>,
    /// It carries an acknowledgement that counts as one.
    pub(super) is_start: bool,
}

impl Sender {
    pub(super) fn new(size: WriteSize) -> Self {
        let kept = VecDeque::new();
        Self { size, kept, next: Number::FIRST, keep_alive: false, again: None, repeats: 0 }
    }

    pub(super) fn has_room(&self) -> bool {
        self.kept.len() < WINDOW
    }

    pub(super) fn is_settled(&self) -> bool {
        self.kept.is_empty()
    }

    pub(super) fn deadline(&self) -> Option<Millis> {
        self.again
    }

    pub(super) fn send(&mut self, kind: Kind, body: Vec<u8>) -> Result<(), Unsent> {
        if kind == Kind::KeepAlive {
            self.keep_alive = true;
            return Ok(());
        }
        if kind == Kind::Hello || body.is_empty() || body.len() > MAX_BODY {
            return Err(Unsent::NoFragments);
        }
        if !self.has_room() {
            return Err(Unsent::NoRoom);
        }
        let last = u8::try_from(self.size.fragments(body.len()).saturating_sub(1)).unwrap_or(u8::MAX);
        let (number, due) = (self.next, Indices::through(last));
        self.kept.push_back(Outgoing { number, kind, body, last, due, begun: false, sent: false });
        self.next = number.next();
        Ok(())
    }

    pub(super) fn next_write(&mut self, acknowledges: Number, now: Millis) -> Option<Next> {
        let due = self.kept.iter_mut().find_map(|message| Some((message.due.first()?, message)));
        let Some((index, message)) = due else {
            // What else there was to say has ended the silence just as well.
            let last = self.next.previous();
            let value = Fragment::KeepAlive { last, acknowledges }.encode();
            return core::mem::take(&mut self.keep_alive).then_some(Next { value, is_start: false });
        };
        self.keep_alive = false;
        message.due.remove(index);
        message.begun = true;
        let ends = index == message.last && !core::mem::replace(&mut message.sent, true);
        if ends && self.again.is_none() {
            self.again = Some(now.plus(AGAIN));
            self.repeats = 0;
        }
        let numbers = (message.number, acknowledges);
        let value = part(self.size, numbers, (message.kind, &message.body), index)?;
        Some(Next { value, is_start: index == 0 })
    }

    /// The phone is heard: a silence is over.
    pub(super) fn heard(&mut self, now: Millis) {
        if self.again.is_none() {
            self.start_over(now);
        }
    }

    fn start_over(&mut self, now: Millis) {
        self.repeats = 0;
        self.again = self.kept.front().filter(|oldest| oldest.sent).map(|_| now.plus(AGAIN));
    }

    pub(super) fn acknowledge(&mut self, number: Number, now: Millis) -> Result<(), Broken> {
        let not_sent = self.kept.iter().find(|message| !message.sent).map_or(self.next, |m| m.number);
        if number.since(not_sent) < NEXT {
            return Err(Broken::NotSent);
        }
        self.release(number, now);
        Ok(())
    }

    /// The phone has this message and all before it.
    fn release(&mut self, number: Number, now: Millis) {
        if let Some(at) = self.kept.iter().position(|message| message.number == number) {
            self.kept.drain(..=at);
            self.start_over(now);
        }
    }

    pub(super) fn lacks(&mut self, number: Number, index: u8, now: Millis) {
        if !self.kept.iter().any(|message| message.number == number && message.begun) {
            return;
        }
        self.release(number.previous(), now);
        let Some(message) = self.kept.front_mut() else { return };
        match index {
            ALL => message.due = Indices::through(message.last),
            index if index <= message.last => message.due.insert(index),
            _ => {}
        }
    }

    pub(super) fn tick(&mut self, now: Millis) {
        if self.again.is_none_or(|again| now < again) {
            return;
        }
        if let Some(oldest) = self.kept.front_mut() {
            oldest.due.insert(oldest.last);
        }
        self.again = AND_AGAIN.get(self.repeats).map(|millis| now.plus(*millis));
        self.repeats = self.repeats.saturating_add(1);
    }
}

#[cfg(test)]
impl Sender {
    pub(super) fn held(&self) -> usize {
        self.kept.iter().map(|message| message.body.capacity()).sum()
    }
}
