//! Fragments over Bluetooth LE: cut, acknowledged, asked for again and put together (protocol.md, section 2.1).
//!
//! One [`Fragments`] lives as long as a connection. The driver writes what [`Fragments::next_write`] gives, hands in what is notified,
//! and calls [`Fragments::tick`] at [`Fragments::deadline`].

mod receiver;
mod sender;

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use ushield_protocol::framing::fragment::{Fragment, WriteSize};
use ushield_protocol::message::Kind;
use ushield_protocol::planted::{self, Bug};

use self::receiver::Receiver;
use self::sender::Sender;
use crate::Millis;

/// Why a connection is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// What came is no fragment, or contradicts what came before.
    Malformed,
    /// The other side does not answer, or cannot be understood.
    NoAnswer,
    /// More was to be sent than a connection ever needs.
    TooMuch,
}

/// The phone's side of a connection.
#[derive(Debug)]
pub struct Fragments {
    sender: Sender,
    receiver: Receiver,
    received: VecDeque<(Kind, Vec<u8>)>,
}

impl Fragments {
    /// A connection that has just come to stand, with this write size.
    #[must_use]
    pub fn new(size: WriteSize) -> Self {
        Self { sender: Sender::new(size), receiver: Receiver::default(), received: VecDeque::new() }
    }

    /// Takes a message to be sent.
    ///
    /// # Errors
    /// [`Broken::TooMuch`] when too many wait already.
    pub fn send(&mut self, kind: Kind, body: &[u8]) -> Result<(), Broken> {
        self.sender.send(kind, body)
    }

    /// What is to be written now, if anything.
    pub fn next_write(&mut self, now: Millis) -> Option<Vec<u8>> {
        if let Some(signal) = self.receiver.next_signal() {
            return Some(signal);
        }
        let (value, is_start) = self.sender.next_write(self.receiver.acknowledges(), now)?;
        if is_start {
            self.receiver.has_acknowledged();
        }
        Some(value)
    }

    /// Takes what was notified.
    ///
    /// # Errors
    /// [`Broken::Malformed`]: the connection is to be ended.
    pub fn receive(&mut self, value: &[u8], now: Millis) -> Result<(), Broken> {
        let fragment = Fragment::decode(value).map_err(|_| Broken::Malformed)?;
        self.sender.heard(now);
        match fragment {
            Fragment::Start { number, kind, acknowledges, length, bytes } => {
                // An old fragment's word is as old.
                if !self.receiver.is_earlier(number) {
                    self.sender.acknowledged(acknowledges, now)?;
                }
                let message = self.receiver.start(number, (kind, length), bytes, now)?;
                self.received.extend(message);
            }
            Fragment::Continuation { number, index, bytes } => {
                let message = self.receiver.continuation(number, index, bytes, now)?;
                self.received.extend(message);
            }
            Fragment::KeepAlive { last, acknowledges } => {
                self.sender.acknowledged(acknowledges, now)?;
                if planted::on(Bug::KeepAliveAnswered) {
                    self.receiver.acknowledge_now();
                }
                if !planted::on(Bug::KeepAliveUnread) {
                    self.receiver.heard_of(last, now);
                }
                self.received.push_back((Kind::KeepAlive, Vec::new()));
            }
            Fragment::Nack { number, index } => self.sender.lacks(number, index, now)?,
            Fragment::Ack { number } => self.sender.acknowledged(number, now)?,
        }
        Ok(())
    }

    /// The next message that is there as a whole.
    pub fn next_message(&mut self) -> Option<(Kind, Vec<u8>)> {
        self.received.pop_front()
    }

    /// When [`Fragments::tick`] has something to do.
    #[must_use]
    pub fn deadline(&self) -> Option<Millis> {
        [self.sender.deadline(), self.receiver.deadline()].into_iter().flatten().min()
    }

    /// Time has passed.
    ///
    /// # Errors
    /// [`Broken::NoAnswer`]: a message cannot be had; the connection is to be ended.
    pub fn tick(&mut self, now: Millis) -> Result<(), Broken> {
        self.sender.tick(now);
        self.receiver.tick(now)
    }

    /// Whether everything that was sent has been acknowledged.
    #[cfg(test)]
    fn is_idle(&self) -> bool {
        self.sender.is_idle()
    }
}

#[cfg(test)]
mod tests;
