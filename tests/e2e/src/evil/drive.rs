//! Runs a flow without a runtime: a poll at a time, and not for ever.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// Far more than any flow of a test takes: only one that goes round in a circle gets so far.
const MOST_POLLS: usize = 20_000;

#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// What `flow` ends with; nothing when it waits for what can never come, or goes on without end.
pub fn drive<T>(flow: impl Future<Output = T>) -> Option<T> {
    let mut flow = pin!(flow);
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    let mut context = Context::from_waker(&waker);
    for _ in 0..MOST_POLLS {
        if let Poll::Ready(done) = flow.as_mut().poll(&mut context) {
            return Some(done);
        }
        if !woken.0.swap(false, Ordering::SeqCst) {
            return None;
        }
    }
    None
}
