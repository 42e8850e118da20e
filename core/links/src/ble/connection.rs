//! A GATT connection to a token.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use btleplug::api::{
    CentralEvent, CentralState, Characteristic, Peripheral as _, ValueNotification, WriteType,
};
use btleplug::platform::Peripheral;
use futures::{FutureExt, Stream, StreamExt};
use tokio::sync::{Mutex, mpsc};
use tokio::time::timeout;
use ushield_client::Error;
use ushield_client::ports::Packets;
use ushield_protocol::code::Code;
use ushield_protocol::framing::advertisement::{IN, INFO, OUT, SERVICE};
use uuid::Uuid;

use super::fault::lost;
use super::worker::Worker;

/// BlueZ answers a disconnect after two seconds; nobody needs to wait for that.
const GOODBYE: Duration = Duration::from_millis(300);
/// A read or a write that the other side does not answer.
const ANSWER: Duration = Duration::from_secs(10);
/// So that no value is longer than 510: a GATT server on BlueZ 5.66 drops a written value of 512 without a word, as if its handle counted.
const MOST_MTU: u16 = 513;
/// Notifications that nobody has taken. No token says so much at once: three messages are 684 fragments at most.
const MOST: usize = 1_024;

/// What the system says about its radio.
pub(super) type Events = Pin<Box<dyn Stream<Item = CentralEvent> + Send>>;
/// What a token notifies.
type Notifications = Pin<Box<dyn Stream<Item = ValueNotification> + Send>>;

/// A token that is connected, its service found and `out` subscribed.
pub(super) struct Opened {
    token: Peripheral,
    into: Characteristic,
    info: Characteristic,
    mtu: u16,
    notifications: Notifications,
}

impl Opened {
    pub(super) async fn open(token: &Peripheral) -> Result<Self, Error> {
        token.connect().await.map_err(lost)?;
        token.discover_services().await.map_err(lost)?;
        let all = token.characteristics();
        let service = Uuid::from_u128(SERVICE);
        let find = |uuid| {
            let found =
                all.iter().find(|one| one.service_uuid == service && one.uuid == Uuid::from_u128(uuid));
            // It advertised the service and has another one.
            found.cloned().ok_or(Error::new(Code::TokenNotFound))
        };
        let (into, out, info) = (find(IN)?, find(OUT)?, find(INFO)?);
        // Taken before the subscription: a token may speak at once.
        let notifications = token.notifications().await.map_err(lost)?;
        token.subscribe(&out).await.map_err(lost)?;
        let mtu = token.mtu().min(MOST_MTU);
        Ok(Self { token: token.clone(), into, info, mtu, notifications })
    }
}

/// A connection. Dropping it ends it.
pub(super) struct Connection {
    token: Peripheral,
    into: Characteristic,
    info: Characteristic,
    mtu: u16,
    /// Empty and closed when the connection is over.
    notified: Mutex<mpsc::Receiver<Vec<u8>>>,
    worker: Arc<Worker>,
}

impl Connection {
    pub(super) fn new(opened: Opened, events: Events, worker: Arc<Worker>) -> Self {
        let Opened { token, into, info, mtu, notifications } = opened;
        let (sender, notified) = mpsc::channel(MOST);
        worker.runtime().spawn(listen(token.clone(), notifications, events, sender));
        Self { token, into, info, mtu, notified: Mutex::new(notified), worker }
    }
}

/// Hands on what is notified, in order, until the system says that the connection is over or nobody listens any more. The notifications
/// alone do not end with it.
async fn listen(
    token: Peripheral,
    mut notifications: Notifications,
    mut events: Events,
    sender: mpsc::Sender<Vec<u8>>,
) {
    let id = token.id();
    loop {
        tokio::select! {
            biased;
            next = notifications.next() => match next {
                Some(ref value) if hand_on(&sender, value) => {}
                Some(_) | None => break,
            },
            () = sender.closed() => break,
            event = events.next() => match event {
                // An old one, of an attempt before, does not count.
                Some(CentralEvent::DeviceDisconnected(gone)) if gone == id => {
                    if !token.is_connected().await.unwrap_or(false) {
                        break;
                    }
                }
                Some(CentralEvent::StateUpdate(CentralState::PoweredOff)) | None => break,
                Some(_) => {}
            },
        }
    }
    // What had come before the end is not lost.
    while let Some(Some(value)) = notifications.next().now_or_never() {
        if !hand_on(&sender, &value) {
            break;
        }
    }
}

/// Whether there was room and somebody who takes it.
fn hand_on(sender: &mpsc::Sender<Vec<u8>>, value: &ValueNotification) -> bool {
    value.uuid != Uuid::from_u128(OUT) || sender.try_send(value.value.clone()).is_ok()
}

#[async_trait]
impl Packets for Connection {
    fn mtu(&self) -> u16 {
        self.mtu
    }

    async fn info(&self) -> Result<Vec<u8>, Error> {
        let read = timeout(ANSWER, self.token.read(&self.info)).await;
        read.map_err(|error| Error::new(Code::LinkLost).caused_by(error))?.map_err(lost)
    }

    async fn write(&self, value: Vec<u8>) -> Result<(), Error> {
        let write = timeout(ANSWER, self.token.write(&self.into, &value, WriteType::WithoutResponse)).await;
        write.map_err(|error| Error::new(Code::LinkLost).caused_by(error))?.map_err(lost)
    }

    async fn notified(&self) -> Result<Vec<u8>, Error> {
        self.notified.lock().await.recv().await.ok_or(Error::new(Code::LinkLost))
    }

    async fn disconnect(&self) {
        let token = self.token.clone();
        let goodbye = self.worker.runtime().spawn(async move { token.disconnect().await });
        // It goes on by itself; without it the system would keep the connection for whoever comes next.
        let _ = timeout(GOODBYE, goodbye).await;
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let (token, worker) = (self.token.clone(), Arc::clone(&self.worker));
        self.worker.runtime().spawn(async move {
            if token.is_connected().await.unwrap_or(false) {
                let _ = token.disconnect().await;
            }
            drop(worker);
        });
    }
}
