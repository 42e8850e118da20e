//! A card in a reader. PC/SC blocks: a thread of its own transmits.

use std::ffi::CStr;
use std::sync::mpsc::{Sender, channel};
use std::thread;

use ::pcsc::{Card, Context, Disposition, Protocols, ShareMode};
use async_trait::async_trait;
use tokio::sync::oneshot;
use ushield_client::Error;
use ushield_client::ports;
use ushield_protocol::code::Code;

use super::properties;

/// Longest answer: extended length, and the status word.
const MOST: usize = 65_538;

type Exchange = (Vec<u8>, oneshot::Sender<Result<Vec<u8>, Error>>);

/// Dropping it lets the card go.
pub(super) struct Reader {
    exchanges: Sender<Exchange>,
    extended: bool,
}

impl Reader {
    /// Takes the card in this reader for us alone. `extended`: somebody knows that the reader sends commands of extended length, whatever it says.
    pub(super) fn open(context: &Context, name: &CStr, extended: bool) -> Result<Self, Error> {
        let lost = |error| Error::new(Code::LinkLost).caused_by(error);
        let card = context.connect(name, ShareMode::Exclusive, Protocols::ANY).map_err(lost)?;
        let extended = extended || properties::sends_extended(&card);
        let mut buffer = vec![0; MOST];
        let (exchanges, receiver) = channel::<Exchange>();
        let serve = move || {
            let mut ours = false;
            for (command, reply) in receiver {
                let answer = card.transmit(&command, &mut buffer);
                // The first command selects our application.
                ours |= answer.as_ref().is_ok_and(|answer| answer.ends_with(&[0x90, 0]));
                // Whoever asked may be gone.
                let _ = reply.send(answer.map(<[u8]>::to_vec).map_err(failed));
            }
            release(card, ours);
        };
        let spawned = thread::Builder::new().name("pcsc".to_owned()).spawn(serve);
        spawned.map_err(|error| Error::new(Code::LinkLost).caused_by(error))?;
        Ok(Self { exchanges, extended })
    }
}

/// The connection ends with a reset, so that the token knows. A card of another kind keeps what other programs have told it.
fn release(card: Card, ours: bool) {
    let _ = card.disconnect(if ours { Disposition::ResetCard } else { Disposition::LeaveCard });
}

/// Whatever fails in the middle, the card is not there as it was.
fn failed(error: ::pcsc::Error) -> Error {
    Error::new(Code::LinkLost).caused_by(error)
}

#[async_trait]
impl ports::Card for Reader {
    fn extended(&self) -> bool {
        self.extended
    }

    async fn transceive(&self, command: Vec<u8>) -> Result<Vec<u8>, Error> {
        let (reply, answer) = oneshot::channel();
        self.exchanges.send((command, reply)).map_err(|_| Error::new(Code::LinkLost))?;
        answer.await.map_err(|_| Error::new(Code::LinkLost))?
    }

    async fn release(&self) {}
}
