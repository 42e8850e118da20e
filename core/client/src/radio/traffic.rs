//! What went over the air, counted where it went.

use std::sync::{Arc, Mutex, PoisonError};

use crate::ports::Millis;

/// One value written or notified, or one command with its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wire {
    /// When, by the monotonic clock.
    pub at: Millis,
    /// Bytes from the phone.
    pub sent: usize,
    /// Bytes from the token.
    pub received: usize,
}

/// A count that is shared by all connections of one connector.
#[derive(Clone, Debug, Default)]
pub struct Traffic(Arc<Mutex<Vec<Wire>>>);

impl Traffic {
    pub(super) fn count(&self, at: Millis, sent: usize, received: usize) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Wire { at, sent, received });
    }

    /// In the order of time.
    #[must_use]
    pub fn all(&self) -> Vec<Wire> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
