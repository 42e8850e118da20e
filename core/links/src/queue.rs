//! Links within one process: a pair of byte queues, framed like TCP. Needs no runtime, so a simulator can poll it.

use async_trait::async_trait;
use tokio::io::{DuplexStream, duplex};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use ushield_client::Error;
use ushield_client::ports::{Connector, Link, Wanted};
use ushield_protocol::code::Code;

use crate::framed::{End, Framed};

/// Bytes that wait in one direction before a sender has to: two of the largest messages.
const QUEUE: usize = 2 * 4099;

/// One end of a link within the process. Dropping it ends the link.
pub type QueueLink = Framed<DuplexStream>;

/// A link: the phone's end and the token's.
#[must_use]
pub fn pair() -> (QueueLink, QueueLink) {
    let (phone, token) = duplex(QUEUE);
    (Framed::new(phone, End::Phone), Framed::new(token, End::Token))
}

/// A connector, and the token's side where the connections arrive.
#[must_use]
pub fn channel() -> (QueueConnector, QueueListener) {
    let (sender, receiver) = unbounded_channel();
    (QueueConnector(sender), QueueListener(receiver))
}

/// Connects to the token of the same process.
#[derive(Clone, Debug)]
pub struct QueueConnector(UnboundedSender<QueueLink>);

/// Takes connections on the token's side.
#[derive(Debug)]
pub struct QueueListener(UnboundedReceiver<QueueLink>);

impl QueueListener {
    /// The token's end of the next connection; nothing when no connector is left.
    pub async fn accept(&mut self) -> Option<QueueLink> {
        self.0.recv().await
    }
}

#[async_trait]
impl Connector for QueueConnector {
    async fn connect(&self, _: &Wanted) -> Result<Box<dyn Link>, Error> {
        let (phone, token) = pair();
        // A listener that was dropped is a token that is not there.
        self.0.send(token).map_err(|_| Error::new(Code::TokenNotFound))?;
        Ok(Box::new(phone))
    }

    fn describe(&self) -> Option<String> {
        Some("in process".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use ushield_protocol::message::Kind;

    use super::*;

    #[tokio::test]
    async fn messages_go_both_ways_until_one_end_is_dropped() {
        let (connector, mut listener) = channel();
        let mut phone = connector.connect(&Wanted::any()).await.unwrap();
        let mut token = listener.accept().await.unwrap();
        token.send(Kind::Hello, b"hello").await.unwrap();
        phone.send(Kind::Connect, b"K1").await.unwrap();
        assert_eq!(phone.receive().await.unwrap(), (Kind::Hello, b"hello".to_vec()));
        assert_eq!(token.receive().await.unwrap(), (Kind::Connect, b"K1".to_vec()));
        drop(token);
        assert_eq!(phone.receive().await.unwrap_err().code(), Code::LinkLost);
    }

    #[tokio::test]
    async fn a_token_that_is_gone_is_not_found() {
        let (connector, listener) = channel();
        drop(listener);
        assert_eq!(connector.connect(&Wanted::any()).await.err().unwrap().code(), Code::TokenNotFound);
    }
}
