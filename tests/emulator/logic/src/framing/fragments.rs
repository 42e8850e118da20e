//! Messages in fragments over Bluetooth LE (section 2.1).

mod assembly;
mod indices;
mod receiver;
mod sender;

use alloc::vec::Vec;

use ushield_protocol::framing::fragment::{Fragment, WriteSize};
use ushield_protocol::message::Kind;

use crate::hal::Millis;
use receiver::{Piece, Receiver};
use sender::Sender;

/// One connection's fragments, both ways, between a GATT server and a [`crate::Token`].
///
/// What the phone writes goes into [`Self::receive`], and what that completes comes out of [`Self::next_message`]. What the
/// token says goes into [`Self::send`], as long as there [is room](Self::has_room), and comes out of [`Self::next_write`] as
/// often as the radio takes a notification. [`Self::tick`] is called at [`Self::deadline`], and `next_write` after it.
///
/// The hello does not come here: it is what the info characteristic is read as. Holds five messages at most: three to the
/// phone that it has not acknowledged, one from it that is not complete, and one that was not fetched.
#[derive(Debug)]
pub struct Fragments {
    sender: Sender,
    receiver: Receiver,
    broken: Option<Broken>,
}

/// The phone does not keep to the protocol, or is not heard any more: the connection is to be ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// Bytes that are no fragment.
    NotAFragment,
    /// A kind of message that a phone does not send.
    WrongKind,
    /// A fragment longer or shorter than its place, or beyond the message.
    Length,
    /// Other bytes for a fragment that is there.
    Changed,
    /// An acknowledgement of what was not sent.
    NotSent,
    /// A message that was begun does not go on.
    GivenUp,
}

/// Why a message is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsent {
    /// Three messages are not acknowledged: it has to wait.
    NoRoom,
    /// It is not a message of fragments: a hello, or a body that is empty or too long.
    NoFragments,
}

impl Fragments {
    /// For a connection with this write size.
    #[must_use]
    pub fn new(size: WriteSize) -> Self {
        Self { sender: Sender::new(size), receiver: Receiver::new(), broken: None }
    }

    /// Whether a message can be sent. Keep-alives need no room.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.sender.has_room()
    }

    /// Whether the phone has everything: after a refusal that is the moment to disconnect.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.sender.is_settled()
    }

    /// Sends a message.
    pub fn send(&mut self, kind: Kind, body: Vec<u8>) -> Result<(), Unsent> {
        self.sender.send(kind, body)
    }

    /// The next value to notify, if there is one now. A caller whose radio is busy asks later; nothing is lost.
    pub fn next_write(&mut self, now: Millis) -> Option<Vec<u8>> {
        if self.broken.is_some() {
            return None;
        }
        if let Some(signal) = self.receiver.next_signal(now) {
            return Some(signal.encode());
        }
        let next = self.sender.next_write(self.receiver.acknowledges(), now)?;
        if next.is_start {
            self.receiver.acknowledged();
        }
        Some(next.value)
    }

    /// Takes what the phone wrote. After an error the connection is to be ended, and nothing comes out of here any more.
    pub fn receive(&mut self, value: &[u8], now: Millis) -> Result<(), Broken> {
        self.unless_broken(|this| this.take(value, now))
    }

    /// A message that is complete. Fetch it before the next [`Self::receive`]: while it is not fetched, what follows it is
    /// dropped, and asked for again later.
    pub fn next_message(&mut self) -> Option<(Kind, Vec<u8>)> {
        self.receiver.next_message()
    }

    /// When [`Self::tick`] and [`Self::next_write`] are needed next, beside what is there to be written already.
    #[must_use]
    pub fn deadline(&self) -> Option<Millis> {
        if self.broken.is_some() {
            return None;
        }
        [self.receiver.deadline(), self.sender.deadline()].into_iter().flatten().min()
    }

    /// Time has passed. As with [`Self::receive`], an error ends the connection.
    pub fn tick(&mut self, now: Millis) -> Result<(), Broken> {
        self.unless_broken(|this| {
            this.sender.tick(now);
            this.receiver.tick(now)
        })
    }

    fn unless_broken(&mut self, step: impl FnOnce(&mut Self) -> Result<(), Broken>) -> Result<(), Broken> {
        let result = self.broken.map_or_else(|| step(self), Err);
        self.broken = result.err();
        result
    }

    fn take(&mut self, value: &[u8], now: Millis) -> Result<(), Broken> {
        let fragment = Fragment::decode(value).map_err(|_| Broken::NotAFragment)?;
        self.sender.heard(now);
        match fragment {
            Fragment::KeepAlive { .. } => Err(Broken::WrongKind),
            Fragment::Start { kind, .. } if !kind.from_phone() => Err(Broken::WrongKind),
            Fragment::Start { number, kind, acknowledges, length, bytes } => {
                // A start that comes again late says what was so then.
                if !self.receiver.is_there(number) {
                    self.sender.acknowledge(acknowledges, now)?;
                }
                self.receiver.take(number, Piece::Start { kind, length, bytes }, now)
            }
            Fragment::Continuation { number, index, bytes } => {
                self.receiver.take(number, Piece::Continuation { index, bytes }, now)
            }
            Fragment::Nack { number, index } => {
                self.sender.lacks(number, index, now);
                Ok(())
            }
            Fragment::Ack { number } => self.sender.acknowledge(number, now),
        }
    }
}

#[cfg(test)]
mod tests;
