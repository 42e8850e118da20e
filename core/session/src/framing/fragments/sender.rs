//! Messages that leave: kept until they are acknowledged, sent again where they are asked for or not acknowledged in time.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use ushield_protocol::framing::fragment::{ALL, Number, WriteSize, part};
use ushield_protocol::message::{Kind, MAX_BODY};
use ushield_protocol::planted::{self, Bug};

use super::Broken;
use crate::Millis;

/// Messages that may be unacknowledged at once.
const WINDOW: usize = 3;
/// An acknowledgement of one of so many messages that were not sent is none of an old one.
const NEXT: u8 = 4;
/// Messages that may wait behind them.
const WAITING: usize = 8;
/// Waits before the last fragment is sent again; after them there is silence.
const PATIENCE: [u64; 5] = [FIRST_WAIT, 2_000, 4_000, 4_000, 4_000];
const FIRST_WAIT: u64 = 1_000;

#[derive(Debug)]
struct Message {
    number: Number,
    kind: Kind,
    body: Vec<u8>,
    /// Index of its last fragment.
    last: u8,
    /// A fragment of it was written: it counts as sent.
    begun: bool,
}

#[derive(Debug)]
pub(super) struct Sender {
    size: WriteSize,
    /// Number of the next message that begins.
    next: Number,
    /// Begun and not acknowledged, the oldest first.
    kept: VecDeque<Message>,
    waiting: VecDeque<(Kind, Vec<u8>)>,
    /// Fragments to be written.
    queue: VecDeque<(Number, u8)>,
    retry: Option<Millis>,
    tries: usize,
}

impl Sender {
    pub(super) fn new(size: WriteSize) -> Self {
        let (kept, waiting, queue) = (VecDeque::new(), VecDeque::new(), VecDeque::new());
        Self { size, next: Number::FIRST, kept, waiting, queue, retry: None, tries: 0 }
    }

    pub(super) fn send(&mut self, kind: Kind, body: &[u8]) -> Result<(), Broken> {
        if self.waiting.len() >= WAITING || body.is_empty() || body.len() > MAX_BODY {
            return Err(Broken::TooMuch);
        }
        self.waiting.push_back((kind, Vec::from(body)));
        self.begin();
        Ok(())
    }

    /// Begins what waits, as far as the window allows.
    fn begin(&mut self) {
        while self.kept.len() < WINDOW
            && let Some((kind, body)) = self.waiting.pop_front()
        {
            let number = self.next;
            let last = u8::try_from(self.size.fragments(body.len()).saturating_sub(1)).unwrap_or(u8::MAX);
            self.next = number.next();
            self.queue.extend((0..=last).map(|index| (number, index)));
            self.kept.push_back(Message { number, kind, body, last, begun: false });
        }
    }

    /// The next fragment, and whether it is a start.
    pub(super) fn next_write(&mut self, acknowledges: Number, now: Millis) -> Option<(Vec<u8>, bool)> {
        loop {
            let (number, index) = self.queue.pop_front()?;
            // What was acknowledged meanwhile is not sent any more.
            let message = self.kept.iter_mut().find(|message| message.number == number);
            let Some(message) = message else { continue };
            message.begun = true;
            if index == message.last {
                self.retry = PATIENCE.get(self.tries).map(|wait| now + Millis(*wait));
            }
            let numbers = (number, acknowledges);
            let value = part(self.size, numbers, (message.kind, &message.body), index);
            return value.map(|value| (value, index == 0));
        }
    }

    /// Everything up to this message has arrived.
    pub(super) fn acknowledged(&mut self, number: Number, now: Millis) -> Result<(), Broken> {
        let unsent = self.kept.iter().find(|message| !message.begun).map_or(self.next, |m| m.number);
        if number.since(unsent) < NEXT {
            return Err(Broken::Malformed);
        }
        let Some(at) = self.kept.iter().position(|message| message.number == number) else {
            // It was so before.
            return Ok(());
        };
        self.kept.drain(..=at);
        self.tries = 0;
        self.retry = (!self.kept.is_empty()).then(|| now + Millis(FIRST_WAIT));
        self.begin();
        Ok(())
    }

    /// Sends again what the other side lacks, which says that it has all before; what is not kept or was not begun nobody can lack.
    pub(super) fn lacks(&mut self, number: Number, index: u8, now: Millis) -> Result<(), Broken> {
        if self.kept.iter().any(|message| message.number == number && message.begun) {
            self.acknowledged(number.previous(), now)?;
            self.repeat(number, index);
        }
        Ok(())
    }

    fn repeat(&mut self, number: Number, index: u8) {
        let Some(message) = self.kept.iter().find(|message| message.number == number) else { return };
        let wanted = match index {
            ALL => 0..=message.last,
            index if index <= message.last => index..=index,
            _ => return,
        };
        for index in wanted {
            if !self.queue.contains(&(number, index)) {
                self.queue.push_back((number, index));
            }
        }
    }

    pub(super) fn deadline(&self) -> Option<Millis> {
        self.retry
    }

    /// The other side is there after all.
    pub(super) fn heard(&mut self, now: Millis) {
        if self.tries >= PATIENCE.len() {
            self.tries = 0;
            self.retry = (!self.kept.is_empty()).then(|| now + Millis(FIRST_WAIT));
        }
    }

    pub(super) fn tick(&mut self, now: Millis) {
        if self.retry.is_none_or(|retry| now < retry) {
            return;
        }
        self.retry = None;
        self.tries = self.tries.saturating_add(1);
        let Some(oldest) = self.kept.front() else { return };
        let Some(wait) = PATIENCE.get(self.tries) else { return };
        self.retry = Some(now + Millis(*wait));
        let (number, last) = (oldest.number, oldest.last);
        if !planted::on(Bug::LastFragmentOnce) {
            self.repeat(number, last);
        }
    }

    #[cfg(test)]
    pub(super) fn is_idle(&self) -> bool {
        self.kept.is_empty()
    }
}
