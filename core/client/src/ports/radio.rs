//! The way to a token as a phone's system has it: packets over Bluetooth LE, commands to a card over NFC or USB. Implementations only move bytes.

use std::sync::Arc;

use async_trait::async_trait;

use super::{Seen, Wanted};
use crate::error::Error;

/// Finds a token and connects to it. [`crate::radio::RadioConnector`] makes a [`super::Connector`] of it.
#[async_trait]
pub trait Radio: Send + Sync {
    /// One attempt, at most [`Wanted::patience`] long, at a token of which [`Wanted::fits`] and [`Wanted::is_at`] say that it may be the one: connected over
    /// Bluetooth LE, with `out` subscribed, or a card in the field. May be dropped: then it ends what it began.
    ///
    /// # Errors
    /// `token-not-found` when nothing is there, `link-lost` when it was and went away, `radio-off`, `radio-forbidden`, `no-reader`.
    async fn connect(&self, wanted: &Wanted) -> Result<Connected, Error>;

    /// Looks around for some seconds at most: what is in reach now, and all that was heard of it. A token that several phones are paired with
    /// advertises something for each in turn, a second each, and is there once for each: with one of them, it may seem to be another's.
    ///
    /// # Errors
    /// `radio-off`, `radio-forbidden`, `no-reader`.
    async fn look(&self) -> Result<Vec<Seen>, Error>;

    /// Where it connects to, for a person; nothing where that has no name that says more than "the token".
    fn describe(&self) -> Option<String> {
        None
    }
}

/// What stands after [`Radio::connect`].
#[derive(Clone)]
pub struct Connected {
    /// How bytes are moved.
    pub via: Via,
    /// Where the token is: the device's address, or the reader's name. The same place has the same name as long as the token stays there.
    pub place: String,
    /// How many further tokens were there that fit as well.
    pub others: usize,
}

/// How bytes are moved.
#[derive(Clone)]
pub enum Via {
    /// A GATT connection (protocol.md, section 2.1).
    Packets(Arc<dyn Packets>),
    /// A card (protocol.md, section 2.2).
    Card(Arc<dyn Card>),
}

/// A GATT connection to a token. Dropping it ends the connection, as `disconnect` does: whoever gives up a wait only drops.
#[async_trait]
pub trait Packets: Send + Sync {
    /// The ATT MTU that was agreed on: 23 at least.
    fn mtu(&self) -> u16;

    /// Reads the characteristic `info`.
    ///
    /// # Errors
    /// `link-lost`.
    async fn info(&self) -> Result<Vec<u8>, Error>;

    /// Writes to `in`, without response; returns when the system has taken it. Never longer than the write size.
    ///
    /// # Errors
    /// `link-lost`.
    async fn write(&self, value: Vec<u8>) -> Result<(), Error>;

    /// Waits for the next notification of `out`, in order. The core asks for one at a time, and takes the answer unless it ends the connection.
    ///
    /// # Errors
    /// `link-lost` as soon as the system says that the connection is over.
    async fn notified(&self) -> Result<Vec<u8>, Error>;

    /// Ends the connection; what waits in `notified` is told.
    async fn disconnect(&self);
}

/// A card in the field of an antenna or in a reader. Dropping it releases the card.
#[async_trait]
pub trait Card: Send + Sync {
    /// Whether this reader sends commands of extended length.
    fn extended(&self) -> bool;

    /// Transmits a command and waits for the whole answer, status word at its end. The core asks for one at a time, and takes the answer unless it ends the connection.
    ///
    /// # Errors
    /// `link-lost` when the card is gone.
    async fn transceive(&self, command: Vec<u8>) -> Result<Vec<u8>, Error>;

    /// The card is not needed any more.
    async fn release(&self);
}
