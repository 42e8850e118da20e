//! The token's link: one phone at a time over TCP, framed as in protocol.md, section 2.

use std::{sync::Arc, time::Duration};

use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};

use ushield_protocol::{code::Code, message::Kind};

use crate::{
    frame::{self, Message},
    runner::Handle,
};

/// A phone that comes back at once may be here before the end of its old connection has been read.
pub(crate) const HANDOVER: Duration = Duration::from_millis(250);
/// A phone that takes no bytes for so long is gone.
const WRITE_PATIENCE: Duration = Duration::from_secs(10);

/// Accepts phones until the task is dropped. The first is served, others are told `busy` for as long as it is there.
/// `place`: one phone is served over all links.
pub(crate) async fn serve(listener: TcpListener, token: Handle, place: Arc<Semaphore>) {
    let mut phones = tokio::task::JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let (token, place) = (token.clone(), Arc::clone(&place));
                    phones.spawn(async move {
                        // A phone that breaks off is an ordinary event; there is no one to tell.
                        let _ = attend(stream, &token, &place).await;
                    });
                }
                // Out of descriptors, most likely: give others the time to close some.
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            },
            Some(_) = phones.join_next() => {}
        }
    }
}

async fn attend(mut stream: TcpStream, token: &Handle, place: &Semaphore) -> std::io::Result<()> {
    match tokio::time::timeout(HANDOVER, place.acquire()).await {
        // The place is free again before the stream is closed, which may take a moment.
        Ok(Ok(_taken)) => phone(&mut stream, token).await?,
        Ok(Err(_)) | Err(_) => refuse(&mut stream).await?,
    }
    close(stream).await
}

async fn refuse(stream: &mut TcpStream) -> std::io::Result<()> {
    let busy = Message { kind: Kind::Refusal, body: Code::Busy.wire().into_iter().collect() };
    patiently(frame::write(stream, &busy)).await
}

/// Serves a phone to its end: either side may close, and a message that is none ends it too.
async fn phone(stream: &mut TcpStream, token: &Handle) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let Ok((connection, mut outgoing)) = token.connect().await else { return Ok(()) };
    let (mut from_phone, mut to_phone) = stream.split();
    let reading = async {
        while let Ok(message) = frame::read(&mut from_phone).await {
            if token.receive(connection, message).await.is_err() {
                break;
            }
        }
    };
    let writing = async {
        while let Some(message) = outgoing.recv().await {
            patiently(frame::write(&mut to_phone, &message)).await?;
        }
        Ok::<(), std::io::Error>(())
    };
    // Reading ends first when the phone goes: what the token still has for it is of no use. Writing ends first when
    // the token disconnects: everything it said before has been written.
    let ended = tokio::select! {
        biased;
        ended = writing => ended,
        () = reading => Ok(()),
    };
    token.disconnect(connection);
    ended
}

/// Closes so that the phone gets what was written: bytes that it sent and nobody read would turn the close into a
/// reset, which may overtake them.
async fn close(mut stream: TcpStream) -> std::io::Result<()> {
    stream.shutdown().await?;
    let mut unread = [0; 512];
    let drain = async {
        while let Ok(1..) = tokio::io::AsyncReadExt::read(&mut stream, &mut unread).await {}
        Ok(())
    };
    match tokio::time::timeout(Duration::from_secs(1), drain).await {
        Ok(drained) => drained,
        Err(_) => Ok(()),
    }
}

async fn patiently(writing: impl Future<Output = std::io::Result<()>>) -> std::io::Result<()> {
    tokio::time::timeout(WRITE_PATIENCE, writing)
        .await
        .unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))
}
