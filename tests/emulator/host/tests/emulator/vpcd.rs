//! protocol.md, section 2.2, in a virtual reader: a stand-in for vpcd that speaks its protocol.

use std::{net::SocketAddr, time::Duration};

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
    key::PublicKey,
    message::{Hello, Info, Kind, P3, P4, P5, P6, Reply, Request, Versions, connect_hint, pairing_digits},
    noise::{DhSecret, Handshake, Pattern, StaticKey, Transport},
    secret::Secret,
};

use crate::{
    program::Folder,
    support::{get, token},
};

const SELECT: &[u8] = b"\x00\xa4\x04\x00\x09\xf0USHIELD\x01\x00";
/// SELECT of another application.
const OTHER: &[u8] = &[0x00, 0xa4, 4, 0, 5, 0xa0, 0, 0, 0, 3, 0];
const POLL: &[u8] = &[0x80, 0xc2, 0, 0, 0];
const NO_CONNECTION: [u8; 2] = [0x69, 0x85];
const DONE: [u8; 2] = [0x90, 0x00];

const POWER_OFF: u8 = 0;
const POWER_ON: u8 = 1;
const RESET: u8 = 2;
const ATR: u8 = 4;

/// What waits for a card.
struct Slot(TcpListener);

/// A card in it.
struct Reader(TcpStream);

impl Slot {
    async fn open() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    fn address(&self) -> String {
        self.0.local_addr().unwrap().to_string()
    }

    /// Waits for a card and powers it.
    async fn card(&self) -> Reader {
        let accepted = tokio::time::timeout(Duration::from_secs(30), self.0.accept());
        let mut reader = Reader(accepted.await.expect("no card is plugged in").unwrap().0);
        reader.say(&[POWER_ON]).await;
        reader
    }
}

impl Reader {
    /// Length and body apart, as vpcd does.
    async fn say(&mut self, body: &[u8]) {
        self.0.write_all(&u16::try_from(body.len()).unwrap().to_be_bytes()).await.unwrap();
        self.0.write_all(body).await.unwrap();
    }

    /// The limit only keeps a broken card from hanging the test.
    async fn ask(&mut self, body: &[u8]) -> Vec<u8> {
        self.say(body).await;
        let answer = async {
            let mut length = [0; 2];
            self.0.read_exact(&mut length).await.unwrap();
            let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
            self.0.read_exact(&mut answer).await.unwrap();
            answer
        };
        tokio::time::timeout(Duration::from_secs(30), answer).await.expect("no answer")
    }

    async fn exchange(&mut self, command: &[u8]) -> (Vec<u8>, [u8; 2]) {
        let answer = self.ask(command).await;
        let (data, status) = answer.split_last_chunk::<2>().unwrap();
        (data.to_vec(), *status)
    }

    async fn select(&mut self) -> Hello {
        let (hello, status) = self.exchange(SELECT).await;
        assert_eq!(status, DONE);
        Hello::decode(&hello).unwrap()
    }

    /// A message in short commands; what it is answered with.
    async fn message(&mut self, kind: Kind, body: &[u8]) -> Vec<u8> {
        let parts: Vec<&[u8]> = body.chunks(255).collect();
        let (last, before) = parts.split_last().unwrap();
        for part in before {
            let command = [&[0x90, 0xc2, kind.number(), 0, 255][..], part].concat();
            assert_eq!(self.exchange(&command).await, (vec![], DONE));
        }
        let length = u8::try_from(last.len()).unwrap();
        self.fetch(&[&[0x80, 0xc2, kind.number(), 0, length][..], last, &[0]].concat()).await
    }

    async fn fetch(&mut self, command: &[u8]) -> Vec<u8> {
        let (mut data, mut status) = self.exchange(command).await;
        while let [0x61, left] = status {
            let (more, next) = self.exchange(&[0x00, 0xc0, 0, 0, left]).await;
            data.extend(more);
            status = next;
        }
        assert_eq!(status, DONE);
        data
    }
}

async fn start(slot: &Slot) -> Emulator {
    let (flash, device) = token();
    let config = Config::for_test(Memory::in_memory(flash), device, 2);
    Emulator::start(Config { vpcd: Some(slot.address()), ..config }).await.unwrap()
}

