//! TCP framing of protocol.md, section 2: `length of body u16 || kind u8 || body`.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use ushield_protocol::message::{Kind, MAX_BODY};

/// A message as it travels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Which of section 2's kinds.
    pub kind: Kind,
    /// Its body.
    pub body: Vec<u8>,
}

/// Why the phone's end of a connection cannot be read any further.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The phone closed between two messages.
    #[error("closed")]
    Closed,
    /// The length is above the limit.
    #[error("a body of {0} bytes, 4096 at most")]
    TooLong(u16),
    /// Not a kind that a phone sends.
    #[error("kind {0} does not come from a phone")]
    WrongKind(u8),
    /// The connection broke, perhaps within a message.
    #[error("connection: {0}")]
    Io(#[from] std::io::Error),
}

/// Reads one message from a phone: pairing, connect or sealed. The header is judged before the body is awaited.
///
/// # Errors
/// [`FrameError`]; after any of them the connection is at its end.
pub async fn read(from: &mut (impl AsyncRead + Unpin)) -> Result<Message, FrameError> {
    let mut header = [0; 3];
    let (first, rest) = header.split_at_mut(1);
    if from.read(first).await? == 0 {
        return Err(FrameError::Closed);
    }
    from.read_exact(rest).await?;
    let [high, low, kind] = header;
    let length = u16::from_be_bytes([high, low]);
    if usize::from(length) > MAX_BODY {
        return Err(FrameError::TooLong(length));
    }
    let known = Kind::from_number(kind).filter(|kind| kind.from_phone());
    let kind = known.ok_or(FrameError::WrongKind(kind))?;
    let mut body = vec![0; usize::from(length)];
    from.read_exact(&mut body).await?;
    Ok(Message { kind, body })
}

/// Writes one message in one piece.
///
/// # Errors
/// The connection's error; a body above the limit is `InvalidInput` and nothing is written.
pub async fn write(to: &mut (impl AsyncWrite + Unpin), message: &Message) -> std::io::Result<()> {
    let length = u16::try_from(message.body.len()).ok().filter(|_| message.body.len() <= MAX_BODY);
    let length = length.ok_or_else(|| std::io::Error::from(std::io::ErrorKind::InvalidInput))?;
    let mut bytes = Vec::with_capacity(message.body.len().saturating_add(3));
    bytes.extend(length.to_be_bytes());
    bytes.push(message.kind.number());
    bytes.extend(&message.body);
    to.write_all(&bytes).await?;
    to.flush().await
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read_all(mut bytes: &[u8]) -> Result<Message, FrameError> {
        futures_lite(read(&mut bytes))
    }

    /// Slices are always ready: one poll is enough.
    fn futures_lite<T>(future: impl Future<Output = T>) -> T {
        let mut future = std::pin::pin!(future);
        match future.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
            std::task::Poll::Ready(value) => value,
            std::task::Poll::Pending => panic!("a slice made us wait"),
        }
    }

    #[test]
    fn only_what_a_phone_sends_is_read() {
        for kind in 0..=255 {
            let result = read_all(&[0, 1, kind, 7]);
            match kind {
                1..=3 => assert_eq!(
                    result.unwrap(),
                    Message { kind: Kind::from_number(kind).unwrap(), body: vec![7] }
                ),
                _ => assert!(matches!(result, Err(FrameError::WrongKind(k)) if k == kind)),
            }
        }
    }

    #[test]
    fn lengths_are_judged_before_the_body() {
        assert!(matches!(read_all(&[0x10, 0x01, 3]), Err(FrameError::TooLong(4097))));
        assert!(matches!(read_all(&[0xff, 0xff, 3]), Err(FrameError::TooLong(65535))));
        let mut largest = vec![0x10, 0x00, 3];
        largest.extend([9; 4096]);
        assert_eq!(read_all(&largest).unwrap().body.len(), 4096);
    }

    #[test]
    fn the_end_between_messages_is_not_the_end_within_one() {
        assert!(matches!(read_all(&[]), Err(FrameError::Closed)));
        for part in [&[0][..], &[0, 2], &[0, 2, 3], &[0, 2, 3, 1]] {
            assert!(matches!(read_all(part), Err(FrameError::Io(_))), "{part:?}");
        }
    }

    #[test]
    fn a_body_that_is_too_long_is_not_written() {
        let mut out = Vec::new();
        let message = Message { kind: Kind::Sealed, body: vec![0; 4097] };
        assert!(futures_lite(write(&mut out, &message)).is_err());
        assert!(out.is_empty());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(kind in 1..=3_u8, body in prop::collection::vec(any::<u8>(), 0..=4096)) {
            let message = Message { kind: Kind::from_number(kind).unwrap(), body };
            let mut bytes = Vec::new();
            futures_lite(write(&mut bytes, &message)).unwrap();
            prop_assert_eq!(read_all(&bytes).unwrap(), message);
        }

        #[test]
        fn any_bytes_are_a_message_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = read_all(&bytes);
        }
    }
}
