//! The way to a token.

use async_trait::async_trait;
use ushield_protocol::message::Kind;

use super::Wanted;
use crate::error::Error;

/// Makes connections to tokens.
#[async_trait]
pub trait Connector: Send + Sync {
    /// One attempt at the token that is wanted. `token-not-found` when nothing is there, `link-lost` when it was and went away.
    ///
    /// # Errors
    /// Codes of the link; a second attempt is the caller's decision.
    async fn connect(&self, wanted: &Wanted) -> Result<Box<dyn Link>, Error>;

    /// Looks around, for some seconds at most. A connector that leads to one token says nothing of it.
    ///
    /// # Errors
    /// Codes of the link.
    async fn look(&self) -> Result<Vec<Seen>, Error> {
        Ok(Vec::new())
    }

    /// Where it connects to, for a person: `TCP 127.0.0.1:7601`. Nothing where that has no name that says more than "the token".
    fn describe(&self) -> Option<String> {
        None
    }
}

/// A connection to a token: messages in order, both ways (protocol.md, section 2). The token's hello is the first one received.
///
/// Dropping it closes the connection.
#[async_trait]
pub trait Link: Send {
    /// Hands a message to the link. Says nothing about its arrival.
    ///
    /// # Errors
    /// `link-lost` when the connection is at its end; `bad-input` for a body above the limit.
    async fn send(&mut self, kind: Kind, body: &[u8]) -> Result<(), Error>;

    /// Waits for the next message, however long. Safe to drop before it is ready: no message is lost by that.
    ///
    /// # Errors
    /// `link-lost` as soon as the connection ends; `token-misbehaved` for what a token may not send.
    async fn receive(&mut self) -> Result<(Kind, Vec<u8>), Error>;

    /// Closes the connection in order. What follows is `link-lost`.
    async fn close(&mut self);

    /// Where the token is, where there are several places.
    fn at(&self) -> Option<Spot> {
        None
    }
}

/// Where a link leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    /// What carries it.
    pub medium: Medium,
    /// The device's address, the reader's name with the number of its card.
    pub place: String,
    /// How many further tokens came into question.
    pub others: usize,
}

/// What carries messages to a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Medium {
    /// Bluetooth LE.
    Ble,
    /// A card reader: NFC or USB.
    Card,
    /// A byte stream: the software token's.
    Stream,
}

impl Medium {
    /// The stable name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Medium::Ble => "ble",
            Medium::Card => "card",
            Medium::Stream => "tcp",
        }
    }
}

/// A token in reach, or what may be one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// How.
    pub medium: Medium,
    /// Where: for [`Wanted::only_at`].
    pub place: String,
    /// What it advertises: manufacturer data behind the company. A card advertises nothing.
    pub advertised: Option<Vec<u8>>,
    /// Strength of its signal, dBm.
    pub signal: Option<i16>,
}

#[async_trait]
impl<L: Link + ?Sized> Link for Box<L> {
    async fn send(&mut self, kind: Kind, body: &[u8]) -> Result<(), Error> {
        (**self).send(kind, body).await
    }

    async fn receive(&mut self) -> Result<(Kind, Vec<u8>), Error> {
        (**self).receive().await
    }

    async fn close(&mut self) {
        (**self).close().await;
    }

    fn at(&self) -> Option<Spot> {
        (**self).at()
    }
}