/// The first message of a phone on TCP: a hello, or `busy`.
async fn over_tcp(to: SocketAddr) -> (TcpStream, Vec<u8>) {
    let mut stream = TcpStream::connect(to).await.unwrap();
    let mut header = [0; 3];
    stream.read_exact(&mut header).await.unwrap();
    let mut body = vec![0; usize::from(header[1])];
    stream.read_exact(&mut body).await.unwrap();
    (stream, body)
}

#[tokio::test]
async fn the_atr_is_the_only_control_that_is_answered() {
    let slot = Slot::open().await;
    let _token = start(&slot).await;
    let mut reader = slot.card().await;
    for control in [RESET, POWER_OFF, POWER_ON, 77] {
        reader.say(&[control]).await;
    }
    let atr = reader.ask(&[ATR]).await;
    assert_eq!((atr[0], atr.len()), (0x3b, 19));
    assert_eq!(reader.exchange(OTHER).await, (vec![], [0x6a, 0x82]));
    assert_eq!(reader.exchange(&[0x00, 0xca, 0x7f, 0x68, 0]).await, (vec![], [0x6d, 0x00]));
}

#[tokio::test]
async fn a_select_is_answered_with_a_new_hello() {
    let slot = Slot::open().await;
    let _token = start(&slot).await;
    let mut reader = slot.card().await;
    assert_eq!(reader.exchange(POLL).await.1, NO_CONNECTION);
    let (first, second) = (reader.select().await, reader.select().await);
    assert!(first.extended && first.nonce != second.nonce);
    assert_eq!(reader.exchange(POLL).await, (vec![], DONE));
    for control in [RESET, POWER_OFF] {
        reader.select().await;
        reader.say(&[control]).await;
        assert_eq!(reader.exchange(POLL).await, (vec![], NO_CONNECTION));
    }
}

#[tokio::test]
async fn a_stranger_is_refused_and_nothing_is_drawn() {
    let slot = Slot::open().await;
    let token = start(&slot).await;
    let before = token.screen().serial;
    let mut reader = slot.card().await;
    reader.select().await;
    assert_eq!(reader.message(Kind::Connect, &[9; 57]).await, [0x13]);
    assert_eq!(reader.exchange(POLL).await, (vec![], NO_CONNECTION));
    assert_eq!(token.screen().serial, before);
    reader.select().await;
}

#[tokio::test]
async fn one_phone_is_served_over_all_links() {
    let slot = Slot::open().await;
    let token = start(&slot).await;
    let mut reader = slot.card().await;
    let (phone, hello) = over_tcp(token.addr()).await;
    assert_eq!(hello.len(), 13);
    assert_eq!(reader.exchange(SELECT).await, (vec![0x17], DONE), "busy");
    assert_eq!(reader.exchange(POLL).await, (vec![], NO_CONNECTION));
    drop(phone);
    reader.select().await;
    assert_eq!(over_tcp(token.addr()).await.1, [0x17]);
    // The token's own end of it makes room without a command.
    token.advance(Duration::from_secs(3)).await.unwrap();
    let (phone, hello) = over_tcp(token.addr()).await;
    assert_eq!(hello.len(), 13);
    assert_eq!(reader.exchange(POLL).await, (vec![], NO_CONNECTION));
    drop(phone);
    // So does another application, and a reader that goes.
    reader.select().await;
    assert_eq!(reader.exchange(OTHER).await, (vec![], [0x6a, 0x82]));
    let (phone, hello) = over_tcp(token.addr()).await;
    assert_eq!(hello.len(), 13);
    drop(phone);
    reader.select().await;
    drop(reader);
    assert_eq!(over_tcp(token.addr()).await.1.len(), 13);
}

#[tokio::test]
async fn a_reader_that_comes_back_finds_the_card() {
    let slot = Slot::open().await;
    let _token = start(&slot).await;
    for _ in 0..3 {
        let mut reader = slot.card().await;
        assert_eq!(reader.exchange(POLL).await.1, NO_CONNECTION);
        reader.select().await;
    }
}

