//! What went over the air, counted where it went.

use std::sync::{Arc, Mutex, PoisonError};

/// What went over the air.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Air {
    /// Values written and notified, or commands with their answers, but for the polls.
    pub exchanges: usize,
    /// Bytes of these, with headers and status words.
    pub bytes: usize,
    /// Polls of a card that brought nothing.
    pub polls: usize,
}

/// A count that is shared by all connections of one connector.
#[derive(Clone, Debug, Default)]
pub struct Traffic(Arc<Mutex<Air>>);

impl Traffic {
    pub(super) fn exchange(&self, bytes: usize) {
        self.count(|air| {
            air.exchanges = air.exchanges.saturating_add(1);
            air.bytes = air.bytes.saturating_add(bytes);
        });
    }

    pub(super) fn poll(&self) {
        self.count(|air| air.polls = air.polls.saturating_add(1));
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
