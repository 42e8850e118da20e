//! A phone's radio over the world: what its system would do between the core and a token.

use std::future::{pending, poll_fn};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use futures::StreamExt as _;
use futures::channel::mpsc::UnboundedReceiver;
use futures::channel::oneshot;
use futures::future::{Either, select};
use ushield_client::Error;
use ushield_client::ports::{Card, Connected, Link, Packets, Radio, Seen, Spot, Via, Wanted};
use ushield_protocol::code::Code;
use ushield_protocol::message::Kind;

use crate::link::{End, Parcel, Received, Way};
use crate::ports::Ports;

/// After so long without a token the person presses a key of it.
const UNFOUND: u64 = 5_000;
/// Between two looks.
const LOOK: u64 = 100;
/// A system takes so long to take a value.
const TAKES: u64 = 2;

fn lost() -> Error {
    Error::new(Code::LinkLost)
}

/// The antennas of a phone.
pub struct SimRadio(pub Ports);

#[async_trait]
impl Radio for SimRadio {
    async fn connect(&self, wanted: &Wanted) -> Result<Connected, Error> {
        let ports = &self.0;
        let delay = ports.shared.world().rng.within(20, 100);
        ports.sleep(delay).await;
        let mut stranger = false;
        for look in 0..wanted.patience().0 / LOOK {
            {
                let mut world = ports.shared.world();
                if world.is_reachable(wanted) {
                    break;
                }
                stranger |= world.advertised().is_some();
                if look == UNFOUND / LOOK {
                    world.wakes();
                }
            }
            ports.sleep(LOOK).await;
        }
        let (way, made) = {
            let mut world = ports.shared.world();
            if !world.is_reachable(wanted) {
                world.phones[ports.phone].stranger = stranger;
                return Err(Error::new(Code::TokenNotFound));
            }
            world.phones[ports.phone].stranger = false;
            (world.links.way(), world.connect(ports.phone))
        };
        let (connection, messages) = made.map_err(Error::new)?;
        let host = Host { ports: ports.clone(), connection };
        let (via, place) = match way {
            Way::Card(extended) => (Via::Card(Arc::new(SimCard { host, extended })), "antenna".to_owned()),
            Way::Packets(mtu) => {
                let messages = Mutex::new(messages);
                // Its address is another one each time.
                (Via::Packets(Arc::new(SimPackets { host, mtu, messages })), format!("address {connection}"))
            }
            Way::Stream => return Err(Error::new(Code::TokenNotFound)),
        };
        Ok(Connected { via, place, others: 0 })
    }

    async fn look(&self) -> Result<Vec<Seen>, Error> {
        Ok(Vec::new())
    }
}

/// The system's hold on a connection; letting go of it ends the connection.
struct Host {
    ports: Ports,
    connection: u64,
}

impl Host {
    async fn alive(&self) {
        self.ports.alive().await;
    }
}

struct SimPackets {
    host: Host,
    mtu: u16,
    messages: Mutex<UnboundedReceiver<Received>>,
}

impl Drop for SimPackets {
    fn drop(&mut self) {
        self.host.ports.shared.world().close_by_phone(self.host.connection);
    }
}

#[async_trait]
impl Packets for SimPackets {
    fn mtu(&self) -> u16 {
        self.mtu
    }

    async fn info(&self) -> Result<Vec<u8>, Error> {
        self.host.ports.sleep(20).await;
        self.host.alive().await;
        let info = self.host.ports.shared.world().info(self.host.connection);
        self.host.ports.sleep(20).await;
        info.ok_or(lost())
    }

    async fn write(&self, value: Vec<u8>) -> Result<(), Error> {
        self.host.alive().await;
        let stuck = {
            let mut world = self.host.ports.shared.world();
            if world.links.phone_of(self.host.connection).is_none() {
                return Err(lost());
            }
            let number = world.links.messages + 1;
            if world.links.stuck != Some(number) {
                world.send(self.host.connection, End::Token, Parcel::Value(value));
                false
            } else {
                world.say("FAULT the phone's system takes nothing any more");
                world.links.stuck = None;
                true
            }
        };
        if stuck {
            pending::<()>().await;
        }
        self.host.ports.sleep(TAKES).await;
        Ok(())
    }

    async fn notified(&self) -> Result<Vec<u8>, Error> {
        let parcel = poll_fn(|context| {
            self.messages.lock().unwrap_or_else(PoisonError::into_inner).poll_next_unpin(context)
        });
        let parcel = parcel.await;
        self.host.alive().await;
        match parcel {
            Some(Parcel::Value(value)) => Ok(value),
            Some(Parcel::Message(..)) | None => Err(lost()),
        }
    }

    async fn disconnect(&self) {
        self.host.ports.shared.world().close_by_phone(self.host.connection);
    }
}

struct SimCard {
    host: Host,
    extended: bool,
}

impl Drop for SimCard {
    fn drop(&mut self) {
        self.host.ports.shared.world().release_card(self.host.connection);
    }
}

#[async_trait]
impl Card for SimCard {
    fn extended(&self) -> bool {
        self.extended
    }

    async fn transceive(&self, command: Vec<u8>) -> Result<Vec<u8>, Error> {
        self.host.alive().await;
        let (reply, replied) = oneshot::channel();
        self.host.ports.shared.world().transmit(self.host.connection, command, reply);
        let answer = replied.await;
        self.host.alive().await;
        answer.ok().flatten().ok_or(lost())
    }

    async fn release(&self) {
        self.host.ports.shared.world().release_card(self.host.connection);
    }
}

/// A link, with what is handed to it written down.
pub struct Noted {
    /// The link.
    pub link: Box<dyn Link>,
    /// Whose.
    pub ports: Ports,
}

#[async_trait]
impl Link for Noted {
    async fn send(&mut self, kind: Kind, body: &[u8]) -> Result<(), Error> {
        self.ports.shared.world().links.handed.push((kind, body.len()));
        self.link.send(kind, body).await
    }

    async fn receive(&mut self) -> Result<(Kind, Vec<u8>), Error> {
        let Some(patience) = self.ports.shared.world().links.patience else {
            return self.link.receive().await;
        };
        loop {
            let alarm = Box::pin(Ports::sleep(&self.ports, patience));
            if let Either::Left((received, _)) = select(self.link.receive(), alarm).await {
                return received;
            }
        }
    }

    async fn close(&mut self) {
        self.link.close().await;
    }

    fn at(&self) -> Option<Spot> {
        self.link.at()
    }
}
