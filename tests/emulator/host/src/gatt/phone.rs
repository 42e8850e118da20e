//! One GATT connection, without a clock and a radio: what is read, written and notified, and when it ends.

use std::collections::VecDeque;

use ushield_protocol::{framing::fragment::WriteSize, message::Kind};
use ushield_token::{Millis, framing::Fragments};

/// Without an agreement.
const SMALLEST_MTU: u16 = 23;
/// A connection on which `info` was not read ends after this.
const UNREAD: u64 = 10_000;
/// What the token said last is given so long to be acknowledged.
const LAST_WORDS: u64 = 2_000;

/// Messages beyond those that may be on their way, at most.
const WAITING: usize = 8;

pub(super) struct Phone {
    mtu: u16,
    hello: Option<Vec<u8>>,
    /// From the first read of `info` on, by the MTU of then.
    fragments: Option<Fragments>,
    subscribed: bool,
    /// A notification was handed over and not taken yet.
    busy: bool,
    /// What the token said beyond what may be on its way.
    unsent: VecDeque<(Kind, Vec<u8>)>,
    /// When the connection ends at the latest.
    ends: Option<Millis>,
    /// The token has said its last; acknowledged, the connection ends.
    last: bool,
    broken: bool,
}

impl Phone {
    pub(super) fn new(now: Millis) -> Self {
        Self {
            mtu: SMALLEST_MTU,
            hello: None,
            fragments: None,
            subscribed: false,
            busy: false,
            unsent: VecDeque::new(),
            ends: Some(now.plus(UNREAD)),
            last: false,
            broken: false,
        }
    }

    pub(super) fn mtu(&mut self, mtu: u16) {
        self.mtu = mtu;
    }

    pub(super) fn subscribed(&mut self, on: bool) {
        self.subscribed = on;
    }

    pub(super) fn notified(&mut self) {
        self.busy = false;
    }

    pub(super) fn hello(&self) -> Option<&[u8]> {
        self.hello.as_deref()
    }

    /// The token's connection has begun: `info` is read as this.
    pub(super) fn greeted(&mut self, hello: Vec<u8>) {
        self.fragments = WriteSize::of_mtu(self.mtu).map(Fragments::new);
        self.broken |= self.fragments.is_none();
        self.hello = Some(hello);
        self.ends = None;
    }

    /// Nothing that makes sense comes any more.
    pub(super) fn breaks(&mut self) {
        self.broken = true;
    }

    pub(super) fn written(&mut self, value: &[u8], now: Millis) {
        let taken = self.fragments.as_mut().is_some_and(|fragments| fragments.receive(value, now).is_ok());
        self.broken |= !taken;
    }

    pub(super) fn next_message(&mut self) -> Option<(Kind, Vec<u8>)> {
        self.fragments.as_mut()?.next_message()
    }

    pub(super) fn say(&mut self, kind: Kind, body: Vec<u8>) {
        // A keep-alive needs no room, and no place behind others.
        if kind == Kind::KeepAlive {
            self.broken |=
                self.fragments.as_mut().is_none_or(|fragments| fragments.send(kind, body).is_err());
            return;
        }
        self.unsent.push_back((kind, body));
        self.send();
        self.broken |= self.unsent.len() > WAITING;
    }

    /// Hands over what there is room for.
    fn send(&mut self) {
        let Some(fragments) = &mut self.fragments else { return };
        while fragments.has_room()
            && let Some((kind, body)) = self.unsent.pop_front()
        {
            // The token says nothing else than messages of fragments.
            self.broken |= fragments.send(kind, body).is_err();
        }
    }

    pub(super) fn last_was_said(&mut self, now: Millis) {
        self.last = true;
        self.ends = Some(now.plus(LAST_WORDS));
    }

    pub(super) fn next_notification(&mut self, now: Millis) -> Option<Vec<u8>> {
        self.send();
        if self.busy || !self.subscribed || self.broken {
            return None;
        }
        let value = self.fragments.as_mut()?.next_write(now)?;
        self.busy = true;
        Some(value)
    }

    /// When [`Self::tick`] is needed. What a notification that is on its way holds up is due when that was taken.
    pub(super) fn deadline(&self) -> Option<Millis> {
        let waits = self.busy || !self.subscribed;
        let due = self.fragments.as_ref().filter(|_| !waits).and_then(Fragments::deadline);
        [due, self.ends].into_iter().flatten().min()
    }

    pub(super) fn tick(&mut self, now: Millis) {
        if let Some(fragments) = &mut self.fragments {
            self.broken |= fragments.tick(now).is_err();
        }
    }

    /// Whether the token's side is to disconnect.
    pub(super) fn is_over(&self, now: Millis) -> bool {
        let settled = self.unsent.is_empty() && self.fragments.as_ref().is_none_or(Fragments::is_settled);
        self.broken || self.ends.is_some_and(|ends| now >= ends) || (self.last && settled)
    }
}

#[cfg(test)]
mod tests;
