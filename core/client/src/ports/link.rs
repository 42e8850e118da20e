//! The way to a token.

use async_trait::async_trait;
use ushield_protocol::message::Kind;

use crate::error::Error;

/// Makes connections to one token, or to the one token that is there.
#[async_trait]
pub trait Connector: Send + Sync {
    /// One attempt. `token-not-found` when nothing is there, `link-lost` when it was and went away.
    ///
    /// # Errors
    /// Codes of the link; a second attempt is the caller's decision.
    async fn connect(&self) -> Result<Box<dyn Link>, Error>;

    /// Where it connects to, for a person: `TCP 127.0.0.1:7601`.
    fn describe(&self) -> String;
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
}
