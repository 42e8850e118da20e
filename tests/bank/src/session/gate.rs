//! Password hashes are slow on purpose: only a few at once, and a short queue before them.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use ushield_protocol::code::Code;

use crate::error::BankError;

/// Hashes at once: each takes 19 MiB and most of a core.
const RUNNING: usize = 2;
/// Sign-ins at once, those that wait for a hash included: the last one waits a second or two.
const PLACES: usize = 64;

/// Where sign-ins pass one after the other.
#[derive(Clone, Debug)]
pub(crate) struct Gate {
    places: Arc<Semaphore>,
    running: Arc<Semaphore>,
}

/// A place in the queue.
#[derive(Debug)]
pub(crate) struct Place {
    running: Arc<Semaphore>,
    permit: OwnedSemaphorePermit,
}

impl Default for Gate {
    fn default() -> Self {
        Self { places: Arc::new(Semaphore::new(PLACES)), running: Arc::new(Semaphore::new(RUNNING)) }
    }
}

impl Gate {
    /// A place, if there is one: nobody waits outside.
    pub(crate) fn enter(&self) -> Result<Place, BankError> {
        let permit = Arc::clone(&self.places).try_acquire_owned().map_err(|_| {
            let text = "Too many sign in at this moment. Try again in a few seconds.";
            BankError::problem(Code::TooManyAttempts, text)
        })?;
        Ok(Place { running: Arc::clone(&self.running), permit })
    }
}

impl Place {
    /// Runs `hash` when its turn comes, beside the requests. The place is held until it has run, even when whoever asked
    /// has gone: a caller that hangs up makes no room for another hash.
    pub(crate) async fn run<T: Send + 'static>(
        self,
        hash: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, BankError> {
        let failed = |error: &dyn std::error::Error| BankError::PasswordHash(error.to_string());
        let turn = Arc::clone(&self.running).acquire_owned().await.map_err(|error| failed(&error))?;
        let run = move || {
            let result = hash();
            drop((turn, self.permit));
            result
        };
        tokio::task::spawn_blocking(run).await.map_err(|error| failed(&error))
    }
}

#[cfg(test)]
mod tests;
