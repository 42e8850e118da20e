//! This machine's clock and entropy.

use std::time::{Duration, Instant, SystemTime};

use async_trait::async_trait;
use ushield_client::Error;
use ushield_client::ports::{Clock, Entropy, Millis, UnixSeconds};
use ushield_protocol::code::Code;

/// The clocks of the operating system.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// A clock whose monotonic time begins now.
    #[must_use]
    pub fn new() -> Self {
        Self { start: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> UnixSeconds {
        // A clock before 1970 is wrong in any case, and nothing that matters is decided by it.
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
        UnixSeconds(since.as_secs())
    }

    fn monotonic(&self) -> Millis {
        Millis(u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    async fn sleep(&self, length: Millis) {
        tokio::time::sleep(Duration::from_millis(length.0)).await;
    }
}

/// The operating system's random numbers.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsEntropy;

impl Entropy for OsEntropy {
    fn fill(&self, out: &mut [u8]) -> Result<(), Error> {
        getrandom::fill(out).map_err(|error| Error::new(Code::KeystoreFailure).caused_by(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_goes_on_and_random_numbers_differ() {
        let clock = SystemClock::new();
        // 2025: this code did not exist before.
        assert!(clock.now() > UnixSeconds(1_735_689_600));
        let first = clock.monotonic();
        assert!(clock.monotonic() >= first);
        let (mut a, mut b) = ([0; 32], [0; 32]);
        OsEntropy.fill(&mut a).unwrap();
        OsEntropy.fill(&mut b).unwrap();
        assert_ne!(a, b);
    }
}
