//! protocol.md, section 2: what a connection may carry, and how many are served.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::start;

const HELLO: u8 = 0;
const REFUSAL: u8 = 4;

struct Phone(TcpStream);

impl Phone {
    async fn connect(to: SocketAddr) -> Self {
        Self(TcpStream::connect(to).await.unwrap())
    }

    /// Connects and takes the hello.
    async fn greeted(to: SocketAddr) -> (Self, Vec<u8>) {
        let mut phone = Self::connect(to).await;
        let (kind, hello) = phone.next().await.unwrap();
        assert_eq!((kind, hello.len()), (HELLO, 13));
        (phone, hello)
    }

    /// The next message, or `None` when the token has closed. The limit only keeps a broken token from hanging the test.
    async fn next(&mut self) -> Option<(u8, Vec<u8>)> {
        let next = async {
            let mut header = [0; 3];
            self.0.read_exact(&mut header).await.ok()?;
            let mut body = vec![0; usize::from(u16::from_be_bytes([header[0], header[1]]))];
            self.0.read_exact(&mut body).await.unwrap();
            Some((header[2], body))
        };
        tokio::time::timeout(Duration::from_secs(30), next)
            .await
            .expect("the token neither answers nor closes")
    }

    async fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.unwrap();
    }
}

#[tokio::test]
async fn hello_comes_first_and_its_nonce_is_new() {
    let token = start().await;
    let (phone, first) = Phone::greeted(token.addr()).await;
    drop(phone);
    let (_phone, second) = Phone::greeted(token.addr()).await;
    assert_eq!(first[..5], second[..5]);
    assert_ne!(first[5..], second[5..]);
}

#[tokio::test]
async fn what_is_not_a_message_ends_the_connection() {
    let token = start().await;
    for bytes in [
        &[0x10, 0x01, 3][..], // 4,097 bytes announced
        &[0xff, 0xff, 2],     // 65,535
        &[0, 1, 0, 0],        // hello, but from a phone
        &[0, 1, 4, 0],        // refusal
        &[0, 0, 5],           // keep-alive
        &[0, 1, 6, 0],        // no such kind
        &[0, 1, 255, 0],
    ] {
        let (mut phone, _) = Phone::greeted(token.addr()).await;
        phone.send(bytes).await;
        assert_eq!(phone.next().await, None, "{bytes:x?}");
    }
    Phone::greeted(token.addr()).await;
}

#[tokio::test]
async fn one_connection_is_served_and_a_second_is_told_so() {
    let token = start().await;
    let (first, _) = Phone::greeted(token.addr()).await;
    let mut second = Phone::connect(token.addr()).await;
    assert_eq!(second.next().await, Some((REFUSAL, vec![0x17])));
    assert_eq!(second.next().await, None);
    drop(first);
    Phone::greeted(token.addr()).await;
}

#[tokio::test]
async fn a_phone_that_says_nothing_valid_for_three_seconds_is_cut_off() {
    let token = start().await;
    let (mut phone, _) = Phone::greeted(token.addr()).await;
    token.advance(Duration::from_millis(2_900)).await.unwrap();
    let mut second = Phone::connect(token.addr()).await;
    assert_eq!(second.next().await, Some((REFUSAL, vec![0x17])), "still served");
    token.advance(Duration::from_millis(200)).await.unwrap();
    while let Some((kind, _)) = phone.next().await {
        assert_eq!(kind, REFUSAL, "a reason is all that it is told");
    }
}

#[tokio::test]
async fn a_stranger_is_refused_and_nothing_is_drawn() {
    let token = start().await;
    let before = token.screen().serial;
    let (mut phone, _) = Phone::greeted(token.addr()).await;
    let mut k1 = vec![0, 57, 2];
    k1.extend([9; 57]);
    phone.send(&k1).await;
    assert_eq!(phone.next().await, Some((REFUSAL, vec![0x13])));
    assert_eq!(phone.next().await, None);
    assert_eq!(token.screen().serial, before);
}
