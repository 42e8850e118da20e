//! A host's radio as the client's port: bounded, and nothing that was begun is left behind.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};
use tokio::time::timeout;
use ushield_client::Error;
use ushield_client::ports::{self, Medium, Seen};
use ushield_protocol::code::Code;
use ushield_protocol::planted::{self, Bug};

use super::radio::{Card, Connected, LinkError, LinkMedium, Packets, Radio, SeenToken, Via, Wanted};
use super::{Threw, within};
use crate::runtime::{Work, handing_over};

/// What a host may take beyond the patience that it was told.
const GRACE: Duration = Duration::from_secs(10);
/// How long it may take to end an attempt that is given up; then it is cancelled.
const GIVE_UP: Duration = Duration::from_secs(2);
/// How long it may look around.
const LOOK: Duration = Duration::from_secs(20);
/// How long the end of a connection may take, and what waits for it after that.
const END: Duration = Duration::from_secs(5);
/// Longest name of a place, and most places: what is beyond is not a radio's.
const MAX_PLACE: usize = 256;
const MAX_SEEN: usize = 64;

/// A host's radio.
pub(crate) struct RadioPort(pub(crate) Arc<dyn Radio>);

fn error(error: LinkError) -> Error {
    let (code, because) = match error {
        LinkError::TokenNotFound { because } => (Code::TokenNotFound, because),
        LinkError::Lost { because } => (Code::LinkLost, because),
        LinkError::RadioOff { because } => (Code::RadioOff, because),
        LinkError::RadioForbidden { because } => (Code::RadioForbidden, because),
        LinkError::NoReader { because } => (Code::NoReader, because),
        LinkError::Unexpected { reason } => (Code::LinkLost, Some(reason)),
    };
    Threw::behind(Error::new(code), because)
}

fn lost() -> Error {
    Error::new(Code::LinkLost)
}

fn is_place(place: &str) -> bool {
    !place.is_empty() && place.len() <= MAX_PLACE
}

#[async_trait]
impl ports::Radio for RadioPort {
    async fn connect(&self, wanted: &ports::Wanted) -> Result<ports::Connected, Error> {
        let host = Arc::clone(&self.0);
        let limit = Duration::from_millis(wanted.patience().0) + GRACE;
        let asked = Wanted::new(wanted);
        let (answer, mut answered) = oneshot::channel();
        // By a task of its own: who gives up at the moment of success must not leave a connection behind.
        let connecting: Work = Box::pin(async move {
            let mut answer = answer;
            let mut connecting =
                Box::pin(within(limit, host.connect(Arc::clone(&asked)), || Error::new(Code::TokenNotFound)));
            let connected = tokio::select! {
                biased;
                connected = &mut connecting => connected,
                () = answer.closed() => {
                    asked.give_up();
                    // What the host has at this moment is not lost by that it is cancelled.
                    match timeout(GIVE_UP, &mut connecting).await {
                        Ok(connected) => connected,
                        Err(_) => return,
                    }
                }
            };
            let connected = connected.and_then(|connected| connected.map_err(error)).map(Standing::new);
            // Dropped on the way, it is ended.
            drop(answer.send(connected));
        });
        tokio::spawn(connecting);
        let standing = (&mut answered).await.unwrap_or_else(|_| Err(lost()))?;
        standing.into_connected()
    }

    async fn look(&self) -> Result<Vec<Seen>, Error> {
        let seen = within(LOOK, self.0.look(), || Error::new(Code::TokenNotFound)).await?.map_err(error)?;
        Ok(seen.into_iter().filter(|seen| is_place(&seen.place)).take(MAX_SEEN).filter_map(raise).collect())
    }
}

/// Nothing for a stream, to which no radio of a host's connects.
fn raise(seen: SeenToken) -> Option<Seen> {
    let SeenToken { medium, place, advertised, signal } = seen;
    let medium = match medium {
        LinkMedium::Ble => Medium::Ble,
        LinkMedium::Card => Medium::Card,
        LinkMedium::Stream => return None,
    };
    Some(Seen { medium, place, advertised, signal })
}

/// A connection of the host's.
struct Standing {
    via: ports::Via,
    place: String,
    others: usize,
}

