//! The running bank: listener, TLS, and the sweep that ends what has expired.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum_server::Handle;
use axum_server::tls_rustls::{RustlsConfig, from_tcp_rustls};
use tokio::task::JoinHandle;
use ushield_bank_api::Trust;

use crate::clock::{Clock, SystemClock};
use crate::core::Core;
use crate::entropy::{Entropy, SystemEntropy};
use crate::error::{BankError, Causes};
use crate::{http, tls};

/// How often the sweep looks.
const SWEEP: Duration = Duration::from_secs(5);
/// How long a new connection may take to its first request.
const FIRST_REQUEST: Duration = Duration::from_secs(10);
/// How long running requests may take when the bank stops.
const GRACE: Duration = Duration::from_secs(5);

/// How to run a bank.
#[derive(Clone)]
pub struct Config {
    /// The folder that `init` made.
    pub data: PathBuf,
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The bank's time.
    pub clock: Arc<dyn Clock>,
    /// Where its order ids, challenges and sessions come from.
    pub entropy: Arc<dyn Entropy>,
    /// Whether what has expired is ended every few seconds; otherwise by [`Bank::sweep`] alone.
    pub sweeps: bool,
}

impl Config {
    /// A bank on a free port of this machine, by its clock.
    #[must_use]
    pub fn new(data: impl Into<PathBuf>) -> Self {
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let (clock, entropy) = (Arc::new(SystemClock), Arc::new(SystemEntropy));
        Self { data: data.into(), listen, clock, entropy, sweeps: true }
    }
}

/// A running bank. [`Bank::stop`] stops it; dropping it stops it at once.
pub struct Bank {
    url: String,
    ca_pem: String,
    core: Arc<Core>,
    handle: Handle<SocketAddr>,
    server: JoinHandle<std::io::Result<()>>,
    sweep: Option<JoinHandle<()>>,
}

impl Bank {
    /// Starts a bank.
    pub async fn start(config: Config) -> Result<Self, BankError> {
        let core = Arc::new(Core::open(&config.data, config.clock, config.entropy).await?);
        let tls = RustlsConfig::from_config(tls::server_config(&config.data)?);
        let failed = |source| BankError::Listen { address: config.listen, source };
        let listener = std::net::TcpListener::bind(config.listen).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let handle = Handle::new();
        let server = from_tcp_rustls(listener, tls)
            .map_err(failed)?
            .handle(handle.clone())
            .first_request_timeout(FIRST_REQUEST);
        let app = http::router(Arc::clone(&core)).into_make_service();
        let server = tokio::spawn(server.serve(app));
        let sweep = config.sweeps.then(|| tokio::spawn(sweep(Arc::clone(&core))));
        let url = format!("https://localhost:{}", address.port());
        Ok(Self { url, ca_pem: tls::ca_pem(&config.data)?, core, handle, server, sweep })
    }

    /// Base of all routes, `https://localhost:PORT`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Certificate of the TLS authority, PEM.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// What phones and tokens are given.
    #[must_use]
    pub fn trust(&self) -> Trust {
        self.core.trust()
    }

    /// Ends what has expired by the bank's clock, as happens every few seconds anyway unless [`Config::sweeps`] says no.
    pub async fn sweep(&self) -> Result<usize, BankError> {
        self.core.sweep().await
    }

    /// Stops: running requests are answered, then the database is closed.
    pub async fn stop(mut self) -> Result<(), BankError> {
        self.handle.graceful_shutdown(Some(GRACE));
        let stopped = (&mut self.server).await;
        self.core.store.close().await;
        match stopped {
            Ok(Ok(())) | Err(_) => Ok(()),
            Ok(Err(source)) => Err(BankError::File { path: PathBuf::from("the listener"), source }),
        }
    }
}

impl Drop for Bank {
    fn drop(&mut self) {
        if let Some(sweep) = &self.sweep {
            sweep.abort();
        }
        self.handle.shutdown();
        self.server.abort();
    }
}

async fn sweep(core: Arc<Core>) {
    let mut tick = tokio::time::interval(SWEEP);
    loop {
        tick.tick().await;
        if let Err(error) = core.sweep().await {
            tracing::error!(error = %Causes(&error), "the sweep failed");
        }
    }
}
