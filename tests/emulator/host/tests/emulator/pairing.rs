//! A phone in forty lines, straight from protocol.md, sections 3 and 4: what a kill -9 must not lose.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use ushield_protocol::{
    device::{DeviceIdentity, MakerRoot, verify_statement},
    key::P256Verifier,
    message::{Hello, Kind, P3, P4, P5, P6, Versions, connect_hint, pairing_commitment, pairing_digits},
    noise::{DhSecret, Handshake, Pattern, StaticKey},
    secret::Secret,
};

use crate::{
    program::{Folder, Running},
    support::request,
};

struct Phone {
    stream: TcpStream,
    hello: Hello,
}

impl Phone {
    fn connect(to: SocketAddr) -> Self {
        let stream = TcpStream::connect(to).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let mut phone =
            Self { stream, hello: Hello::decode(&[1, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]).unwrap() };
        phone.hello = Hello::decode(&phone.take(Kind::Hello)).unwrap();
        phone
    }

    fn send(&mut self, kind: Kind, body: &[u8]) {
        let mut bytes = u16::try_from(body.len()).unwrap().to_be_bytes().to_vec();
        bytes.push(kind.number());
        bytes.extend(body);
        self.stream.write_all(&bytes).unwrap();
    }

    fn take(&mut self, expected: Kind) -> Vec<u8> {
        let (kind, body) = self.next();
        assert_eq!(kind, expected.number(), "{body:x?}");
        body
    }

    fn next(&mut self) -> (u8, Vec<u8>) {
        let mut header = [0; 3];
        self.stream.read_exact(&mut header).unwrap();
        let mut body = vec![0; usize::from(u16::from_be_bytes([header[0], header[1]]))];
        self.stream.read_exact(&mut body).unwrap();
        (header[2], body)
    }
}

fn press(token: &Running, key: &str) -> Vec<String> {
    let http = token.http();
    let line = format!("POST /key/{key}");
    // A key that meets a redraw is not heard, and says so: pressed again.
    for _ in 0..50 {
        let answer = request(http, &line, &[("Host", &http.to_string()), ("X-UShield", "1")]);
        if let Ok(lines) = serde_json::from_value(answer.json()["lines"].clone()) {
            return lines;
        }
    }
    panic!("no key is heard");
}

fn lines(token: &Running) -> Vec<String> {
    let http = token.http();
    let answer = request(http, "GET /screen", &[("Host", &http.to_string())]);
    serde_json::from_value(answer.json()["lines"].clone()).unwrap()
}

#[test]
fn a_pairing_survives_a_kill() {
    let folder = Folder::new();
    assert!(folder.personalise(&["--locale", "en"]).status.success());
    let token = folder.start();
    let key = DhSecret::from_bytes(&[3; 32]).unwrap();
    let me = StaticKey::Here(key);

    // Pairing mode takes keys on the token: the menu, its first item.
    press(&token, "ok");
    press(&token, "ok");
    let mut phone = Phone::connect(token.listen());
    let mut handshake = Handshake::initiator(Pattern::Xx, &me, &Secret::new([9; 32])).unwrap();
    phone.send(Kind::Pairing, &handshake.write(&Versions::OURS.encode()).unwrap());
    let commitment = handshake.read(&phone.take(Kind::Pairing)).unwrap();
    let p3 = P3 { versions: Versions::OURS, nonce: [6; 16], name: "test phone".into() };
    phone.send(Kind::Pairing, &handshake.write(&p3.encode()).unwrap());
    let (hash, peer) = (handshake.hash(), handshake.peer().unwrap());
    let mut transport = handshake.into_transport().unwrap();
    let p4 = P4::decode(&transport.open(&phone.take(Kind::Pairing)).unwrap()).unwrap();
    assert_eq!(pairing_commitment(&p4.nonce).as_bytes()[..], commitment);
    let roots = [MakerRoot::from_der(&folder.maker_root()).unwrap()];
    let identity = DeviceIdentity::verify(&p4.chain, &roots, None, &P256Verifier).unwrap();
    verify_statement(&p4.statement, &identity, &peer, &P256Verifier).unwrap();
    let digits = format!("{:06}", pairing_digits(&hash, &[6; 16], &p4.nonce));
    let shown: String = lines(&token).concat().chars().filter(char::is_ascii_digit).collect();
    assert!(shown.contains(&digits), "{digits} is not on {:?}", lines(&token));
    let p5 = P5 { confirmed: true, pin: None };
    phone.send(Kind::Pairing, &transport.seal(&p5.encode()).unwrap());
    // OK counts after P5 only, and pressing does not say when P5 has been taken: the page that follows it does.
    let p6 = loop {
        press(&token, "ok");
        phone.stream.set_nonblocking(true).unwrap();
        let there = phone.stream.peek(&mut [0]).is_ok();
        phone.stream.set_nonblocking(false).unwrap();
        if there {
            break P6::decode(&transport.open(&phone.take(Kind::Pairing)).unwrap()).unwrap();
        }
    };
    let P6::Paired { k_hint, .. } = p6 else { panic!("{p6:?}") };

    drop(phone);
    drop(token); // kill -9
    let token = folder.start();
    let mut phone = Phone::connect(token.listen());
    let mut handshake = Handshake::initiator(Pattern::Kk { peer }, &me, &Secret::new([8; 32])).unwrap();
    let first = handshake.write(&Versions::OURS.encode()).unwrap();
    let mut k1 = connect_hint(&k_hint, &phone.hello.nonce, &first[..33]).to_vec();
    k1.extend(first);
    phone.send(Kind::Connect, &k1);
    assert_eq!(handshake.read(&phone.take(Kind::Connect)).unwrap().len(), 24);
}
