//! The token's link to a card reader of this machine: it plugs into vpcd (vsmartcard) as a card, protocol.md, section 2.2.
//!
//! vpcd sends `length u16 || body`: one byte is power or reset, or asks for the ATR; anything else is a command to the card.

use std::{sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::{OwnedSemaphorePermit, Semaphore, mpsc::UnboundedReceiver},
};
use ushield_protocol::{code::Code, message::Kind};
use ushield_token::{
    Output,
    framing::{Card, Task},
};

use crate::{
    frame::Message,
    runner::{Connection, Handle},
    tcp::HANDOVER,
};

/// Between two attempts to reach a reader that is not there, or does not want this card.
const AGAIN: Duration = Duration::from_secs(1);

const POWER_OFF: u8 = 0;
const RESET: u8 = 2;
const ATR: u8 = 4;

/// T=1 as of a contactless card, and in compact TLV: "U-Shield" of before the issue, selection by name, chaining and extended length.
const ANSWER_TO_RESET: [u8; 19] = [
    0x3b, 0x8e, 0x80, 0x01, 0x80, 0x68, b'U', b'-', b'S', b'h', b'i', b'e', b'l', b'd', 0x73, 0x80, 0x01,
    0xc0, 0x92,
];

/// Plugs in until the task is dropped, again whenever the reader goes. `place`: one phone is served over all links.
pub(crate) async fn serve(reader: String, token: Handle, place: Arc<Semaphore>) {
    loop {
        let mut plugged = Plugged::new(token.clone(), Arc::clone(&place));
        // A reader that goes is an ordinary event; there is no one to tell.
        let _ = plugged.serve(&reader).await;
        plugged.unplug();
        if !plugged.was_asked {
            tokio::time::sleep(AGAIN).await;
        }
    }
}

/// The card in its reader.
struct Plugged {
    card: Card,
    token: Handle,
    place: Arc<Semaphore>,
    served: Option<Served>,
    /// The reader has sent something.
    was_asked: bool,
}

/// A connection of the token's; nobody else has one.
struct Served {
    connection: Connection,
    from_token: UnboundedReceiver<Message>,
    _place: OwnedSemaphorePermit,
}

impl Plugged {
    fn new(token: Handle, place: Arc<Semaphore>) -> Self {
        Self { card: Card::new(true), token, place, served: None, was_asked: false }
    }

    async fn serve(&mut self, reader: &str) -> std::io::Result<()> {
        let mut stream = TcpStream::connect(reader).await?;
        stream.set_nodelay(true)?;
        while let Some(body) = self.next(&mut stream).await? {
            self.was_asked = true;
            let answer = match *body {
                [ATR] => ANSWER_TO_RESET.to_vec(),
                [control] => {
                    if matches!(control, POWER_OFF | RESET) {
                        self.unplug();
                    }
                    continue;
                }
                ref command => self.command(command).await,
            };
            let length = u16::try_from(answer.len()).map_err(|_| std::io::ErrorKind::InvalidData)?;
            stream.write_all(&[&length.to_be_bytes(), &answer[..]].concat()).await?;
        }
        Ok(())
    }

    /// What the reader sends next; meanwhile what the token says is taken over, so that its end frees the place at once.
    async fn next(&mut self, stream: &mut TcpStream) -> std::io::Result<Option<Vec<u8>>> {
        let mut read = std::pin::pin!(read(stream));
        loop {
            tokio::select! {
                body = &mut read => return body,
                message = said(&mut self.served) => self.hear(message),
            }
        }
    }

    async fn command(&mut self, command: &[u8]) -> Vec<u8> {
        match self.card.command(command) {
            Task::Nothing => {}
            Task::Connect => self.connect().await,
            Task::Disconnect => self.hang_up(),
            Task::Receive { kind, body } => {
                if let Some(served) = &self.served {
                    // A token that has stopped says nothing; that is the answer.
                    let _ = self.token.receive(served.connection, Message { kind, body }).await;
                }
            }
        }
        // All that it has said to that is there already.
        while let Some(message) = self.served.as_mut().and_then(|served| at_once(&mut served.from_token)) {
            self.hear(message);
        }
        self.card.answer()
    }

    async fn connect(&mut self) {
        self.hang_up();
        let place = tokio::time::timeout(HANDOVER, Arc::clone(&self.place).acquire_owned()).await;
        let refusal = match place {
            Ok(Ok(place)) => match self.token.connect().await {
                Ok((connection, from_token)) => {
                    self.served = Some(Served { connection, from_token, _place: place });
                    return;
                }
                Err(_) => Code::TokenFailure,
            },
            Ok(Err(_)) | Err(_) => Code::Busy,
        };
        self.hear(Some(Message { kind: Kind::Refusal, body: refusal.wire().into_iter().collect() }));
        self.hear(None);
    }

    /// Something that the token says, or that it has disconnected.
    fn hear(&mut self, message: Option<Message>) {
        let output = message.map_or(Output::Disconnect, |Message { kind, body }| Output::Send { kind, body });
        if self.card.output(output).is_err() || !self.card.is_connected() {
            self.hang_up();
        }
    }

    fn hang_up(&mut self) {
        if let Some(served) = self.served.take() {
            self.token.disconnect(served.connection);
        }
    }

    /// The card is out of the field, without power, or reset.
    fn unplug(&mut self) {
        if self.card.removed() == Task::Disconnect {
            self.hang_up();
        }
    }
}

/// What the token says next: a message, or nothing when it disconnects. For ever where it serves nobody.
async fn said(served: &mut Option<Served>) -> Option<Message> {
    match served {
        Some(served) => served.from_token.recv().await,
        None => std::future::pending().await,
    }
}

/// The same, if it has been said.
fn at_once(from_token: &mut UnboundedReceiver<Message>) -> Option<Option<Message>> {
    use tokio::sync::mpsc::error::TryRecvError;
    match from_token.try_recv() {
        Ok(message) => Some(Some(message)),
        Err(TryRecvError::Disconnected) => Some(None),
        Err(TryRecvError::Empty) => None,
    }
}

/// Nothing at the end of the connection.
async fn read(stream: &mut TcpStream) -> std::io::Result<Option<Vec<u8>>> {
    let mut length = [0; 2];
    acknowledge_at_once(stream)?;
    let (first, second) = length.split_at_mut(1);
    if stream.read(first).await? == 0 {
        return Ok(None);
    }
    stream.read_exact(second).await?;
    let mut body = vec![0; usize::from(u16::from_be_bytes(length))];
    acknowledge_at_once(stream)?;
    stream.read_exact(&mut body).await?;
    Ok(Some(body))
}

/// vpcd writes length and body apart, and its system holds the second back until the first is acknowledged: 40 ms for each
/// command, if this side takes its time for that. The setting does not last, so it is made before every read.
fn acknowledge_at_once(stream: &TcpStream) -> std::io::Result<()> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    stream.set_quickack(true)?;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let _ = stream;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_atr_is_one() {
        let [ts, t0, td1, td2, history @ .., _] = ANSWER_TO_RESET;
        assert_eq!((ts, t0 >> 4, td1, td2), (0x3b, 8, 0x80, 0x01), "TD1 and TD2 only: T=0, then T=1");
        assert_eq!(usize::from(t0 & 15), history.len());
        assert_eq!(ANSWER_TO_RESET[1..].iter().fold(0, |sum, byte| sum ^ byte), 0, "TCK");
        let mut objects = &history[1..];
        while let [head, rest @ ..] = objects {
            objects = &rest[usize::from(head & 15)..];
        }
        assert!(objects.is_empty() && history[0] == 0x80, "compact TLV to the end");
    }
}
