//! What is heard, until one is connected.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use btleplug::api::{Central, CentralEvent, CentralState, Peripheral as _, ScanFilter};
use btleplug::platform::{Adapter, Peripheral, PeripheralId};
use futures::StreamExt;
use tokio::time::{Instant, timeout, timeout_at};
use ushield_client::Error;
use ushield_client::ports::{Medium, Seen, Wanted};
use ushield_protocol::code::Code;
use ushield_protocol::framing::advertisement::{Advertised, COMPANY, SERVICE};
use uuid::Uuid;

use super::candidates::Candidates;
use super::connection::{Connection, Events, Opened};
use super::fault::not_usable;
use super::worker::{OnDrop, Worker};

/// One that was heard is gone again when it cannot be connected to in this time.
const CONNECT: Duration = Duration::from_secs(15);
const LEAVE: Duration = Duration::from_secs(5);
/// What is heard and cannot be connected to is tried so often.
const TRIES: u8 = 3;
/// Listens with one radio until a time.
pub(super) struct Search {
    adapter: Adapter,
    events: Events,
    until: Instant,
    tried: BTreeMap<PeripheralId, u8>,
}

/// A token that was heard.
struct Heard {
    token: Peripheral,
    advertised: Vec<u8>,
    signal: Option<i16>,
}

impl Search {
    pub(super) async fn begin(adapter: Adapter, until: Instant) -> Result<Self, Error> {
        let events = adapter.events().await.map_err(not_usable)?;
        Ok(Self { adapter, events, until, tried: BTreeMap::new() })
    }

    /// A connection, where it is, and how many more came into question.
    pub(super) async fn connect(
        mut self,
        wanted: &Wanted,
        worker: Arc<Worker>,
    ) -> Result<(Connection, String, usize), Error> {
        loop {
            // The radio does one thing at a time: it listens, or it connects.
            let (token, others) = self.find(wanted).await?;
            if self.leaves(&token).await {
                continue;
            }
            let half_made = OnDrop::new(disconnect(token.clone()));
            match timeout(CONNECT, Opened::open(&token)).await {
                Ok(Ok(opened)) => {
                    half_made.disarm();
                    return Ok((
                        Connection::new(opened, self.events, worker),
                        token.id().to_string(),
                        others,
                    ));
                }
                Ok(Err(error)) if error.code() == Code::RadioForbidden => return Err(error),
                // It was heard and is gone, or somebody else was faster.
                Ok(Err(_)) | Err(_) => {
                    let tries = self.tried.entry(token.id()).or_default();
                    *tries = tries.saturating_add(1);
                }
            }
        }
    }

    /// Whether a connection from before has just ended. BlueZ ends one two seconds after it is told to, by whatever program, and meanwhile
    /// says that it is connected: what is begun on it ends with it.
    async fn leaves(&mut self, token: &Peripheral) -> bool {
        let mut left = false;
        let leave = async {
            while token.is_connected().await.unwrap_or(false) {
                left = true;
                if self.events.next().await.is_none() {
                    break;
                }
            }
        };
        // Who stays is connected to for another program, and shared with it.
        timeout(LEAVE, leave).await.is_ok() && left
    }

    /// Everything that is heard until the end.
    pub(super) async fn all(mut self) -> Result<Vec<Seen>, Error> {
        let mut all = BTreeMap::new();
        let scanning = scan(&self.adapter).await?;
        while let Some(heard) = self.next(self.until).await? {
            let place = heard.token.id().to_string();
            let key = (place.clone(), heard.advertised.clone());
            let (advertised, signal) = (Some(heard.advertised), heard.signal);
            all.insert(key, Seen { medium: Medium::Ble, place, advertised, signal });
        }
        scanning.now().await;
        Ok(all.into_values().collect())
    }

    /// Listens until one is heard that is meant; how many more were.
    async fn find(&mut self, wanted: &Wanted) -> Result<(Peripheral, usize), Error> {
        let mut candidates = Candidates::new();
        let scanning = scan(&self.adapter).await?;
        loop {
            let until = candidates.ripe().map_or(self.until, |ripe| ripe.min(self.until));
            let Some(Heard { token, advertised, signal }) = self.next(until).await? else { break };
            let (id, fit) = (token.id(), wanted.fits(&advertised));
            let tried = self.tried.get(&id).is_some_and(|tries| *tries >= TRIES);
            if !tried && wanted.is_at(&id.to_string()) {
                let open = matches!(Advertised::decode(&advertised), Some(Advertised::Open { .. }));
                candidates.hear(id, token, fit, open, signal);
            }
        }
        scanning.now().await;
        candidates.best().ok_or(Error::new(Code::TokenNotFound))
    }

    /// The next token that is heard; nothing when the time is over.
    async fn next(&mut self, until: Instant) -> Result<Option<Heard>, Error> {
        // Whoever speaks without a pause does not stop the time.
        if until <= Instant::now() {
            return Ok(None);
        }
        timeout_at(until, self.listen()).await.map_or(Ok(None), |heard| heard.map(Some))
    }

    async fn listen(&mut self) -> Result<Heard, Error> {
        loop {
            let (id, now) = match self.events.next().await.ok_or(Error::new(Code::RadioOff))? {
                CentralEvent::ManufacturerDataAdvertisement { id, .. }
                | CentralEvent::RssiUpdate { id, .. } => (id, true),
                CentralEvent::DeviceDiscovered(id)
                | CentralEvent::DeviceUpdated(id)
                | CentralEvent::ServicesAdvertisement { id, .. } => (id, false),
                CentralEvent::StateUpdate(CentralState::PoweredOff) => {
                    return Err(Error::new(Code::RadioOff));
                }
                _ => continue,
            };
            if let Some(heard) = hear(&self.adapter, &id, now).await {
                return Ok(heard);
            }
        }
    }
}

/// A connection that is half made would keep the token from being found again.
async fn disconnect(token: Peripheral) {
    let _ = token.disconnect().await;
}

/// Listens as long as what this returns is there.
async fn scan(adapter: &Adapter) -> Result<OnDrop, Error> {
    let filter = ScanFilter { services: vec![Uuid::from_u128(SERVICE)] };
    let listening = adapter.clone();
    let stop = OnDrop::new(async move {
        let _ = listening.stop_scan().await;
    });
    adapter.start_scan(filter).await.map_err(not_usable)?;
    Ok(stop)
}

/// The system's filter is that of all who listen, and it remembers what it heard long ago: without a level it is not heard `now`.
async fn hear(adapter: &Adapter, id: &PeripheralId, now: bool) -> Option<Heard> {
    let token = adapter.peripheral(id).await.ok()?;
    let mut properties = token.properties().await.ok()??;
    let advertised = properties.manufacturer_data.remove(&COMPANY)?;
    let ours = properties.services.contains(&Uuid::from_u128(SERVICE));
    let signal = properties.rssi;
    (ours && (now || signal.is_some())).then_some(Heard { token, advertised, signal })
}
