//! Transcripts of the independent implementation, byte by byte. Here and not among the integration tests, since
//! only here an ephemeral key can be given: everywhere else it is drawn.

use alloc::string::String;
use alloc::vec::Vec;
use std::path::Path;

use serde_json::Value;
use snow::Error;
use snow::params::{CipherChoice, DHChoice, HashChoice};
use snow::resolvers::CryptoResolver;
use snow::types::{Cipher, Dh, Hash, Random};

use super::*;
use crate::key::unhex;

/// The crate's own resolver, but for randomness: the bytes that the other implementation drew.
struct Drawn {
    resolver: Resolver,
    bytes: [u8; 32],
}

impl CryptoResolver for Drawn {
    fn resolve_rng(&self) -> Option<Box<dyn Random>> {
        Some(Box::new(Bytes(Some(self.bytes))))
    }

    fn resolve_dh(&self, choice: &DHChoice) -> Option<Box<dyn Dh>> {
        self.resolver.resolve_dh(choice)
    }

    fn resolve_hash(&self, choice: &HashChoice) -> Option<Box<dyn Hash>> {
        self.resolver.resolve_hash(choice)
    }

    fn resolve_cipher(&self, choice: &CipherChoice) -> Option<Box<dyn Cipher>> {
        self.resolver.resolve_cipher(choice)
    }
}

/// 32 bytes, once.
struct Bytes(Option<[u8; 32]>);

impl Random for Bytes {
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Error> {
        let bytes = self.0.take().ok_or(Error::Rng)?;
        out.copy_from_slice(&bytes);
        Ok(())
    }
}

fn vectors() -> Value {
    read("vectors-2026-11-22.json")
}

fn read(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors").join(name);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn bytes(value: &Value) -> Vec<u8> {
    unhex(value.as_str().unwrap()).unwrap()
}

fn handshake(vectors: &Value, part: &str, role: &str, pattern: Pattern) -> Handshake {
    let private = |kind: &str| -> [u8; 32] {
        let label = vectors[part][role][kind].as_str().unwrap();
        bytes(&vectors["keys"][label]["private"]).try_into().unwrap()
    };
    let key = StaticKey::Here(DhSecret::from_bytes(&private("static")).unwrap());
    let resolver = Resolver::new(Some(key), Secret::new([0; 32]));
    let drawn = Drawn { resolver, bytes: private("ephemeral") };
    Handshake::with(pattern, Box::new(drawn), role == "initiator").unwrap()
}

fn public(vectors: &Value, label: &str) -> PublicKey {
    PublicKey::from_slice(&bytes(&vectors["keys"][label]["public"])).unwrap()
}

/// Runs a transcript: `clear` bytes stand before a Noise message. Handshake messages have a hash, sealed ones none.
fn run(vectors: &Value, part: &str, mut phone: Handshake, mut token: Handshake, from_phone: &[bool]) {
    let messages = vectors[part]["messages"].as_array().unwrap();
    assert_eq!(messages.len(), from_phone.len());
    let (handshake, sealed): (Vec<_>, Vec<_>) =
        messages.iter().zip(from_phone).partition(|(message, _)| message.get("h").is_some());
    for (message, from_phone) in &handshake {
        let name = message["name"].as_str().unwrap();
        let (from, to) = if **from_phone { (&mut phone, &mut token) } else { (&mut token, &mut phone) };
        let plain = bytes(&message["plain"]);
        let wire = bytes(&message["message"]);
        let noise = match (name, wire[0]) {
            ("K1", _) => &wire[4..],
            ("P1", crate::message::P1_BY_CODE) => &wire[1..],
            _ => &wire,
        };
        assert_eq!(from.write(&plain).unwrap(), noise, "{name}");
        assert_eq!(to.read(noise).unwrap(), plain, "{name}");
        assert_eq!(from.hash().as_slice(), bytes(&message["h"]), "{name}");
        assert_eq!(to.hash().as_slice(), bytes(&message["h"]), "{name}");
    }
    assert_eq!(phone.hash().as_slice(), bytes(&vectors[part]["handshake_hash"]));
    assert_eq!(phone.peer(), Some(public(vectors, "dh")));
    assert_eq!(token.peer(), Some(public(vectors, "phone")));
    let (mut phone, mut token) = (phone.into_transport().unwrap(), token.into_transport().unwrap());
    for (message, from_phone) in &sealed {
        let name = message["name"].as_str().unwrap();
        let (from, to) = if **from_phone { (&mut phone, &mut token) } else { (&mut token, &mut phone) };
        let wire = bytes(&message["message"]);
        assert_eq!(from.seal(&bytes(&message["plain"])).unwrap(), wire, "{name}");
        assert_eq!(*to.open(&wire).unwrap(), bytes(&message["plain"]), "{name}");
    }
    assert_eq!(handshake.len() + sealed.len(), from_phone.len());
}

