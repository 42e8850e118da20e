//! What the host implements. Each call is bounded in time, and what it throws becomes an error of the catalogue.

pub(crate) mod bank;
pub(crate) mod clock;
pub(crate) mod keystore;
pub(crate) mod radio;
pub(crate) mod radio_port;
#[cfg(test)]
mod tests;
mod threw;

use std::time::Duration;

use ushield_client::Error;
use ushield_protocol::planted::{self, Bug};

pub(crate) use threw::Threw;

/// What the host does, unless it takes longer than that.
async fn within<T>(
    limit: Duration,
    host: impl Future<Output = T>,
    late: impl FnOnce() -> Error,
) -> Result<T, Error> {
    if planted::on(Bug::HostWaitedForEver) {
        return Ok(host.await);
    }
    tokio::time::timeout(limit, host).await.map_err(|_| late())
}
