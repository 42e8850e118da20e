//! Time.

use async_trait::async_trait;

/// Seconds since 1970-01-01T00:00:00Z. May jump: nothing that matters is decided by it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnixSeconds(pub u64);

/// Milliseconds: a length of time, or a point of a clock that never goes back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Millis(pub u64);

impl Millis {
    /// The time from `earlier` to `self`; none if it is not earlier.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self(self.0.saturating_sub(earlier.0))
    }
}

impl std::ops::Add for Millis {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

/// The phone's clocks.
#[async_trait]
pub trait Clock: Send + Sync {
    /// The wall clock.
    fn now(&self) -> UnixSeconds;

    /// A clock that never goes back and starts anywhere.
    fn monotonic(&self) -> Millis;

    /// Waits. Dropping it ends the wait.
    async fn sleep(&self, length: Millis);
}