impl Standing {
    fn new(connected: Connected) -> Self {
        let via = match connected.via {
            Via::Packets { connection, mtu } => {
                ports::Via::Packets(Arc::new(PacketsPort { host: connection, mtu, life: Life::new() }))
            }
            Via::Card { card, extended } => {
                ports::Via::Card(Arc::new(CardPort { host: card, extended, life: Life::new() }))
            }
        };
        let others = usize::try_from(connected.others).unwrap_or(usize::MAX);
        Self { via, place: connected.place, others }
    }

    fn into_connected(self) -> Result<ports::Connected, Error> {
        if !is_place(&self.place) {
            return Err(lost().at("place"));
        }
        Ok(ports::Connected { via: self.via, place: self.place, others: self.others })
    }
}

/// A connection's life on the host's side: ended once, by the core or by being dropped.
struct Life(watch::Sender<bool>);

impl Life {
    fn new() -> Self {
        Self(watch::Sender::new(false))
    }

    /// Whether this is the end; only the first one is.
    fn ends(&self) -> bool {
        !self.0.send_replace(true)
    }

    /// A call of the host's. It goes on when nobody waits for it any more, as it cannot be taken back; the end of the connection ends it.
    async fn call<T: Send + 'static>(
        &self,
        call: impl Future<Output = Result<T, LinkError>> + Send + 'static,
    ) -> Result<T, Error> {
        let mut over = self.0.subscribe();
        let call = async move {
            tokio::select! {
                answer = call => answer,
                () = async {
                    let _ = over.wait_for(|over| *over).await;
                    tokio::time::sleep(END).await;
                } => Err(LinkError::Lost { because: None }),
            }
        };
        let (call, answer) = handing_over(call);
        tokio::spawn(call);
        answer.await.map_err(|_| lost())?.map_err(error)
    }
}

/// Ends it on the host's side, also when nobody waits for that any more: by a task of its own. Nothing is left to be done where no runtime runs.
///
/// What is returned is over with it; whatever the host says of it, it is over here.
fn end(call: impl Future<Output = Result<(), LinkError>> + Send + 'static) -> oneshot::Receiver<()> {
    let (ending, ended) = handing_over(async move {
        let _ = timeout(END, call).await;
    });
    if !planted::on(Bug::HostLeftConnected)
        && let Ok(runtime) = Handle::try_current()
    {
        runtime.spawn(ending);
    }
    ended
}

struct PacketsPort {
    host: Arc<dyn Packets>,
    mtu: u16,
    life: Life,
}

#[async_trait]
impl ports::Packets for PacketsPort {
    fn mtu(&self) -> u16 {
        self.mtu
    }

    async fn info(&self) -> Result<Vec<u8>, Error> {
        let host = Arc::clone(&self.host);
        self.life.call(async move { host.info().await }).await
    }

    async fn write(&self, value: Vec<u8>) -> Result<(), Error> {
        let host = Arc::clone(&self.host);
        self.life.call(async move { host.write(value).await }).await
    }

    async fn notified(&self) -> Result<Vec<u8>, Error> {
        let host = Arc::clone(&self.host);
        self.life.call(async move { host.notified().await }).await
    }

    async fn disconnect(&self) {
        if self.life.ends() {
            let host = Arc::clone(&self.host);
            let _ = end(async move { host.disconnect().await }).await;
        }
    }
}

impl Drop for PacketsPort {
    fn drop(&mut self) {
        if self.life.ends() {
            let host = Arc::clone(&self.host);
            drop(end(async move { host.disconnect().await }));
        }
    }
}

struct CardPort {
    host: Arc<dyn Card>,
    extended: bool,
    life: Life,
}

#[async_trait]
impl ports::Card for CardPort {
    fn extended(&self) -> bool {
        self.extended
    }

    async fn transceive(&self, command: Vec<u8>) -> Result<Vec<u8>, Error> {
        let host = Arc::clone(&self.host);
        self.life.call(async move { host.transceive(command).await }).await
    }

    async fn release(&self) {
        if self.life.ends() {
            let host = Arc::clone(&self.host);
            let _ = end(async move { host.release().await }).await;
        }
    }
}

impl Drop for CardPort {
    fn drop(&mut self) {
        if self.life.ends() {
            let host = Arc::clone(&self.host);
            drop(end(async move { host.release().await }));
        }
    }
}
