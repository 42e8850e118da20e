//! Time, as the host tells it.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use async_trait::async_trait;
use ushield_client::ports::{self, Millis, UnixSeconds};

/// A sleep is looked at that often: a phone that slept is noticed by then.
const GLANCE: Millis = Millis(5_000);
/// What the clock said is believed so long without asking again.
const FRESH: Duration = Duration::from_millis(250);
/// How long the first answer is waited for.
const FIRST: Duration = Duration::from_secs(1);
/// A phone that slept longer than 30 days is none.
const LONGEST_SLEEP: u64 = 30 * 86_400_000;
/// 2020 to 2200: outside it is no phone's time.
const SANE: std::ops::Range<u64> = 1_577_836_800..7_258_118_400;

/// The phone's clocks. Asked by a thread that does nothing else.
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

/// The host's clock where it has one, else the system's.
///
/// The host is asked by a thread of its own, and what counts is how far its clocks are from the system's: one that hangs, throws, stands
/// still or jumps delays nobody and stops no time.
pub(crate) struct ClockPort {
    start: Instant,
    told: Option<Arc<Told>>,
}

/// What the host's clocks said, as distances from the system's.
struct Told {
    /// Milliseconds that the phone slept, by the host's monotonic clock. Only grows.
    slept: AtomicU64,
    /// Seconds from the system's wall clock to the host's.
    ahead: AtomicI64,
    asker: Mutex<Asker>,
    answered: Condvar,
}

#[derive(Default)]
struct Asker {
    /// Answers are wanted again.
    asked: bool,
    /// How many were given.
    answers: u64,
    last: Option<Instant>,
    over: bool,
}

impl ClockPort {
    /// Begins to ask, and waits a moment for the first answer: may block that long.
    pub(crate) fn new(host: Option<Arc<dyn Clock>>) -> Self {
        let start = Instant::now();
        let told = host.and_then(|host| Told::begin(host, start));
        if let Some(told) = &told {
            told.ask();
            let first = told.answered.wait_timeout_while(told.asker(), FIRST, |asker| asker.answers == 0);
            drop(first);
        }
        Self { start, told }
    }

    /// Since the start, by the system's clock, which may stand still while the phone sleeps.
    fn awake(&self) -> Millis {
        awake(self.start)
    }
}

fn awake(start: Instant) -> Millis {
    Millis(u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX))
}

/// A clock before 1970 is wrong in any case, and nothing that matters is decided by it.
fn system_seconds() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

impl Told {
    /// Nothing where no thread can be had.
    fn begin(host: Arc<dyn Clock>, start: Instant) -> Option<Arc<Self>> {
        let told = Arc::new(Self {
            slept: AtomicU64::new(0),
            ahead: AtomicI64::new(0),
            asker: Mutex::default(),
            answered: Condvar::new(),
        });
        let asking = Arc::clone(&told);
        let thread = thread::Builder::new().name("ushield-clock".to_owned());
        thread.spawn(move || asking.listen(&*host, start)).ok().map(|_| told)
    }

    fn asker(&self) -> MutexGuard<'_, Asker> {
        // Nothing that is done under the lock can stop half-way.
        self.asker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wants an answer, without waiting for it.
    fn ask(&self) {
        let mut asker = self.asker();
        if asker.last.is_none_or(|last| last.elapsed() >= FRESH) && !asker.asked {
            asker.asked = true;
            self.answered.notify_all();
        }
    }

    fn end(&self) {
        self.asker().over = true;
        self.answered.notify_all();
    }

    /// Asks the host whenever an answer is wanted, until the end.
    fn listen(&self, host: &dyn Clock, start: Instant) {
        let host_start = host.elapsed_millis().ok();
        loop {
            let (elapsed, awake) = (host.elapsed_millis().ok(), awake(start));
            if let (Some(elapsed), Some(host_start)) = (elapsed, host_start) {
                let slept = elapsed.saturating_sub(host_start).saturating_sub(awake.0);
                if slept <= LONGEST_SLEEP {
                    self.slept.fetch_max(slept, Ordering::Relaxed);
                }
            }
            if let Some(now) = host.unix_seconds().ok().filter(|now| SANE.contains(now)) {
                let ahead = i64::try_from(now).unwrap_or_default()
                    - i64::try_from(system_seconds()).unwrap_or_default();
                self.ahead.store(ahead, Ordering::Relaxed);
            }
            let mut asker = self.asker();
            asker.asked = false;
            asker.answers += 1;
            asker.last = Some(Instant::now());
            self.answered.notify_all();
            while !asker.asked && !asker.over {
                asker = self.answered.wait(asker).unwrap_or_else(PoisonError::into_inner);
            }
            if asker.over {
                return;
            }
        }
    }
}

impl Drop for ClockPort {
    fn drop(&mut self) {
        if let Some(told) = &self.told {
            told.end();
        }
    }
}

