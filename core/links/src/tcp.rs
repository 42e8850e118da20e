//! The link to the software token: TCP.

use std::io;
use std::time::Duration;

use async_trait::async_trait;
use tokio::net::TcpStream;
use tokio::time::timeout;
use ushield_client::Error;
use ushield_client::error::Detail;
use ushield_client::ports::{Connector, Link, Medium, Seen, Wanted};
use ushield_protocol::code::Code;

use crate::framed::{End, Framed};

/// How long a connection may take to stand.
const CONNECT: Duration = Duration::from_secs(5);

/// Connects to a software token.
#[derive(Clone, Debug)]
pub struct TcpConnector {
    address: String,
    limit: Duration,
}

impl TcpConnector {
    /// A token at `host:port`.
    #[must_use]
    pub fn new(address: impl Into<String>) -> Self {
        Self { address: address.into(), limit: CONNECT }
    }

    /// Another time-out for the connection to stand.
    #[must_use]
    pub fn with_limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }
}

#[async_trait]
impl Connector for TcpConnector {
    async fn connect(&self, wanted: &Wanted) -> Result<Box<dyn Link>, Error> {
        if !wanted.is_at(&self.address) {
            return Err(Error::new(Code::TokenNotFound).with_detail(Detail::Host(self.address.clone())));
        }
        let connected = within(self.limit, TcpStream::connect(&self.address)).await;
        let stream = connected.and_then(|stream| stream.set_nodelay(true).map(|()| stream));
        let stream = stream.map_err(|error| {
            Error::new(Code::TokenNotFound).with_detail(Detail::Host(self.address.clone())).caused_by(error)
        })?;
        Ok(Box::new(Framed::new(stream, End::Phone).to(&self.address)))
    }

    /// There may be a token: who listens says only when connected.
    async fn look(&self) -> Result<Vec<Seen>, Error> {
        let place = self.address.clone();
        Ok(vec![Seen { medium: Medium::Stream, place, advertised: None, signal: None }])
    }

    fn describe(&self) -> Option<String> {
        Some(format!("TCP {}", self.address))
    }
}

async fn within<T>(limit: Duration, attempt: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(limit, attempt).await?
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;
    use ushield_protocol::message::Kind;

    use super::*;

    async fn listener() -> (TcpListener, TcpConnector) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        (listener, TcpConnector::new(address))
    }

    #[tokio::test]
    async fn messages_go_both_ways() {
        let (listener, connector) = listener().await;
        let wanted = Wanted::any();
        let (phone, token) = tokio::join!(connector.connect(&wanted), listener.accept());
        let mut phone = phone.unwrap();
        let mut token = Framed::new(token.unwrap().0, End::Token);
        token.send(Kind::Hello, &[1; 13]).await.unwrap();
        assert_eq!(phone.receive().await.unwrap(), (Kind::Hello, vec![1; 13]));
        phone.send(Kind::Sealed, &[2; 4096]).await.unwrap();
        assert_eq!(token.receive().await.unwrap(), (Kind::Sealed, vec![2; 4096]));
    }

    #[tokio::test]
    async fn a_closed_socket_is_a_lost_link_at_once() {
        let (listener, connector) = listener().await;
        let wanted = Wanted::any();
        let (phone, token) = tokio::join!(connector.connect(&wanted), listener.accept());
        let mut token = token.unwrap().0;
        // Within a message.
        token.write_all(&[0, 9, 3, 1]).await.unwrap();
        drop(token);
        let mut phone = phone.unwrap();
        assert_eq!(phone.receive().await.unwrap_err().code(), Code::LinkLost);
        assert_eq!(phone.send(Kind::Sealed, b"").await.unwrap_err().code(), Code::LinkLost);
    }

    #[tokio::test]
    async fn nobody_there_is_a_token_that_is_not_found() {
        let (listener, connector) = listener().await;
        drop(listener);
        let error = connector.connect(&Wanted::any()).await.err().unwrap();
        assert_eq!(error.code(), Code::TokenNotFound);
        assert!(
            matches!(error.detail(), Some(Detail::Host(host)) if connector.describe().is_some_and(|described| described.ends_with(host)))
        );
        assert!(std::error::Error::source(&error).is_some());
        let nowhere = TcpConnector::new("no port in it");
        assert_eq!(nowhere.connect(&Wanted::any()).await.err().unwrap().code(), Code::TokenNotFound);
    }

    #[tokio::test]
    async fn a_connection_that_does_not_come_to_stand_is_given_up() {
        let never = std::future::pending::<io::Result<()>>();
        let error = within(Duration::ZERO, never).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
