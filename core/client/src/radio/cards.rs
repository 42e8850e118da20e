//! A link over a card: the session's commands, transmitted by the host's reader.

use std::sync::Arc;

use async_trait::async_trait;
use futures::future::BoxFuture;
use ushield_protocol::code::Code;
use ushield_protocol::message::Kind;
use ushield_protocol::planted::{self, Bug};
use ushield_session::framing::card::{Brought, Card as Commands};

use super::{Traffic, in_time};
use crate::error::Error;
use crate::ports::{Card, Clock, Link, Millis, Spot};

/// An exchange is kept here and not in the call that began it: who drops the call loses no answer.
pub(super) struct CardLink {
    card: Arc<dyn Card>,
    clock: Arc<dyn Clock>,
    commands: Commands,
    exchange: Option<Exchange>,
    /// When the card may be asked again.
    ask: Option<Millis>,
    traffic: Traffic,
    spot: Spot,
    over: bool,
}

struct Exchange {
    sent: Vec<u8>,
    answer: BoxFuture<'static, Result<Vec<u8>, Error>>,
}

impl CardLink {
    pub(super) fn open(card: Arc<dyn Card>, clock: Arc<dyn Clock>, traffic: Traffic, spot: Spot) -> Self {
        let commands = Commands::new(card.extended());
        Self { card, clock, commands, exchange: None, ask: None, traffic, spot, over: false }
    }

    /// Transmits what is to be transmitted, until nothing is.
    async fn exchange(&mut self) -> Result<(), Error> {
        loop {
            if self.exchange.is_none() {
                let Some(command) = self.commands.next_command() else { return Ok(()) };
                let (card, sent) = (Arc::clone(&self.card), command.clone());
                let answer = Box::pin(async move { card.transceive(command).await });
                self.exchange = Some(Exchange { sent, answer });
            }
            let Some(exchange) = &mut self.exchange else { return Ok(()) };
            let answer = in_time(&*self.clock, &mut exchange.answer).await;
            let sent = std::mem::take(&mut exchange.sent);
            self.exchange = None;
            let answered = match answer {
                Ok(answer) => {
                    self.commands.answered(&answer).map_err(Error::new).map(|brought| match brought {
                        Brought::Nothing => self.traffic.poll(),
                        Brought::Something => self.traffic.command(&sent, &answer),
                    })
                }
                // Whatever the host calls it: the card does not answer any more.
                Err(error) if error.code() == Code::LinkLost => {
                    Err(Error::new(Code::TagLost).caused_by(error))
                }
                Err(error) => Err(error),
            };
            if let Err(error) = answered {
                self.close().await;
                return Err(error);
            }
        }
    }
}

#[async_trait]
impl Link for CardLink {
    async fn send(&mut self, kind: Kind, body: &[u8]) -> Result<(), Error> {
        if self.over {
            return Err(Error::new(Code::LinkLost));
        }
        self.commands.send(kind, body).map_err(|code| Error::new(code).at("body"))?;
        self.ask = None;
        self.exchange().await
    }

    async fn receive(&mut self) -> Result<(Kind, Vec<u8>), Error> {
        if planted::on(Bug::ExchangeDropped) {
            self.exchange = None;
        }
        loop {
            if let Some(message) = self.commands.next_message() {
                return Ok(message);
            }
            if self.over {
                return Err(Error::new(Code::LinkLost));
            }
            self.exchange().await?;
            if let Some(message) = self.commands.next_message() {
                return Ok(message);
            }
            let now = self.clock.monotonic();
            let ask = *self.ask.get_or_insert(now + Millis(self.commands.pace()));
            self.clock.sleep(ask.since(now)).await;
            self.ask = None;
            self.commands.poll();
        }
    }

    async fn close(&mut self) {
        if !std::mem::replace(&mut self.over, true) {
            self.exchange = None;
            self.card.release().await;
        }
    }

    fn at(&self) -> Option<Spot> {
        Some(self.spot.clone())
    }
}
