//! The link below its framing.

use async_trait::async_trait;
use tokio::net::TcpStream;
use ushield_client::Error;
use ushield_conform::{Stream, Streams};
use ushield_protocol::code::Code;

/// TCP connections to the token, without frames.
pub(super) struct Wire(String);

impl Wire {
    pub(super) fn new(address: &str) -> Self {
        Self(address.to_owned())
    }
}

#[async_trait]
impl Streams for Wire {
    async fn open(&self) -> Result<Box<dyn Stream>, Error> {
        let stream = TcpStream::connect(&self.0).await;
        let stream = stream.map_err(|error| Error::new(Code::TokenNotFound).caused_by(error))?;
        Ok(Box::new(stream))
    }
}
