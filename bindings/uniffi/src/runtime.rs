//! Threads of the core's own: no call of the host's waits for a disk, a radio or a bank on the host's thread.

use std::pin::Pin;
use std::sync::OnceLock;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use ushield_client::Error;
use ushield_protocol::code::Code;

/// Two: while one waits for the disk, links go on at the other.
const THREADS: usize = 2;

static RUNTIME: OnceLock<Option<Runtime>> = OnceLock::new();

fn runtime() -> Result<&'static Runtime, Error> {
    let start = || {
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(THREADS).thread_name("ushield").enable_time().build().ok()
    };
    RUNTIME.get_or_init(start).as_ref().ok_or(Error::new(Code::StoreFailure))
}

/// Does what waits for a disk on a thread that may wait; here, where there is none.
pub(crate) fn elsewhere(work: impl FnOnce() + Send + 'static) {
    match runtime() {
        Ok(runtime) => drop(runtime.spawn_blocking(work)),
        Err(_) => work(),
    }
}

/// Work of one type, so that what runs it is in the library once.
pub(crate) type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Work on the core's threads. Dropping it ends the work.
#[derive(Debug)]
pub(crate) struct Task(JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Begins work on the core's threads.
pub(crate) fn begin(work: Work) -> Result<Task, Error> {
    Ok(Task(runtime()?.spawn(work)))
}

/// Work that hands over what it came to.
pub(crate) fn handing_over<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> (Work, oneshot::Receiver<T>) {
    let (done, result) = oneshot::channel();
    let work = async move {
        // Nobody may wait for it any more.
        drop(done.send(work.await));
    };
    (Box::pin(work), result)
}

/// Does work on the core's threads. Who drops it ends it.
pub(crate) async fn done<T: Send + 'static>(
    work: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Error> {
    let (work, result) = handing_over(work);
    let _task = begin(work)?;
    // Work that ends without a result has panicked: a defect of ours, and no reason to take the host along.
    result.await.unwrap_or(Err(Error::new(Code::UnexpectedEvent)))
}
