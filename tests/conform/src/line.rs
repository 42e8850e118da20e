//! A connection to the token, as hostile as a case needs it.

use std::time::Duration;

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout};
use ushield_client::Error;
use ushield_client::ports::Link;
use ushield_protocol::code::Code;
use ushield_protocol::message::Kind;

use crate::miss::{Miss, Step, want};

/// A token computes so long at most.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
/// After which nothing comes any more. A token that answers later than this to what it must not answer is not caught.
pub(crate) const QUIET: Duration = Duration::from_millis(600);

/// A stream of bytes in both directions.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// Makes connections below the framing, where the link is a stream of bytes: for what a [`Link`] refuses to send.
#[async_trait]
pub trait Streams: Send + Sync {
    /// One connection.
    ///
    /// # Errors
    /// Codes of the link.
    async fn open(&self) -> Result<Box<dyn Stream>, Error>;
}

/// What comes from the token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Came {
    Message(Kind, Vec<u8>),
    /// The connection has ended.
    End,
    Nothing,
}

impl Came {
    /// For a person.
    pub(crate) fn say(&self) -> String {
        match self {
            Came::Message(Kind::Refusal, body) => match body.first().copied().and_then(Code::from_wire) {
                Some(code) => format!("refusal {code}"),
                None => "a refusal with a status that section 14 does not have".to_owned(),
            },
            Came::Message(kind, body) => format!("{kind:?} of {} bytes", body.len()),
            Came::End => "the end of the connection".to_owned(),
            Came::Nothing => "nothing".to_owned(),
        }
    }
}

/// A connection.
pub(crate) struct Line {
    link: Box<dyn Link>,
    /// When keep-alives came.
    pub(crate) keep_alives: Vec<Instant>,
}

impl Line {
    pub(crate) fn new(link: Box<dyn Link>) -> Self {
        Self { link, keep_alives: Vec::new() }
    }

    /// The next message that is no keep-alive.
    pub(crate) async fn next(&mut self, patience: Duration) -> Step<Came> {
        let until = Instant::now() + patience;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match timeout(left, self.link.receive()).await {
                Err(_) => return Ok(Came::Nothing),
                Ok(Ok((Kind::KeepAlive, body))) => {
                    want(body.is_empty(), "an empty keep-alive", || format!("{} bytes", body.len()))?;
                    self.keep_alives.push(Instant::now());
                }
                Ok(Ok((kind, body))) => return Ok(Came::Message(kind, body)),
                Ok(Err(error)) if error.code() == Code::LinkLost => return Ok(Came::End),
                Ok(Err(error)) => {
                    return Err(Miss::wrong("a message of section 2", error.code().to_string()));
                }
            }
        }
    }

    /// What the token says first: hello, or a refusal.
    pub(crate) async fn first(&mut self) -> Step<Came> {
        self.next(PATIENCE).await
    }

    /// Sends. What happens to a connection that the token has ended shows when something is awaited.
    pub(crate) async fn send(&mut self, kind: Kind, body: &[u8]) {
        let _ = self.link.send(kind, body).await;
    }

    /// A message of this kind.
    pub(crate) async fn take(&mut self, kind: Kind) -> Step<Vec<u8>> {
        match self.next(PATIENCE).await? {
            Came::Message(came, body) if came == kind => Ok(body),
            came => Err(Miss::wrong(format!("a message of kind {} ({kind:?})", kind.number()), came.say())),
        }
    }

    /// A refusal with one of these codes, and the end.
    pub(crate) async fn refused(&mut self, codes: &[Code]) -> Step<Code> {
        let names: Vec<&str> = codes.iter().map(|code| code.name()).collect();
        let expected = format!("refusal {} and the end of the connection", names.join(" or "));
        let came = self.next(PATIENCE).await?;
        let code = match &came {
            Came::Message(Kind::Refusal, body) if body.len() == 1 => {
                body.first().copied().and_then(Code::from_wire).filter(|code| codes.contains(code))
            }
            _ => None,
        };
        let Some(code) = code else { return Err(Miss::wrong(expected, came.say())) };
        let came = self.next(PATIENCE).await?;
        want(came == Came::End, &expected, || format!("refusal {code}, then {}", came.say()))?;
        Ok(code)
    }

    /// The end, and at most a refusal before it.
    pub(crate) async fn ends(&mut self) -> Step {
        let came = match self.next(PATIENCE).await? {
            Came::Message(Kind::Refusal, _) => self.next(PATIENCE).await?,
            came => came,
        };
        want(came == Came::End, "the end of the connection", || came.say())
    }

    /// Nothing comes.
    pub(crate) async fn quiet(&mut self, expected: &str) -> Step {
        let came = self.next(QUIET).await?;
        want(came == Came::Nothing, expected, || came.say())
    }

    pub(crate) async fn close(mut self) {
        self.link.close().await;
    }
}

/// A frame as section 2 has it, whatever is in it.
pub(crate) fn frame(length: u16, kind: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::from(length.to_be_bytes());
    bytes.push(kind);
    bytes.extend_from_slice(body);
    bytes
}

/// Sends raw bytes and waits for the stream's end.
pub(crate) async fn ends_after(mut stream: Box<dyn Stream>, bytes: &[u8], what: &str) -> Step {
    let expected = format!("the end of the connection after {what}");
    let _ = stream.write_all(bytes).await;
    let _ = stream.flush().await;
    let read = async {
        let mut chunk = [0; 512];
        while let Ok(1..) = stream.read(&mut chunk).await {}
    };
    // Within less than the three seconds that a silent phone has.
    let ended = timeout(Duration::from_millis(2_000), read).await;
    want(ended.is_ok(), &expected, || "the connection stays".to_owned())
}
