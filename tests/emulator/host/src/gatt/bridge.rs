//! A radio in another process, reached over TCP: it waits at an address, and the token plugs in, again whenever it is there.
//!
//! Both sides send `length u16 || op u8 || data`, the length being that of op and data. Of the radio:
//!
//! | op | data | |
//! |---|---|---|
//! | 1 connected | | a phone is there, the MTU is 23; the radio does not advertise any more |
//! | 2 MTU | u16 | another one was agreed on |
//! | 3 info | | the characteristic is read: answered by 129 |
//! | 4 subscribed | 1, or 0 when no more | |
//! | 5 written | value of `in` | |
//! | 6 notified | | the notification was taken |
//! | 7 disconnected | | whoever ended it |
//!
//! Of the token:
//!
//! | op | data | |
//! |---|---|---|
//! | 129 info | 13 bytes, or none: an error | |
//! | 130 notify | value of `out` | one at a time: the next after 6 |
//! | 131 advertise | 31 bytes, or none: silence | with a new random address after every connection |
//! | 132 disconnect | | answered by 7 |

use std::{io, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::{Semaphore, mpsc},
};
use ushield_protocol::framing::advertisement::Advertised;

use super::{Action, Event, Radio};
use crate::runner::Handle;

/// Between two attempts to reach a radio that is not there.
const AGAIN: Duration = Duration::from_secs(1);
/// Longest that a radio says: a value of `in`.
const LONGEST: usize = 1 + 512;

/// Plugs in until the task is dropped.
pub(crate) async fn serve(address: String, token: Handle, place: Arc<Semaphore>) {
    loop {
        // A radio that goes is an ordinary event; there is no one to tell.
        let _ = plugged(&address, &token, &place).await;
        tokio::time::sleep(AGAIN).await;
    }
}

async fn plugged(address: &str, token: &Handle, place: &Arc<Semaphore>) -> io::Result<()> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (mut from_radio, mut to_radio) = stream.into_split();
    let (heard, events) = mpsc::channel(1);
    let (actions, mut doing) = mpsc::channel(1);
    let reading = async move {
        while let Some(event) = read(&mut from_radio).await? {
            if heard.send(event).await.is_err() {
                break;
            }
        }
        Ok(())
    };
    let writing = async move {
        while let Some(action) = doing.recv().await {
            to_radio.write_all(&frame(action)?).await?;
        }
        Ok(())
    };
    let serving = super::serve(Radio { events, actions }, token.clone(), Arc::clone(place));
    // Serving goes on to its end, so that a phone that was there is not any more.
    let moving = async { tokio::try_join!(reading, writing).map(drop) };
    let ((), moved) = tokio::join!(serving, moving);
    moved
}

fn frame(action: Action) -> io::Result<Vec<u8>> {
    let (op, data) = match action {
        Action::Info(hello) => (129, hello),
        Action::Notify(value) => (130, value),
        Action::Advertise(what) => (131, what.map(Advertised::advertisement).unwrap_or_default()),
        Action::Disconnect => (132, Vec::new()),
    };
    let length = u16::try_from(data.len().saturating_add(1)).map_err(|_| io::ErrorKind::InvalidData)?;
    Ok([&length.to_be_bytes()[..], &[op], &data].concat())
}

/// Nothing at the end of the connection.
async fn read(stream: &mut (impl AsyncReadExt + Unpin)) -> io::Result<Option<Event>> {
    let length = match stream.read_u16().await {
        Ok(length) => usize::from(length),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    };
    if length > LONGEST {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    parse(&body).map(Some).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

fn parse(body: &[u8]) -> Option<Event> {
    Some(match *body {
        [1] => Event::Connected,
        [2, high, low] => Event::Mtu(u16::from_be_bytes([high, low])),
        [3] => Event::InfoRead,
        [4, on @ 0..=1] => Event::Subscribed(on == 1),
        [5, ref value @ ..] => Event::Written(value.to_vec()),
        [6] => Event::Notified,
        [7] => Event::Disconnected,
        _ => return None,
    })
}
