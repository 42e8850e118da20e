//! Tokens over Bluetooth LE, by the system's own stack (protocol.md, section 2.1).

mod candidates;
mod connection;
mod fault;
mod search;
mod worker;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use btleplug::api::{Central, CentralState, Manager as _};
use btleplug::platform::{Adapter, Manager};
use tokio::time::Instant;
use ushield_client::Error;
use ushield_client::error::Detail;
use ushield_client::ports::{Connected, Radio, Seen, Via, Wanted};
use ushield_protocol::code::Code;

use self::fault::not_usable;
use self::search::Search;
use self::worker::{Worker, at};

/// A look around takes so long: every token in reach advertises several times meanwhile, and all phones have had their turn.
const LOOK: Duration = Duration::from_secs(3);

/// The Bluetooth radio of this machine. Its work is done on a thread of its own.
#[derive(Clone, Debug)]
pub struct BleRadio {
    adapter: Option<String>,
    worker: Arc<Mutex<Option<Arc<Worker>>>>,
    /// The connection to the system's daemon, until it breaks.
    manager: Arc<tokio::sync::Mutex<Option<Manager>>>,
}

impl BleRadio {
    /// Any radio, or the one in whose name `adapter` occurs: `hci1`.
    #[must_use]
    pub fn new(adapter: Option<String>) -> Self {
        Self { adapter, worker: Arc::default(), manager: Arc::default() }
    }

    fn worker(&self) -> Result<Arc<Worker>, Error> {
        let mut worker = self.worker.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(worker) = &*worker {
            return Ok(Arc::clone(worker));
        }
        let started = Worker::start().map_err(|error| Error::new(Code::RadioOff).caused_by(error))?;
        Ok(Arc::clone(worker.insert(Arc::new(started))))
    }

    /// Begins to listen, with a radio that is on.
    async fn search(&self, patience: Duration) -> Result<Search, Error> {
        let until = Instant::now() + patience;
        let mut manager = self.manager.lock().await;
        let known = match manager.take() {
            Some(manager) => manager,
            None => Manager::new().await.map_err(not_usable)?,
        };
        // Whatever fails here, the next attempt begins anew: the daemon may have been restarted.
        let adapter = self.adapter(&known).await?;
        *manager = Some(known);
        Search::begin(adapter, until).await
    }

    async fn adapter(&self, manager: &Manager) -> Result<Adapter, Error> {
        for adapter in manager.adapters().await.map_err(not_usable)? {
            let name = adapter.adapter_info().await.map_err(not_usable)?;
            if self.adapter.as_ref().is_none_or(|part| name.contains(part)) {
                // Some systems do not know it before a radio is used.
                return match adapter.adapter_state().await.map_err(not_usable)? {
                    CentralState::PoweredOff => Err(self.off()),
                    CentralState::PoweredOn | CentralState::Unknown => Ok(adapter),
                };
            }
        }
        Err(self.off())
    }

    fn off(&self) -> Error {
        let error = Error::new(Code::RadioOff);
        match &self.adapter {
            Some(adapter) => error.with_detail(Detail::Host(adapter.clone())),
            None => error,
        }
    }
}

#[async_trait]
impl Radio for BleRadio {
    async fn connect(&self, wanted: &Wanted) -> Result<Connected, Error> {
        let worker = self.worker()?;
        let (radio, wanted, lives) = (self.clone(), wanted.clone(), Arc::clone(&worker));
        let connect = async move {
            let search = radio.search(Duration::from_millis(wanted.patience().0)).await?;
            let (connection, place, others) = search.connect(&wanted, lives).await?;
            Ok(Connected { via: Via::Packets(Arc::new(connection)), place, others })
        };
        at(&worker.runtime(), connect).await
    }

    async fn look(&self) -> Result<Vec<Seen>, Error> {
        let (worker, radio) = (self.worker()?, self.clone());
        at(&worker.runtime(), async move { radio.search(LOOK).await?.all().await }).await
    }

    fn describe(&self) -> Option<String> {
        Some(match &self.adapter {
            Some(adapter) => format!("Bluetooth LE {adapter}"),
            None => "Bluetooth LE".to_owned(),
        })
    }
}
