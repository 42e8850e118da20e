//! Messages in a stream of bytes (protocol.md, section 2, TCP): `length of body u16 || kind u8 || body`.

use std::io::ErrorKind;

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use ushield_client::Error;
use ushield_client::ports::{Link, Medium, Spot};
use ushield_protocol::code::Code;
use ushield_protocol::message::{Kind, MAX_BODY};

const HEADER: usize = 3;

/// Which end of the link this is; it decides what may arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The phone's end.
    Phone,
    /// The token's end.
    Token,
}

/// One end of a link over a stream.
#[derive(Debug)]
pub struct Framed<S> {
    stream: S,
    end: End,
    received: Vec<u8>,
    state: State,
    spot: Option<Spot>,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    Open,
    /// A message is being written; if that was given up, the stream ends within a frame and is of no use.
    Sending,
    Ended,
}

impl<S> Framed<S> {
    /// Frames a stream.
    #[must_use]
    pub fn new(stream: S, end: End) -> Self {
        Self { stream, end, received: Vec::new(), state: State::Open, spot: None }
    }

    /// Leads to the token at this place.
    #[must_use]
    pub fn to(mut self, place: impl Into<String>) -> Self {
        self.spot = Some(Spot { medium: Medium::Stream, place: place.into(), others: 0 });
        self
    }
}

impl End {
    fn may_receive(self, kind: Kind) -> bool {
        match self {
            End::Phone => true,
            End::Token => kind.from_phone(),
        }
    }

    fn may_send(self, kind: Kind) -> bool {
        match self {
            End::Phone => kind.from_phone(),
            End::Token => true,
        }
    }

    /// What the other side is when it breaks the framing.
    fn accusation(self) -> Code {
        match self {
            End::Phone => Code::TokenMisbehaved,
            End::Token => Code::Malformed,
        }
    }
}

/// A message as bytes.
///
/// # Errors
/// `bad-input` when the body is above the limit.
pub fn encode(kind: Kind, body: &[u8]) -> Result<Vec<u8>, Error> {
    let length = u16::try_from(body.len()).ok().filter(|_| body.len() <= MAX_BODY);
    let length = length.ok_or(Error::new(Code::BadInput).at("body"))?;
    let mut frame = Vec::with_capacity(HEADER + body.len());
    frame.extend(length.to_be_bytes());
    frame.push(kind.number());
    frame.extend(body);
    Ok(frame)
}

/// A message, and how many bytes it took.
type Decoded = ((Kind, Vec<u8>), usize);

/// The first message of `bytes`, or nothing yet. A header is judged before its body is awaited.
fn decode(bytes: &[u8], end: End) -> Result<Option<Decoded>, Code> {
    let Some(([high, low, kind], rest)) = bytes.split_first_chunk::<HEADER>() else { return Ok(None) };
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    let kind = Kind::from_number(*kind).filter(|kind| end.may_receive(*kind)).ok_or(end.accusation())?;
    if length > MAX_BODY {
        return Err(end.accusation());
    }
    Ok(rest.get(..length).map(|body| ((kind, body.to_vec()), HEADER.saturating_add(length))))
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Framed<S> {
    async fn end_of_it(&mut self, error: Error) -> Error {
        self.close().await;
        error
    }

    fn check_open(&mut self) -> Result<(), Error> {
        if self.state == State::Open { Ok(()) } else { Err(Error::new(Code::LinkLost)) }
    }
}

#[async_trait]
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Link for Framed<S> {
    async fn send(&mut self, kind: Kind, body: &[u8]) -> Result<(), Error> {
        self.check_open()?;
        if !self.end.may_send(kind) {
            return Err(Error::new(Code::BadInput).at("kind"));
        }
        let frame = encode(kind, body)?;
        self.state = State::Sending;
        let sent = match self.stream.write_all(&frame).await {
            Ok(()) => self.stream.flush().await,
            Err(error) => Err(error),
        };
        match sent {
            Ok(()) => {
                self.state = State::Open;
                Ok(())
            }
            Err(error) => Err(self.end_of_it(Error::new(Code::LinkLost).caused_by(error)).await),
        }
    }

    async fn receive(&mut self) -> Result<(Kind, Vec<u8>), Error> {
        self.check_open()?;
        loop {
            match decode(&self.received, self.end) {
                Ok(Some((message, taken))) => {
                    self.received.drain(..taken);
                    return Ok(message);
                }
                Ok(None) => {}
                Err(code) => return Err(self.end_of_it(Error::new(code)).await),
            }
            // Only what has arrived is taken, so that nothing is lost when this wait is dropped.
            let mut chunk = [0; 4096];
            let count = match self.stream.read(&mut chunk).await {
                Ok(count) => count,
                Err(error) => return Err(self.end_of_it(Error::new(Code::LinkLost).caused_by(error)).await),
            };
            if count == 0 {
                let error = std::io::Error::from(ErrorKind::UnexpectedEof);
                return Err(self.end_of_it(Error::new(Code::LinkLost).caused_by(error)).await);
            }
            self.received.extend(chunk.iter().take(count));
        }
    }

    async fn close(&mut self) {
        if self.state != State::Ended {
            self.state = State::Ended;
            // It is of no use any more, however this ends.
            let _ = self.stream.shutdown().await;
        }
    }

    fn at(&self) -> Option<Spot> {
        self.spot.clone()
    }
}

#[cfg(test)]
mod tests;
