//! The token as a GATT server (protocol.md, section 2.1), whatever radio there is: [`bridge`] has one in another process, `bluez` this
//! machine's.

#[cfg(all(feature = "ble", target_os = "linux"))]
pub(crate) mod bluez;
pub(crate) mod bridge;
mod phone;

use std::{sync::Arc, time::Instant};

use tokio::sync::{
    Semaphore,
    mpsc::{Receiver, Sender, UnboundedReceiver},
};
use ushield_protocol::{framing::advertisement::Advertised, message::Kind};
use ushield_token::Millis;

use self::phone::Phone;
use crate::{
    frame::Message,
    runner::{Connection, Handle},
    tcp::HANDOVER,
};

/// A radio that was told to disconnect and does not say that it has is taken at its word after this.
const GONE: std::time::Duration = std::time::Duration::from_secs(5);

/// What a radio says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    /// A phone is connected; the MTU is 23.
    Connected,
    /// Another MTU was agreed on.
    Mtu(u16),
    /// `info` is read: [`Action::Info`] is waited for.
    InfoRead,
    /// `out` is subscribed, or is not any more.
    Subscribed(bool),
    /// `in` was written.
    Written(Vec<u8>),
    /// The notification was taken: there is room for one.
    Notified,
    /// The phone is gone, whoever ended it.
    Disconnected,
}

/// What a radio is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    /// Answer the read of `info`.
    Info(Vec<u8>),
    /// Notify `out`; the next one comes after [`Event::Notified`].
    Notify(Vec<u8>),
    /// Advertise this from now on, with a new random address after every connection; nothing: be silent.
    Advertise(Option<Advertised>),
    /// End the connection.
    Disconnect,
}

/// The way to a radio, and from it.
#[derive(Debug)]
pub(crate) struct Radio {
    pub(crate) events: Receiver<Event>,
    pub(crate) actions: Sender<Action>,
}

/// The radio is gone, or the token.
struct Over;

impl Radio {
    async fn act(&self, action: Action) -> Result<(), Over> {
        self.actions.send(action).await.map_err(|_| Over)
    }

    async fn event(&mut self) -> Result<Event, Over> {
        self.events.recv().await.ok_or(Over)
    }

    /// Ends a connection, and waits until it has.
    async fn disconnect(&mut self) -> Result<(), Over> {
        self.act(Action::Disconnect).await?;
        let gone = async {
            while self.event().await? != Event::Disconnected {}
            Ok(())
        };
        tokio::time::timeout(GONE, gone).await.unwrap_or(Ok(()))
    }
}

/// Serves one phone after the other until the radio is gone. `place`: one phone is served over all links.
pub(crate) async fn serve(mut radio: Radio, token: Handle, place: Arc<Semaphore>) {
    // Either is an ordinary end; there is no one to tell.
    let _ = phones(&mut radio, &token, &place).await;
}

async fn phones(radio: &mut Radio, token: &Handle, place: &Semaphore) -> Result<(), Over> {
    let mut air = token.advertised().await.map_err(|_| Over)?;
    loop {
        let now = *air.borrow_and_update();
        radio.act(Action::Advertise(now)).await?;
        tokio::select! {
            changed = air.changed() => changed.map_err(|_| Over)?,
            event = radio.event() => if event? == Event::Connected {
                // A radio stops by itself when it is connected; it begins again only when told to.
                match tokio::time::timeout(HANDOVER, place.acquire()).await {
                    Ok(Ok(_taken)) => Server::new(radio, token).attend().await?,
                    Ok(Err(_)) | Err(_) => radio.disconnect().await?,
                }
            },
        }
    }
}

/// One connection.
struct Server<'a> {
    radio: &'a mut Radio,
    token: &'a Handle,
    phone: Phone,
    started: Instant,
    served: Option<(Connection, UnboundedReceiver<Message>)>,
}

/// What goes on in a connection.
enum Happened {
    Radio(Event),
    /// The token said something, or that it ends the connection.
    Token(Option<Message>),
    Time,
}

impl<'a> Server<'a> {
    fn new(radio: &'a mut Radio, token: &'a Handle) -> Self {
        Self { radio, token, phone: Phone::new(Millis(0)), started: Instant::now(), served: None }
    }

    fn now(&self) -> Millis {
        Millis(u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    async fn attend(mut self) -> Result<(), Over> {
        let ended = self.converse().await;
        if let Some((connection, _)) = self.served.take() {
            self.token.disconnect(connection);
        }
        ended
    }

    async fn converse(&mut self) -> Result<(), Over> {
        loop {
            while let Some(value) = self.phone.next_notification(self.now()) {
                self.radio.act(Action::Notify(value)).await?;
            }
            if self.phone.is_over(self.now()) {
                return self.radio.disconnect().await;
            }
            match self.happens().await? {
                Happened::Radio(Event::Disconnected) => return Ok(()),
                Happened::Radio(Event::Connected) => {}
                Happened::Radio(Event::Mtu(mtu)) => self.phone.mtu(mtu),
                Happened::Radio(Event::Subscribed(on)) => self.phone.subscribed(on),
                Happened::Radio(Event::Notified) => self.phone.notified(),
                Happened::Radio(Event::InfoRead) => self.info().await?,
                Happened::Radio(Event::Written(value)) => self.written(&value).await?,
                Happened::Token(Some(Message { kind, body })) => self.phone.say(kind, body),
                Happened::Token(None) => {
                    self.served = None;
                    self.phone.last_was_said(self.now());
                }
                Happened::Time => self.phone.tick(self.now()),
            }
        }
    }

    async fn happens(&mut self) -> Result<Happened, Over> {
        let wait = self.phone.deadline().map(|at| at.0.saturating_sub(self.now().0));
        let timer = async {
            match wait {
                Some(wait) => tokio::time::sleep(std::time::Duration::from_millis(wait)).await,
                None => std::future::pending().await,
            }
        };
        let said = async {
            match &mut self.served {
                Some((_, from_token)) => from_token.recv().await,
                None => std::future::pending().await,
            }
        };
        Ok(tokio::select! {
            event = self.radio.event() => Happened::Radio(event?),
            message = said => Happened::Token(message),
            () = timer => Happened::Time,
        })
    }

    /// The token's connection begins with the first read; every read has the same hello.
    async fn info(&mut self) -> Result<(), Over> {
        if self.phone.hello().is_none() && self.served.is_none() {
            let (connection, mut from_token) = self.token.connect().await.map_err(|_| Over)?;
            match from_token.recv().await {
                Some(Message { kind: Kind::Hello, body }) => self.phone.greeted(body),
                // A token that has failed: there is no place for that before a first message.
                _ => self.phone.breaks(),
            }
            self.served = Some((connection, from_token));
        }
        let hello = self.phone.hello().unwrap_or_default().to_vec();
        self.radio.act(Action::Info(hello)).await
    }

    async fn written(&mut self, value: &[u8]) -> Result<(), Over> {
        self.phone.written(value, self.now());
        while let Some((kind, body)) = self.phone.next_message() {
            let Some((connection, _)) = &self.served else { continue };
            self.token.receive(*connection, Message { kind, body }).await.map_err(|_| Over)?;
        }
        Ok(())
    }
}
