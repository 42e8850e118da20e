#![allow(clippy::as_conversions, reason = "lengths of a test")]

use proptest::prelude::*;
use tokio::io::{DuplexStream, duplex};

use super::*;

/// A link, and the raw stream at its other end.
fn link(end: End) -> (Framed<DuplexStream>, DuplexStream) {
    let (ours, theirs) = duplex(1 << 16);
    (Framed::new(ours, end), theirs)
}

/// What is decided without waiting for the other end.
async fn at_once<T>(step: impl Future<Output = T>) -> T {
    tokio::select! {
        biased;
        result = step => result,
        () = tokio::task::yield_now() => panic!("it waits"),
    }
}

async fn error_after(end: End, bytes: &[u8]) -> Code {
    let (mut link, mut other) = link(end);
    other.write_all(bytes).await.unwrap();
    let code = at_once(link.receive()).await.unwrap_err().code();
    // Whatever it was, it was the end, for both.
    assert_eq!(link.receive().await.unwrap_err().code(), Code::LinkLost);
    assert_eq!(link.send(Kind::Sealed, b"x").await.unwrap_err().code(), Code::LinkLost);
    let mut rest = Vec::new();
    other.read_to_end(&mut rest).await.unwrap();
    code
}

#[tokio::test]
async fn a_phone_takes_every_kind_of_the_table_and_no_other() {
    for number in 0..=u8::MAX {
        let (mut link, mut other) = link(End::Phone);
        other.write_all(&[0, 1, number, 7]).await.unwrap();
        match (link.receive().await, Kind::from_number(number)) {
            (Ok((kind, body)), Some(expected)) => assert_eq!((kind, body), (expected, vec![7])),
            (Err(error), None) => assert_eq!(error.code(), Code::TokenMisbehaved),
            (result, _) => panic!("{number}: {result:?}"),
        }
    }
}

#[tokio::test]
async fn direction_is_part_of_the_table() {
    for kind in Kind::ALL {
        let (mut phone, mut other) = link(End::Phone);
        assert_eq!(phone.send(kind, b"").await.is_ok(), kind.from_phone(), "{kind:?}");
        // A refused message leaves nothing on the link.
        phone.send(Kind::Pairing, b"next").await.unwrap();
        let mut first = [0; 3];
        other.read_exact(&mut first).await.unwrap();
        assert_eq!(first == [0, 4, 1], !kind.from_phone(), "{kind:?}");

        if !kind.from_phone() {
            assert_eq!(error_after(End::Token, &[0, 0, kind.number()]).await, Code::Malformed);
        }
    }
}

#[tokio::test]
async fn a_length_is_judged_before_its_body_comes() {
    assert_eq!(error_after(End::Phone, &[0x10, 0x01, 3]).await, Code::TokenMisbehaved);
    assert_eq!(error_after(End::Phone, &[0xff, 0xff, 3]).await, Code::TokenMisbehaved);
    assert_eq!(error_after(End::Phone, &[0, 0, 6]).await, Code::TokenMisbehaved);
    let (mut phone, _other) = link(End::Phone);
    let error = phone.send(Kind::Sealed, &[0; MAX_BODY + 1]).await.unwrap_err();
    assert_eq!(error.code(), Code::BadInput);
    phone.send(Kind::Sealed, &[0; MAX_BODY]).await.unwrap();
}

#[tokio::test]
async fn an_end_is_a_lost_link_wherever_it_comes() {
    for bytes in [&[][..], &[0], &[0, 2], &[0, 2, 3], &[0, 2, 3, 1]] {
        let (mut phone, mut other) = link(End::Phone);
        other.write_all(bytes).await.unwrap();
        drop(other);
        assert_eq!(phone.receive().await.unwrap_err().code(), Code::LinkLost);
    }
}

#[tokio::test]
async fn what_was_sent_before_the_end_still_arrives() {
    let (mut phone, mut other) = link(End::Phone);
    other.write_all(&[0, 1, 3, 9, 0, 0, 5]).await.unwrap();
    drop(other);
    assert_eq!(phone.receive().await.unwrap(), (Kind::Sealed, vec![9]));
    assert_eq!(phone.receive().await.unwrap(), (Kind::KeepAlive, vec![]));
    assert_eq!(phone.receive().await.unwrap_err().code(), Code::LinkLost);
}

#[tokio::test]
async fn a_wait_that_is_dropped_loses_no_byte() {
    let (mut phone, mut other) = link(End::Phone);
    for byte in [0, 3, 3, 7, 8] {
        other.write_all(&[byte]).await.unwrap();
        let given_up = tokio::select! {
            biased;
            message = phone.receive() => panic!("{message:?}"),
            () = tokio::task::yield_now() => true,
        };
        assert!(given_up);
    }
    other.write_all(&[9]).await.unwrap();
    assert_eq!(phone.receive().await.unwrap(), (Kind::Sealed, vec![7, 8, 9]));
}

#[tokio::test]
async fn a_sending_that_is_given_up_ends_the_link() {
    // Room for less than the message.
    let (ours, _other) = duplex(10);
    let mut phone = Framed::new(ours, End::Phone);
    tokio::select! {
        biased;
        result = phone.send(Kind::Sealed, &[0; 100]) => panic!("{result:?}"),
        () = tokio::task::yield_now() => {}
    }
    assert_eq!(at_once(phone.send(Kind::Sealed, b"x")).await.unwrap_err().code(), Code::LinkLost);
    assert_eq!(at_once(phone.receive()).await.unwrap_err().code(), Code::LinkLost);
}

#[tokio::test]
async fn closing_twice_is_closing() {
    let (mut phone, mut other) = link(End::Phone);
    phone.close().await;
    phone.close().await;
    let mut rest = Vec::new();
    other.read_to_end(&mut rest).await.unwrap();
    assert!(rest.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_encoded_is_decoded(
        kind in prop::sample::select(&Kind::ALL),
        body in prop::collection::vec(any::<u8>(), 0..=MAX_BODY),
        more in prop::collection::vec(any::<u8>(), 0..8),
    ) {
        let mut bytes = encode(kind, &body).unwrap();
        let length = bytes.len();
        prop_assert_eq!(decode(&bytes[..length - 1], End::Phone).unwrap(), None);
        bytes.extend(more);
        prop_assert_eq!(decode(&bytes, End::Phone).unwrap(), Some(((kind, body), length)));
    }

    #[test]
    fn any_bytes_are_messages_or_their_beginning_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        if let Ok(Some(((kind, body), taken))) = decode(&bytes, End::Token) {
            prop_assert_eq!(&encode(kind, &body).unwrap(), &bytes[..taken]);
        }
    }
}
