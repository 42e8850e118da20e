//! What went over the air, counted where it went.

use std::sync::{Arc, Mutex, PoisonError};

use ushield_protocol::framing::apdu::Command;
use ushield_protocol::framing::fragment::Fragment;

/// What went over the air.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Air {
    /// Fragments written and notified, or commands with their answers. Neither keep-alives nor polls that brought nothing.
    pub exchanges: usize,
    /// Bytes of these.
    pub bytes: usize,
    /// Of these bytes, what belongs to the framing and to no message: headers, acknowledgements, status words.
    pub headers: usize,
    /// Keep-alives, of three bytes.
    pub keep_alives: usize,
    /// Polls of a card that brought nothing.
    pub polls: usize,
}

/// Bytes of a status word (ISO/IEC 7816-4, 5.1).
const STATUS: usize = 2;

/// A count that is shared by all connections of one connector.
#[derive(Clone, Debug, Default)]
pub struct Traffic(Arc<Mutex<Air>>);

impl Traffic {
    /// A characteristic was read.
    pub(super) fn read(&self, value: &[u8]) {
        self.exchange(value.len(), value.len());
    }

    /// A value was written or notified.
    pub(super) fn value(&self, value: &[u8]) {
        match Fragment::decode(value) {
            Ok(Fragment::KeepAlive { .. }) => {
                self.count(|air| air.keep_alives = air.keep_alives.saturating_add(1));
            }
            Ok(Fragment::Start { bytes, .. } | Fragment::Continuation { bytes, .. }) => {
                self.exchange(value.len(), bytes.len());
            }
            Ok(Fragment::Nack { .. } | Fragment::Ack { .. }) | Err(_) => self.exchange(value.len(), 0),
        }
    }

    /// A command was answered.
    pub(super) fn command(&self, command: &[u8], answer: &[u8]) {
        let told = match Command::decode(command) {
            Ok(Command::Message { part, .. }) => part.len(),
            _ => 0,
        };
        let heard = answer.len().saturating_sub(STATUS);
        self.exchange(command.len().saturating_add(answer.len()), told.saturating_add(heard));
    }

    /// A poll brought nothing.
    pub(super) fn poll(&self) {
        self.count(|air| air.polls = air.polls.saturating_add(1));
    }

    fn exchange(&self, bytes: usize, of_messages: usize) {
        self.count(|air| {
            air.exchanges = air.exchanges.saturating_add(1);
            air.bytes = air.bytes.saturating_add(bytes);
            air.headers = air.headers.saturating_add(bytes.saturating_sub(of_messages));
        });
    }

    fn count(&self, count: impl FnOnce(&mut Air)) {
        count(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// So far.
    #[must_use]
    pub fn so_far(&self) -> Air {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_and_keep_alives_are_counted_apart() {
        let traffic = Traffic::default();
        traffic.read(&[0; 13]);
        // Start of message 0, sealed, 18 bytes whole; its continuation would carry 2 of header.
        traffic.value(&[&[0xb0, 0xf0, 18][..], &[1; 17]].concat());
        traffic.value(&[0x00, 1, 9]);
        traffic.value(&[0xd0, 0xf0, 0]);
        traffic.value(&[0xf0]);
        let air = Air { exchanges: 4, bytes: 37, headers: 6, keep_alives: 1, polls: 0 };
        assert_eq!(traffic.so_far(), air);

        let traffic = Traffic::default();
        traffic.command(&[0x80, 0xc2, 2, 0, 3, 7, 7, 7, 0], &[5, 5, 0x90, 0]);
        traffic.poll();
        let air = Air { exchanges: 1, bytes: 13, headers: 8, keep_alives: 0, polls: 1 };
        assert_eq!(traffic.so_far(), air);
    }
}
