//! Time, as the host tells it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use async_trait::async_trait;
use ushield_client::ports::{self, Millis, UnixSeconds};

/// How often the host's clock is looked at while something waits: a phone that slept is noticed by then.
const GLANCE: Millis = Millis(5_000);
/// A phone that slept longer than 30 days is none.
const LONGEST_SLEEP: u64 = 30 * 86_400_000;

/// The phone's clocks. Both answer at once.
#[uniffi::export(with_foreign)]
pub trait Clock: Send + Sync {
    /// The wall clock: seconds since 1970-01-01T00:00:00Z. May jump.
    fn unix_seconds(&self) -> Result<u64, ClockError>;

    /// Milliseconds of a clock that never goes back, starts anywhere and goes on while the phone sleeps.
    fn elapsed_millis(&self) -> Result<u64, ClockError>;
}

/// Why there is no time. The system's clock is taken then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, uniffi::Error)]
pub enum ClockError {
    /// The host threw.
    #[error("the host threw")]
    Unexpected {
        /// What the binding says of it. Not kept.
        reason: String,
    },
}

impl From<uniffi::UnexpectedUniFFICallbackError> for ClockError {
    fn from(error: uniffi::UnexpectedUniFFICallbackError) -> Self {
        ClockError::Unexpected { reason: error.reason }
    }
}

/// The host's clock where it has one, else the system's. A clock that stands still, jumps or throws delays nothing.
pub(crate) struct ClockPort {
    host: Option<Arc<dyn Clock>>,
    start: Instant,
    /// What the host's monotonic clock said at the start.
    host_start: u64,
    /// The latest that was told.
    latest: AtomicU64,
}

impl ClockPort {
    pub(crate) fn new(host: Option<Arc<dyn Clock>>) -> Self {
        let host_start = host.as_ref().and_then(|host| host.elapsed_millis().ok()).unwrap_or_default();
        Self { host, start: Instant::now(), host_start, latest: AtomicU64::new(0) }
    }

    /// Since the start, by the system's clock, which may stand still while the phone sleeps.
    fn awake(&self) -> Millis {
        Millis(u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX))
    }
}

#[async_trait]
impl ports::Clock for ClockPort {
    fn now(&self) -> UnixSeconds {
        let told = self.host.as_ref().and_then(|host| host.unix_seconds().ok());
        // A clock before 1970 is wrong in any case, and nothing that matters is decided by it.
        let system =
            || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        UnixSeconds(told.unwrap_or_else(system))
    }

    fn monotonic(&self) -> Millis {
        let awake = self.awake();
        let told = self.host.as_ref().and_then(|host| host.elapsed_millis().ok());
        let told = told.map_or(0, |told| told.saturating_sub(self.host_start));
        // Behind the time awake it is wrong, and so far ahead too.
        let sane = if told > awake.0.saturating_add(LONGEST_SLEEP) { 0 } else { told };
        let now = awake.0.max(sane);
        Millis(self.latest.fetch_max(now, Ordering::Relaxed).max(now))
    }

    async fn sleep(&self, length: Millis) {
        let (until, awake_until) = (self.monotonic() + length, self.awake() + length);
        loop {
            let left = until.since(self.monotonic()).min(awake_until.since(self.awake()));
            if left == Millis(0) {
                return;
            }
            let glance = if self.host.is_some() { left.min(GLANCE) } else { left };
            tokio::time::sleep(Duration::from_millis(glance.0)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ushield_client::ports::Clock as _;

    /// Says one thing after the other, then throws.
    struct Saying(std::sync::Mutex<Vec<u64>>);

    impl Clock for Saying {
        fn unix_seconds(&self) -> Result<u64, ClockError> {
            self.elapsed_millis()
        }

        fn elapsed_millis(&self) -> Result<u64, ClockError> {
            self.0
                .lock()
                .ok()
                .and_then(|mut says| says.pop())
                .ok_or(ClockError::Unexpected { reason: String::new() })
        }
    }

    fn clock(mut says: Vec<u64>) -> ClockPort {
        says.reverse();
        ClockPort::new(Some(Arc::new(Saying(says.into()))))
    }

    #[test]
    fn a_host_that_slept_is_believed_and_one_that_talks_nonsense_is_not() {
        let clock = clock(vec![1_000, 3_601_000, 5, u64::MAX]);
        let slept = clock.monotonic();
        assert!(slept >= Millis(3_600_000));
        for _ in 0..3 {
            let now = clock.monotonic();
            assert!(now >= slept && now < Millis(3_700_000), "{now:?}");
        }
    }

    #[test]
    fn without_an_answer_the_systems_time_is_taken() {
        assert!(clock(vec![]).now() > UnixSeconds(1_735_689_600));
        assert_eq!(clock(vec![0, 77]).now(), UnixSeconds(77));
        assert!(ClockPort::new(None).now() > UnixSeconds(1_735_689_600));
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_stands_still_ends_a_sleep_all_the_same() {
        let clock = clock(vec![7; 1_000_000]);
        let sleep = clock.sleep(Millis(20));
        assert!(tokio::time::timeout(Duration::from_secs(60), sleep).await.is_ok());
    }
}