#[test]
fn pairing() {
    let vectors = vectors();
    let phone = handshake(&vectors, "pairing", "initiator", Pattern::Xx);
    let token = handshake(&vectors, "pairing", "responder", Pattern::Xx);
    run(&vectors, "pairing", phone, token, &[true, false, true, false, true, false]);
}

/// Both sides of the transcript by code, with this psk on each.
fn by_code(psk: &str) -> (Value, Handshake, Handshake) {
    let mut vectors = read("pairing-code-2026-11-29.json");
    vectors["keys"] = vectors["pairing"]["keys"].take();
    let psk = Secret::new(bytes(&Value::from(psk)).try_into().unwrap());
    let [phone, token] = ["initiator", "responder"].map(|role| {
        let mut side = handshake(&vectors, "pairing", role, Pattern::XxPsk3);
        side.set_psk(&psk).unwrap();
        side
    });
    (vectors, phone, token)
}

#[test]
fn pairing_by_code() {
    let psk = String::from(read("pairing-code-2026-11-29.json")["codes"][0]["psk"].as_str().unwrap());
    let (vectors, phone, token) = by_code(&psk);
    run(&vectors, "pairing", phone, token, &[true, false, true, false, true, false]);
}

/// The secret is in P3 and not before; without it there is no P3, and with another one it does not open.
#[test]
fn p3_is_the_codes() {
    let (vectors, mut phone, mut token) = by_code(&"5a".repeat(32));
    let message = |at: usize| bytes(&vectors["pairing"]["messages"][at]["message"]);
    assert_eq!(phone.write(&[1, 1, 0, 1]).unwrap(), message(0)[1..]);
    token.read(&message(0)[1..]).unwrap();
    let p2 = token.write(&bytes(&vectors["pairing"]["messages"][1]["plain"])).unwrap();
    assert_eq!(p2, message(1));
    phone.read(&p2).unwrap();
    assert_eq!(token.read(&message(2)), Err(Code::ChannelBroken));
    let p3 = phone.write(&bytes(&vectors["pairing"]["messages"][2]["plain"])).unwrap();
    assert_ne!(p3, message(2));

    let mut without = handshake(&vectors, "pairing", "initiator", Pattern::XxPsk3);
    without.write(&[1, 1, 0, 1]).unwrap();
    without.read(&message(1)).unwrap();
    assert_eq!(without.write(b""), Err(Code::ChannelBroken));
}

#[test]
fn reconnect() {
    let vectors = vectors();
    let of_phone = Pattern::Kk { peer: public(&vectors, "dh") };
    let of_token = Pattern::Kk { peer: public(&vectors, "phone") };
    let phone = handshake(&vectors, "kk", "initiator", of_phone);
    let token = handshake(&vectors, "kk", "responder", of_token);
    run(&vectors, "kk", phone, token, &[true, false, true, false, false]);
}

/// The phone's side with its static key elsewhere: the same bytes from just the agreements that it hands in.
#[test]
fn reconnect_with_a_key_that_lives_elsewhere() {
    let vectors = vectors();
    let label = |label: &str| -> [u8; 32] { bytes(&vectors["keys"][label]["private"]).try_into().unwrap() };
    let own = DhSecret::from_bytes(&label("phone")).unwrap();
    let peers = [public(&vectors, "dh"), public(&vectors, "token-e-kk")];
    let agreements = peers.map(|peer| (peer, own.agree(&peer).unwrap())).to_vec();
    let key = StaticKey::Elsewhere { public: own.public_key(), agreements };
    let drawn =
        Drawn { resolver: Resolver::new(Some(key), Secret::new([0; 32])), bytes: label("phone-e-kk") };
    let pattern = Pattern::Kk { peer: public(&vectors, "dh") };
    let phone = Handshake::with(pattern, Box::new(drawn), true).unwrap();
    let token = handshake(&vectors, "kk", "responder", Pattern::Kk { peer: public(&vectors, "phone") });
    run(&vectors, "kk", phone, token, &[true, false, true, false, false]);
}

/// Another prologue, name or key gives other bytes: the transcripts can fail.
#[test]
fn a_foreign_ephemeral_does_not_give_the_transcript() {
    let vectors = vectors();
    let mut phone = handshake(&vectors, "pairing", "initiator", Pattern::Xx);
    let mut token = Handshake::responder(
        Pattern::Xx,
        &StaticKey::Here(DhSecret::from_bytes(&[5; 32]).unwrap()),
        &Secret::new([1; 32]),
    )
    .unwrap();
    let messages = &vectors["pairing"]["messages"];
    token.read(&phone.write(&bytes(&messages[0]["plain"])).unwrap()).unwrap();
    let p2 = token.write(&bytes(&messages[1]["plain"])).unwrap();
    assert_ne!(p2, bytes(&messages[1]["message"]), "{}", String::from("P2"));
}
