//! Where the system's Bluetooth is spoken to.

use std::io;
use std::thread;

use futures::future::BoxFuture;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use ushield_client::Error;
use ushield_protocol::code::Code;

/// A thread with a runtime of its own. On several threads a stream of bluez-async 0.9.0 that is dropped, by itself too, while a signal
/// comes makes a task of it panic, and a person reads that on the terminal; on one thread nothing comes in between.
#[derive(Debug)]
pub(super) struct Worker {
    runtime: Handle,
    /// Dropped, it lets the thread end.
    _lives: oneshot::Sender<()>,
}

impl Worker {
    pub(super) fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (handle, (lives, ends)) = (runtime.handle().clone(), oneshot::channel::<()>());
        let run = move || drop(runtime.block_on(ends));
        thread::Builder::new().name("ble".to_owned()).spawn(run)?;
        Ok(Self { runtime: handle, _lives: lives })
    }

    pub(super) fn runtime(&self) -> Handle {
        self.runtime.clone()
    }
}

/// Does it there; who drops this drops it there.
pub(super) async fn at<T: Send + 'static>(
    runtime: &Handle,
    task: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Error> {
    let mut tasks = JoinSet::new();
    tasks.spawn_on(task, runtime);
    match tasks.join_next().await {
        Some(Ok(done)) => done,
        Some(Err(error)) => Err(Error::new(Code::LinkLost).caused_by(error)),
        None => Err(Error::new(Code::LinkLost)),
    }
}

/// What is done when this is dropped, whoever drops it.
pub(super) struct OnDrop(Option<BoxFuture<'static, ()>>);

impl OnDrop {
    pub(super) fn new(task: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(Some(Box::pin(task)))
    }

    /// Does it, and waits for it. Dropped meanwhile, the rest is done as well.
    pub(super) async fn now(mut self) {
        if let Some(task) = &mut self.0 {
            task.await;
        }
        self.0 = None;
    }

    pub(super) fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for OnDrop {
    fn drop(&mut self) {
        if let (Some(task), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            runtime.spawn(task);
        }
    }
}
