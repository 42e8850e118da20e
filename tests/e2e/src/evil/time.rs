//! A clock that a test moves, and random numbers from a seed.

use std::future::poll_fn;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;

use async_trait::async_trait;
use ushield_client::Error;
use ushield_client::ports::{Clock, Entropy, Millis, UnixSeconds};
use ushield_protocol::key::sha256;

/// When every test begins: 2026-12-01T12:00:00Z.
pub const START: u64 = 1_796_126_400;

/// Time that passes only when a test moves it or everybody waits.
#[derive(Debug, Default)]
pub struct ManualClock(AtomicU64);

impl ManualClock {
    /// Lets time pass.
    pub fn advance(&self, seconds: u64) {
        self.0.fetch_add(seconds * 1000, Ordering::SeqCst);
    }

    /// The wall clock, Unix seconds.
    pub fn unix(&self) -> u64 {
        START + self.0.load(Ordering::SeqCst) / 1000
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn now(&self) -> UnixSeconds {
        UnixSeconds(self.unix())
    }

    fn monotonic(&self) -> Millis {
        Millis(self.0.load(Ordering::SeqCst))
    }

    async fn sleep(&self, length: Millis) {
        // Whoever waits beside this one comes first: in one thread, what can go on has gone on after one turn.
        let mut turns = 2;
        poll_fn(|context| match turns {
            0 => Poll::Ready(()),
            _ => {
                turns -= 1;
                context.waker().wake_by_ref();
                Poll::Pending
            }
        })
        .await;
        self.0.fetch_add(length.0, Ordering::SeqCst);
    }
}

/// Bytes from a seed: the same seed, the same run.
#[derive(Debug)]
pub struct SeededEntropy {
    seed: u64,
    drawn: AtomicU64,
}

impl SeededEntropy {
    /// Random numbers of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { seed, drawn: AtomicU64::new(0) }
    }

    /// The next 32 bytes.
    pub fn draw(&self) -> [u8; 32] {
        let n = self.drawn.fetch_add(1, Ordering::SeqCst);
        *sha256(&[b"entropy", &self.seed.to_be_bytes(), &n.to_be_bytes()]).as_bytes()
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, out: &mut [u8]) -> Result<(), Error> {
        for chunk in out.chunks_mut(32) {
            chunk.copy_from_slice(&self.draw()[..chunk.len()]);
        }
        Ok(())
    }
}
