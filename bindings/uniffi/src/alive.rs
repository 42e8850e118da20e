//! How many objects the host holds: one that forgets to close them is found by it.

use std::sync::atomic::{AtomicI64, Ordering};

static ALIVE: AtomicI64 = AtomicI64::new(0);

/// Counts as long as it lives.
#[derive(Debug)]
pub(crate) struct Alive(());

impl Alive {
    pub(crate) fn new() -> Self {
        ALIVE.fetch_add(1, Ordering::Relaxed);
        Self(())
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        ALIVE.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Objects of this library that are alive: clients, operations, wanted tokens. Equal before and after, or somebody has not closed something.
#[uniffi::export]
pub fn live_objects() -> i64 {
    ALIVE.load(Ordering::Relaxed)
}
