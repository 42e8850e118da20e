//! Time.

use async_trait::async_trait;
pub use ushield_session::Millis;

/// Seconds since 1970-01-01T00:00:00Z. May jump: nothing that matters is decided by it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnixSeconds(pub u64);

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
