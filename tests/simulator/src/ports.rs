//! The client's six ports over the world. A port of an app that died does nothing any more.

use std::future::{pending, poll_fn};
use std::sync::Arc;
use std::task::Poll;

use async_trait::async_trait;
use futures::StreamExt as _;
use futures::channel::mpsc::UnboundedReceiver;
use futures::channel::oneshot;
use futures::future::{Either, select};
use ushield_client::Error;
use ushield_client::ports::{
    BankHttp, Change, Clock, Connector, Entropy, Health, HttpRequest, HttpResponse, Keystore, Link, Millis,
    Records, SealingKey, Store, Table, UnixSeconds, Wanted,
};
use ushield_client::radio::RadioConnector;
use ushield_protocol::code::Code;
use ushield_protocol::key::PublicKey;
use ushield_protocol::message::Kind;
use ushield_protocol::noise::{DhSecret, SharedSecret};
use ushield_protocol::stand_in;
use zeroize::Zeroizing;

use crate::link::{End, Parcel, Received, Way};
use crate::phone::Committed;
use crate::radio::{Noted, SimRadio};
use crate::world::{Event, START, Shared};

/// A platform's HTTP client waits so long for a response.
const HTTP: u64 = 30_000;

/// The ports of one life of a phone's app.
#[derive(Clone, Debug)]
pub struct Ports {
    /// The world.
    pub shared: Shared,
    /// Which phone.
    pub phone: usize,
    /// Which of its lives.
    pub life: u64,
}

impl Ports {
    fn lives(&self) -> bool {
        self.shared.world().lives(self.phone, self.life)
    }

    /// Never returns to an app that is dead, or dies here.
    pub(crate) async fn alive(&self) {
        let dead = {
            let mut world = self.shared.world();
            !world.lives(self.phone, self.life) || world.may_die(self.phone)
        };
        if dead {
            pending::<()>().await;
        }
    }

    /// Waits.
    pub async fn sleep(&self, length: u64) {
        let due = self.shared.world().now + length;
        let mut set = false;
        poll_fn(|context| {
            let mut world = self.shared.world();
            if world.now >= due {
                return Poll::Ready(());
            }
            if !set {
                set = true;
                let delay = due - world.now;
                world.after(delay, Event::Wake(context.waker().clone()));
            }
            Poll::Pending
        })
        .await;
    }
}

#[async_trait]
impl Clock for Ports {
    fn now(&self) -> UnixSeconds {
        let world = self.shared.world();
        UnixSeconds((START + world.now / 1000).saturating_add_signed(world.phones[self.phone].skew))
    }

    fn monotonic(&self) -> Millis {
        Millis(self.shared.world().now)
    }

    async fn sleep(&self, length: Millis) {
        Ports::sleep(self, length.0).await;
    }
}

impl Entropy for Ports {
    fn fill(&self, out: &mut [u8]) -> Result<(), Error> {
        self.shared.world().phones[self.phone].rng.fill(out);
        Ok(())
    }
}

#[async_trait]
impl Keystore for Ports {
    async fn create_dh(&self, name: &str) -> Result<PublicKey, Error> {
        let mut world = self.shared.world();
        let side = &mut world.phones[self.phone];
        if !side.keys.contains_key(name) {
            let mut bytes = Zeroizing::new([0; 32]);
            side.rng.fill(bytes.as_mut_slice());
            if stand_in::on() {
                // One key for each phone in all runs: what it agrees on is remembered.
                bytes.fill(0x70 + u8::try_from(self.phone).unwrap_or(0));
            }
            let key = DhSecret::from_bytes(&bytes).ok_or(Error::new(Code::KeystoreFailure))?;
            side.keys.insert(name.to_owned(), key);
        }
        Ok(side.keys[name].public_key())
    }

    async fn dh(&self, name: &str, point: &PublicKey) -> Result<SharedSecret, Error> {
        let world = self.shared.world();
        let agreed = world.phones[self.phone].keys.get(name).and_then(|key| key.agree(point));
        agreed.ok_or(Error::new(Code::KeystoreFailure))
    }

    async fn sealing_key(&self) -> Result<SealingKey, Error> {
        Ok(SealingKey::new(Zeroizing::new([0x5e; 32])))
    }
}

impl Store for Ports {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
        self.shared.world().phones[self.phone].disk.get(table, key)
    }

    fn list(&self, table: Table) -> Result<Records, Error> {
        self.shared.world().phones[self.phone].disk.list(table)
    }

    fn commit(&self, changes: &[Change]) -> Result<(), Error> {
        if !self.lives() {
            return Err(Error::new(Code::StoreFailure));
        }
        match self.shared.world().commit(self.phone, changes) {
            Committed::Done => Ok(()),
            Committed::Full => Err(Error::new(Code::DiskFull)),
            Committed::Dead => Err(Error::new(Code::StoreFailure)),
        }
    }

    fn health(&self) -> Result<Health, Error> {
        self.shared.world().phones[self.phone].disk.health()
    }
}

#[async_trait]
impl BankHttp for Ports {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, Error> {
        self.alive().await;
        let (reply, replied) = oneshot::channel();
        self.shared.world().ask_bank(self.phone, request, reply);
        let alarm = Box::pin(Ports::sleep(self, HTTP));
        let response = match select(replied, alarm).await {
            Either::Left((Ok(response), _)) => Ok(response),
            Either::Left((Err(_), _)) | Either::Right(_) => Err(Error::new(Code::BankUnreachable)),
        };
        self.alive().await;
        response
    }
}

#[async_trait]
impl Connector for Ports {
    async fn connect(&self, wanted: &Wanted) -> Result<Box<dyn Link>, Error> {
        self.alive().await;
        let way = self.shared.world().links.way();
        let link = match way {
            Way::Stream => {
                let delay = self.shared.world().rng.within(20, 100);
                Ports::sleep(self, delay).await;
                let (connection, messages) = self.shared.world().connect(self.phone).map_err(Error::new)?;
                Box::new(SimLink { ports: self.clone(), connection, messages, closed: false })
            }
            Way::Packets(_) | Way::Card(_) => {
                let radio = Arc::new(SimRadio(self.clone()));
                RadioConnector::new(radio, Arc::new(self.clone())).connect(wanted).await?
            }
        };
        Ok(Box::new(Noted { link, ports: self.clone() }))
    }
}

/// A connection, held by a phone.
struct SimLink {
    ports: Ports,
    connection: u64,
    messages: UnboundedReceiver<Received>,
    closed: bool,
}

#[async_trait]
impl Link for SimLink {
    async fn send(&mut self, kind: Kind, body: &[u8]) -> Result<(), Error> {
        self.ports.alive().await;
        if self.closed {
            return Err(Error::new(Code::LinkLost));
        }
        let parcel = Parcel::Message(kind.number(), body.to_vec());
        self.ports.shared.world().send(self.connection, End::Token, parcel);
        Ok(())
    }

    async fn receive(&mut self) -> Result<(Kind, Vec<u8>), Error> {
        loop {
            let message = self.messages.next().await;
            self.ports.alive().await;
            match message {
                Some(Parcel::Message(kind, body)) => {
                    if let Some(kind) = Kind::from_number(kind) {
                        return Ok((kind, body));
                    }
                }
                Some(Parcel::Value(_)) | None => return Err(Error::new(Code::LinkLost)),
            }
        }
    }

    async fn close(&mut self) {
        self.closed = true;
        self.ports.shared.world().close_by_phone(self.connection);
    }
}

impl Drop for SimLink {
    fn drop(&mut self) {
        if !self.closed {
            self.ports.shared.world().close_by_phone(self.connection);
        }
    }
}
