//! protocol.md, section 2.1, over a radio in another process: a stand-in for one that speaks the bridge's protocol.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use ushield_emulator::{
    emulator::{Config, Emulator},
    flash::Memory,
    runner::Key,
};
use ushield_protocol::{
    framing::{
        advertisement::Advertised,
        fragment::{Fragment, Number},
    },
    message::{Hello, Kind},
};

use crate::support::token;

const CONNECTED: &[u8] = &[1];
const MTU_185: &[u8] = &[2, 0, 185];
const INFO: &[u8] = &[3];
const SUBSCRIBED: &[u8] = &[4, 1];
const NOTIFIED: &[u8] = &[6];
const DISCONNECTED: &[u8] = &[7];

struct Radio(TcpStream);

impl Radio {
    async fn say(&mut self, body: &[u8]) {
        let length = u16::try_from(body.len()).unwrap();
        self.0.write_all(&[&length.to_be_bytes(), body].concat()).await.unwrap();
    }

    /// Op and data. The limit only keeps a broken token from hanging the test.
    async fn heard(&mut self) -> (u8, Vec<u8>) {
        let read = async {
            let mut body = vec![0; usize::from(self.0.read_u16().await.unwrap())];
            self.0.read_exact(&mut body).await.unwrap();
            (body[0], body[1..].to_vec())
        };
        tokio::time::timeout(Duration::from_secs(30), read).await.expect("the token says nothing")
    }

    /// The next advertisement.
    async fn advertised(&mut self) -> Option<Advertised> {
        let (op, data) = self.heard().await;
        assert_eq!(op, 131);
        let bytes = data.get(25..)?;
        let advertised = Advertised::decode(bytes).unwrap();
        assert_eq!(advertised.advertisement(), data);
        Some(advertised)
    }

    async fn hello(&mut self) -> Hello {
        self.say(INFO).await;
        let (op, data) = self.heard().await;
        assert_eq!(op, 129);
        Hello::decode(&data).unwrap()
    }
}

async fn plugged() -> (Emulator, Radio, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (flash, device) = token();
    let config = Config::for_test(Memory::in_memory(flash), device, 2);
    let gatt = Some(listener.local_addr().unwrap().to_string());
    let token = Emulator::start(Config { gatt, ..config }).await.unwrap();
    let radio = Radio(listener.accept().await.unwrap().0);
    (token, radio, listener)
}

const NO_PHONE: Option<Advertised> = Some(Advertised::Open { pairing: false });

#[tokio::test]
async fn it_advertises_after_a_key_and_while_pairing_is_open() {
    let (token, mut radio, _listener) = plugged().await;
    assert_eq!(radio.advertised().await, NO_PHONE, "switching it on is a key");
    token.advance(Duration::from_secs(120)).await.unwrap();
    assert_eq!(radio.advertised().await, None);
    token.press(Key::Ok).await.unwrap();
    assert_eq!(radio.advertised().await, NO_PHONE);
    token.press(Key::Ok).await.unwrap();
    assert_eq!(radio.advertised().await, Some(Advertised::Open { pairing: true }));
}

#[tokio::test]
async fn a_connection_has_one_hello_and_no_advertisement() {
    let (_token, mut radio, _listener) = plugged().await;
    assert_eq!(radio.advertised().await, NO_PHONE);
    radio.say(CONNECTED).await;
    let first = radio.hello().await;
    assert_eq!(radio.hello().await, first);
    radio.say(DISCONNECTED).await;
    while radio.advertised().await != NO_PHONE {}
    radio.say(CONNECTED).await;
    assert_ne!(radio.hello().await.nonce, first.nonce);
}

#[tokio::test]
async fn a_stranger_is_refused_and_the_last_word_acknowledged() {
    let (token, mut radio, _listener) = plugged().await;
    let before = token.screen().serial;
    assert_eq!(radio.advertised().await, NO_PHONE);
    radio.say(CONNECTED).await;
    radio.say(MTU_185).await;
    radio.hello().await;
    radio.say(SUBSCRIBED).await;
    let (number, kind, acknowledges) = (Number::FIRST, Kind::Connect, Number::NONE);
    let k1 = Fragment::Start { number, kind, acknowledges, length: 57, bytes: &[9; 57] };
    radio.say(&[&[5], &k1.encode()[..]].concat()).await;
    let (op, refusal) = radio.heard().await;
    let expected =
        Fragment::Start { number, kind: Kind::Refusal, acknowledges: number, length: 1, bytes: &[0x13] };
    assert_eq!((op, refusal), (130, expected.encode()));
    radio.say(NOTIFIED).await;
    radio.say(&[&[5], &Fragment::Ack { number }.encode()[..]].concat()).await;
    assert_eq!(radio.heard().await, (132, vec![]));
    radio.say(DISCONNECTED).await;
    while radio.advertised().await != NO_PHONE {}
    assert_eq!(token.screen().serial, before);
}

#[tokio::test]
async fn a_radio_that_goes_and_comes_back_finds_the_token() {
    let (_token, mut radio, listener) = plugged().await;
    radio.say(CONNECTED).await;
    assert_eq!(radio.advertised().await, NO_PHONE);
    radio.hello().await;
    drop(radio);
    let accepted = tokio::time::timeout(Duration::from_secs(30), listener.accept());
    let mut radio = Radio(accepted.await.expect("the token does not come back").unwrap().0);
    while radio.advertised().await != NO_PHONE {}
    radio.say(CONNECTED).await;
    radio.hello().await;
}

#[tokio::test]
async fn what_no_radio_says_ends_the_connection_with_it() {
    let (_token, mut radio, listener) = plugged().await;
    assert_eq!(radio.advertised().await, NO_PHONE);
    radio.say(&[99]).await;
    let accepted = tokio::time::timeout(Duration::from_secs(30), listener.accept());
    accepted.await.expect("the token does not come back").unwrap();
}