/// P1 to P6, the digits on both sides; the token's key and k_hint.
async fn pair(reader: &mut Reader, token: &Emulator, me: &StaticKey) -> (PublicKey, Secret<32>) {
    token.press(Key::Ok).await.unwrap();
    token.press(Key::Ok).await.unwrap();
    assert!(reader.select().await.pairing);
    let mut handshake = Handshake::initiator(Pattern::Xx, me, &Secret::new([9; 32])).unwrap();
    let p1 = handshake.write(&Versions::OURS.encode()).unwrap();
    handshake.read(&reader.message(Kind::Pairing, &p1).await).unwrap();
    let p3 = P3 { versions: Versions::OURS, nonce: [6; 16], name: "test phone".into() };
    let p3 = handshake.write(&p3.encode()).unwrap();
    let (hash, peer) = (handshake.hash(), handshake.peer().unwrap());
    let mut transport = handshake.into_transport().unwrap();
    let p4 = reader.message(Kind::Pairing, &p3).await;
    assert!(p4.len() > 256, "it takes a GET RESPONSE");
    let p4 = P4::decode(&transport.open(&p4).unwrap()).unwrap();
    let digits = format!("{:06}", pairing_digits(&hash, &[6; 16], &p4.nonce));
    let shown: String = token.screen().text.chars().filter(char::is_ascii_digit).collect();
    assert!(shown.contains(&digits), "{digits} is not on {:?}", token.screen().text);
    let p5 = transport.seal(&P5 { confirmed: true, pin: None }.encode()).unwrap();
    assert_eq!(reader.message(Kind::Pairing, &p5).await, [0; 0], "the token waits for OK, the card does not");
    assert_eq!(reader.fetch(POLL).await, [0; 0]);
    token.press(Key::Ok).await.unwrap();
    match P6::decode(&transport.open(&reader.fetch(POLL).await).unwrap()).unwrap() {
        P6::Paired { k_hint, .. } => (peer, k_hint),
        other => panic!("{other:?}"),
    }
}

async fn reconnect(
    reader: &mut Reader,
    me: &StaticKey,
    (peer, k_hint): &(PublicKey, Secret<32>),
    seed: u8,
) -> Transport {
    let hello = reader.select().await;
    let pattern = Pattern::Kk { peer: *peer };
    let mut handshake = Handshake::initiator(pattern, me, &Secret::new([seed; 32])).unwrap();
    let first = handshake.write(&Versions::OURS.encode()).unwrap();
    let k1 = [&connect_hint(k_hint, &hello.nonce, &first[..33])[..], &first].concat();
    assert_eq!(handshake.read(&reader.message(Kind::Connect, &k1).await).unwrap().len(), 24);
    handshake.into_transport().unwrap()
}

#[tokio::test]
async fn a_phone_pairs_and_comes_back_to_another_reader() {
    let slot = Slot::open().await;
    let token = start(&slot).await;
    let me = StaticKey::Here(DhSecret::from_bytes(&[3; 32]).unwrap());
    let pairing = pair(&mut slot.card().await, &token, &me).await;
    for seed in [20, 21] {
        let mut reader = slot.card().await;
        let mut channel = reconnect(&mut reader, &me, &pairing, seed).await;
        let info = channel.seal(&Request::Info.encode()).unwrap();
        let reply = channel.open(&reader.message(Kind::Sealed, &info).await).unwrap();
        let info = Info::decode(&Reply::decode(&reply).unwrap().body).unwrap();
        assert_eq!((info.name.as_str(), info.phones), ("测试 U-Shield", 1));
    }
}

#[tokio::test]
async fn the_program_plugs_itself_in() {
    let slot = Slot::open().await;
    let folder = Folder::new();
    assert!(folder.personalise(&[]).status.success());
    let token = folder.start_with(&["--vpcd", &slot.address()]);
    let mut reader = slot.card().await;
    let (first, _) = reader.exchange(SELECT).await;
    assert_eq!(first.len(), 13);
    assert!(get(token.http(), "/screen").await.status == 200, "its faces are there too");
}
