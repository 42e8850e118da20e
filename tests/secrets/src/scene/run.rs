//! Runs a future in this thread, without a runtime.

use std::task::{Context, Poll, Waker};

/// Polls it to its end. It lies on the heap, as most applications have it.
///
/// # Panics
/// When it waits for something that nobody brings.
pub fn run<F: Future>(future: F) -> F::Output {
    let mut future = Box::pin(future);
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..1_000_000 {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
    panic!("nobody brings what it waits for")
}