#[async_trait]
impl ports::Clock for ClockPort {
    fn now(&self) -> UnixSeconds {
        let ahead = self.told.as_ref().map_or(0, |told| {
            told.ask();
            told.ahead.load(Ordering::Relaxed)
        });
        UnixSeconds(system_seconds().saturating_add_signed(ahead))
    }

    fn monotonic(&self) -> Millis {
        let slept = self.told.as_ref().map_or(0, |told| {
            told.ask();
            told.slept.load(Ordering::Relaxed)
        });
        self.awake() + Millis(slept)
    }

    async fn sleep(&self, length: Millis) {
        let (until, awake_until) = (self.monotonic() + length, self.awake() + length);
        loop {
            let left = until.since(self.monotonic()).min(awake_until.since(self.awake()));
            if left == Millis(0) {
                return;
            }
            let glance = if self.told.is_some() { left.min(GLANCE) } else { left };
            tokio::time::sleep(Duration::from_millis(glance.0)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;
    use ushield_client::ports::Clock as _;

    /// Says one thing after the other, of elapsed time and of the wall clock; throws when it has nothing more to say.
    struct Saying {
        elapsed: Vec<u64>,
        seconds: Vec<u64>,
        said: AtomicUsize,
        /// Answers nothing more from there on until the test ends.
        hangs_at: usize,
        hanging: Mutex<()>,
    }

    impl Clock for Saying {
        fn unix_seconds(&self) -> Result<u64, ClockError> {
            let said = self.said.load(Ordering::Relaxed).saturating_sub(2);
            self.seconds.get(said).copied().ok_or(ClockError::Unexpected { reason: String::new() })
        }

        fn elapsed_millis(&self) -> Result<u64, ClockError> {
            let said = self.said.fetch_add(1, Ordering::Relaxed);
            if said >= self.hangs_at {
                let _waits = self.hanging.lock();
            }
            self.elapsed.get(said).copied().ok_or(ClockError::Unexpected { reason: String::new() })
        }
    }

    fn saying(elapsed: &[u64], seconds: &[u64], hangs_at: usize) -> Arc<Saying> {
        let (elapsed, seconds) = (elapsed.to_vec(), seconds.to_vec());
        Arc::new(Saying { elapsed, seconds, said: 0.into(), hangs_at, hanging: Mutex::default() })
    }

    /// Has the host asked again, and waits until it has answered.
    fn again(clock: &ClockPort) {
        let told = clock.told.as_ref().unwrap();
        let mut asker = told.asker();
        let answers = asker.answers;
        asker.asked = true;
        told.answered.notify_all();
        drop(told.answered.wait_while(asker, |asker| asker.answers == answers).unwrap());
    }

    #[test]
    fn a_phone_that_slept_is_believed_and_time_goes_on_after_nonsense() {
        let hour = 3_600_000;
        // The start, an hour later, an hour back, 100 years later; then it throws.
        let host = saying(&[1_000, 1_000 + hour, 5, u64::MAX], &[], usize::MAX);
        let clock = ClockPort::new(Some(host));
        let mut last = clock.monotonic();
        assert!(last >= Millis(hour) && last < Millis(hour + 60_000), "{last:?}");
        for _ in 0..3 {
            again(&clock);
            // Time goes on by itself: it is not held by what was said.
            let goes_on = clock.monotonic();
            while clock.monotonic() == goes_on {
                std::hint::spin_loop();
            }
            let now = clock.monotonic();
            assert!(now > last && now < Millis(hour + 60_000), "{now:?}");
            last = now;
        }
    }

    #[test]
    fn the_wall_clock_is_the_hosts_where_it_can_be_one() {
        let day = system_seconds() + 86_400;
        for (said, believed) in [(day, true), (0, false), (u64::MAX, false), (77, false)] {
            let clock = ClockPort::new(Some(saying(&[0, 0], &[said], usize::MAX)));
            let ahead = clock.now().0.abs_diff(system_seconds());
            assert_eq!(ahead > 80_000, believed, "{said}");
        }
        assert!(ClockPort::new(None).now().0.abs_diff(system_seconds()) <= 1);
    }

    #[test]
    fn a_clock_that_never_answers_holds_nobody_up() {
        let host = saying(&[0, 7_200_000], &[], 2);
        let waits = host.hanging.lock().unwrap();
        let clock = ClockPort::new(Some(host.clone()));
        // Asked and not answered, from here to the end.
        for _ in 0..1_000 {
            clock.told.as_ref().unwrap().asker().last = None;
            assert!(clock.monotonic() >= Millis(7_200_000));
            assert!(clock.now().0 > 0);
        }
        drop(clock);
        drop(waits);
    }

    /// By the system's time, which no test can hold: one millisecond of it.
    #[tokio::test]
    async fn a_clock_that_stands_still_ends_a_sleep_all_the_same() {
        let clock = ClockPort::new(Some(saying(&[7; 1_000], &[], usize::MAX)));
        let sleep = clock.sleep(Millis(1));
        assert!(tokio::time::timeout(Duration::from_secs(60), sleep).await.is_ok());
    }
}
