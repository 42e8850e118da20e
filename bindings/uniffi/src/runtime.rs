//! Threads of the core's own: no call of the host's waits for a disk, a radio or a bank on the host's thread.

use std::sync::OnceLock;

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;
use ushield_client::Error;
use ushield_protocol::code::Code;

/// Two: while one waits for the disk, the other goes on.
const THREADS: usize = 2;

static RUNTIME: OnceLock<Option<Runtime>> = OnceLock::new();

fn runtime() -> Result<&'static Runtime, Error> {
    let start = || {
        Builder::new_multi_thread().worker_threads(THREADS).thread_name("ushield").enable_time().build().ok()
    };
    RUNTIME.get_or_init(start).as_ref().ok_or(Error::new(Code::StoreFailure))
}

/// Work on the core's threads. Dropping it ends the work.
#[derive(Debug)]
pub(crate) struct Task<T>(JoinHandle<T>);

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Begins work on the core's threads.
pub(crate) fn begin<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> Result<Task<T>, Error> {
    Ok(Task(runtime()?.spawn(work)))
}

/// Does work on the core's threads. Who drops it ends it.
pub(crate) async fn done<T: Send + 'static>(
    work: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Error> {
    let mut task = begin(work)?;
    match (&mut task.0).await {
        Ok(done) => done,
        // It panicked, which is a defect of ours, and no reason to take the host along.
        Err(ended) => Err(Error::new(Code::UnexpectedEvent).caused_by(ended)),
    }
}
