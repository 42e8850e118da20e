//! Runs futures in one thread, in the order in which they were woken.

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Wake, Waker};

/// A future of this executor.
pub type Task = Pin<Box<dyn Future<Output = ()>>>;

type Ready = Arc<Mutex<VecDeque<u64>>>;

struct Ring {
    task: u64,
    ready: Ready,
}

impl Wake for Ring {
    fn wake(self: Arc<Self>) {
        let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        if !ready.contains(&self.task) {
            ready.push_back(self.task);
        }
    }
}

/// The futures that run.
#[derive(Default)]
pub struct Executor {
    tasks: BTreeMap<u64, Task>,
    ready: Ready,
    spawned: u64,
}

impl std::fmt::Debug for Executor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Executor({} tasks)", self.tasks.len())
    }
}

impl Executor {
    /// Begins a future; its number.
    pub fn spawn(&mut self, task: Task) -> u64 {
        self.spawned += 1;
        self.tasks.insert(self.spawned, task);
        self.ready.lock().unwrap_or_else(PoisonError::into_inner).push_back(self.spawned);
        self.spawned
    }

    /// Drops a future wherever it waits.
    pub fn kill(&mut self, task: u64) {
        self.tasks.remove(&task);
    }

    /// Polls one future that can go on; false when none can.
    pub fn step(&mut self) -> bool {
        let next = self.ready.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let Some(number) = next else { return false };
        let Some(mut task) = self.tasks.remove(&number) else { return true };
        let waker = Waker::from(Arc::new(Ring { task: number, ready: Arc::clone(&self.ready) }));
        if task.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
            self.tasks.insert(number, task);
        }
        true
    }

    /// Whether all futures have ended.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.tasks.is_empty()
    }
}
