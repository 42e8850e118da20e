//! A link over packets: the session's fragments, driven by the host's connection and the clock.

use std::sync::Arc;

use async_trait::async_trait;
use futures::future::{BoxFuture, Either, select};
use ushield_protocol::code::Code;
use ushield_protocol::framing::fragment::WriteSize;
use ushield_protocol::message::Kind;
use ushield_protocol::planted::{self, Bug};
use ushield_session::framing::fragments::{Broken, Fragments};

use super::{Traffic, in_time};
use crate::error::Error;
use crate::ports::{Clock, Link, Millis, Packets, Spot};

/// Waits are kept here and not in the call that began them: who drops the call loses nothing.
pub(super) struct PacketLink {
    packets: Arc<dyn Packets>,
    clock: Arc<dyn Clock>,
    fragments: Fragments,
    hello: Option<Vec<u8>>,
    reading: Option<BoxFuture<'static, Result<Vec<u8>, Error>>>,
    writing: Option<BoxFuture<'static, Result<(), Error>>>,
    traffic: Traffic,
    spot: Spot,
    over: bool,
}

enum Happened {
    Read(Result<Vec<u8>, Error>),
    Written(Result<(), Error>),
    Time,
}

impl PacketLink {
    pub(super) async fn open(
        packets: Arc<dyn Packets>,
        clock: Arc<dyn Clock>,
        traffic: Traffic,
        spot: Spot,
    ) -> Result<Self, Error> {
        let size = WriteSize::of_mtu(packets.mtu()).ok_or(Error::new(Code::LinkLost).at("mtu"));
        let opened = match size {
            Ok(size) => in_time(&*clock, packets.info()).await.map(|hello| (size, hello)),
            Err(error) => Err(error),
        };
        let (size, hello) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                packets.disconnect().await;
                return Err(error);
            }
        };
        traffic.read(&hello);
        let fragments = Fragments::new(size);
        let hello = Some(hello);
        Ok(Self {
            packets,
            clock,
            fragments,
            hello,
            reading: None,
            writing: None,
            traffic,
            spot,
            over: false,
        })
    }

    fn now(&self) -> Millis {
        self.clock.monotonic()
    }

    /// Begins to read, and to write what is due.
    fn begin(&mut self) {
        if self.reading.is_none() {
            let packets = Arc::clone(&self.packets);
            self.reading = Some(Box::pin(async move { packets.notified().await }));
        }
        if self.writing.is_none()
            && let Some(value) = self.fragments.next_write(self.now())
        {
            self.traffic.value(&value);
            let packets = Arc::clone(&self.packets);
            self.writing = Some(Box::pin(async move { packets.write(value).await }));
        }
    }

    /// Waits until something has happened: a notification, a write that was taken, a timer.
    async fn happens(&mut self) -> Happened {
        let clock = Arc::clone(&self.clock);
        let until = self.fragments.deadline().map(|at| at.since(clock.monotonic()));
        let timer = Box::pin(async move {
            match until {
                Some(wait) => clock.sleep(wait).await,
                None => std::future::pending().await,
            }
        });
        let reading = async {
            match &mut self.reading {
                Some(reading) => reading.await,
                None => std::future::pending().await,
            }
        };
        let writing = async {
            match &mut self.writing {
                Some(writing) => writing.await,
                None => std::future::pending().await,
            }
        };
        match select(Box::pin(reading), select(Box::pin(writing), timer)).await {
            Either::Left((read, _)) => Happened::Read(read),
            Either::Right((Either::Left((written, _)), _)) => Happened::Written(written),
            Either::Right((Either::Right(_), _)) => Happened::Time,
        }
    }

    /// One thing happens and is dealt with; whether it is that a write was taken.
    async fn step(&mut self) -> Result<bool, Error> {
        self.begin();
        let broken = match self.happens().await {
            Happened::Written(written) => {
                self.writing = None;
                return written.map(|()| true);
            }
            Happened::Read(read) => {
                self.reading = None;
                let value = read?;
                self.traffic.value(&value);
                self.fragments.receive(&value, self.now())
            }
            Happened::Time => self.fragments.tick(self.now()),
        };
        broken.map(|()| false).map_err(|broken| Error::new(code(broken)))
    }

    /// Hands everything over that may leave now. A system that wants to be rid of what came first is heard meanwhile.
    async fn hand_over(&mut self) -> Result<(), Error> {
        loop {
            self.begin();
            let Some(writing) = &mut self.writing else { return Ok(()) };
            if planted::on(Bug::DeafWhileWriting) {
                let written = writing.await;
                self.writing = None;
                written?;
                continue;
            }
            let clock = Arc::clone(&self.clock);
            in_time(&*clock, Box::pin(self.one_is_taken())).await?;
        }
    }

    async fn one_is_taken(&mut self) -> Result<(), Error> {
        while !self.step().await? {}
        Ok(())
    }

    /// Ends the connection with an error, so that the other side is clear too.
    async fn fails(&mut self, error: Error) -> Error {
        self.close().await;
        error
    }
}

/// What breaks the framing need not be the token's: whoever shares the radio may have written it. A new connection settles it.
fn code(broken: Broken) -> Code {
    match broken {
        Broken::Malformed => Code::ChannelBroken,
        Broken::NoAnswer => Code::LinkLost,
        Broken::TooMuch => Code::BadInput,
    }
}

#[async_trait]
impl Link for PacketLink {
    async fn send(&mut self, kind: Kind, body: &[u8]) -> Result<(), Error> {
        if self.over {
            return Err(Error::new(Code::LinkLost));
        }
        self.fragments.send(kind, body).map_err(|broken| Error::new(code(broken)).at("body"))?;
        match self.hand_over().await {
            Ok(()) => Ok(()),
            Err(error) => Err(self.fails(error).await),
        }
    }

    async fn receive(&mut self) -> Result<(Kind, Vec<u8>), Error> {
        if let Some(hello) = self.hello.take() {
            return Ok((Kind::Hello, hello));
        }
        loop {
            if let Some(message) = self.fragments.next_message() {
                return Ok(message);
            }
            if self.over {
                return Err(Error::new(Code::LinkLost));
            }
            if let Err(error) = self.step().await {
                return Err(self.fails(error).await);
            }
        }
    }

    async fn close(&mut self) {
        if !std::mem::replace(&mut self.over, true) {
            (self.reading, self.writing) = (None, None);
            self.packets.disconnect().await;
        }
    }

    fn at(&self) -> Option<Spot> {
        Some(self.spot.clone())
    }
}
