//! The code on a token's screen, and the messages of a pairing by it.

use std::sync::OnceLock;

use proptest::prelude::*;
use serde_json::Value;
use ushield_protocol::code::Code;
use ushield_protocol::key::PublicKey;
use ushield_protocol::message::{P1_BY_CODE, p1_by_code};
use ushield_protocol::noise::DhSecret;
use ushield_protocol::pairing_code::{PairingCode, psk};
use ushield_protocol::secret::Secret;

use crate::blocks::Block;
use crate::support::{array, bytes, file, list, text};

fn vectors() -> &'static Value {
    static VECTORS: OnceLock<Value> = OnceLock::new();
    VECTORS.get_or_init(|| serde_json::from_str(&file("tests/vectors/pairing-code-2026-11-29.json")).unwrap())
}

fn public(label: &str) -> PublicKey {
    PublicKey::from_slice(&bytes(&vectors()["pairing"]["keys"][label]["public"])).unwrap()
}

fn good() -> &'static str {
    text(&vectors()["codes"][0]["text"])
}

/// Reads and writes one, and says what it holds.
fn reads(written: &str, dh: &PublicKey, secret: [u8; 16]) {
    let code = PairingCode::parse(written).unwrap();
    assert!(code.is_of(dh));
    assert_eq!(*code.to_text(), written);
    assert_eq!(code.psk(), psk(&Secret::new(secret)));
    assert_eq!(*PairingCode::new(dh, Secret::new(secret)).to_text(), written);
    assert_eq!(written.len(), PairingCode::LENGTH);
}

/// The document's example. Its messages are checked inside the crate, byte by byte: these are those.
pub(crate) fn example(block: &Block) {
    let key = |label: &str| DhSecret::from_bytes(&block.array(label)).unwrap().public_key();
    let written = String::from_utf8(block.bytes("text")).unwrap();
    reads(&written, &key("token static private"), block.array("secret"));
    let code = PairingCode::parse(&written).unwrap();
    assert_eq!(*code.psk().expose(), block.array("psk"));
    let hash = ushield_protocol::key::sha256(&[key("token static private").as_bytes()]);
    assert_eq!(hash.as_bytes()[..16], block.array::<16>("fingerprint"));
    assert_eq!(key("phone static private"), public("phone"));
    for (at, name) in ["P1", "P2", "P3"].into_iter().enumerate() {
        assert_eq!(block.bytes(name), bytes(&vectors()["pairing"]["messages"][at]["message"]), "{name}");
    }
    let p1 = block.bytes("P1");
    assert_eq!((p1.len(), p1[0]), (54, P1_BY_CODE));
    assert_eq!(p1_by_code(&p1).unwrap()[..33], *key("phone ephemeral private").as_bytes());
    assert_eq!(block.bytes("P2")[..33], *key("token ephemeral private").as_bytes());
    assert_eq!(block.bytes("handshake hash"), bytes(&vectors()["pairing"]["handshake_hash"]));
}

#[test]
fn codes_are_those_of_the_other_implementation() {
    for made in list(&vectors()["codes"]) {
        reads(text(&made["text"]), &public("dh"), array(&made["secret"]));
        assert_eq!(*PairingCode::parse(text(&made["text"])).unwrap().psk().expose(), array(&made["psk"]));
    }
    assert_eq!(list(&vectors()["codes"]).len(), 3);
}

#[test]
fn what_is_no_code_is_refused_by_name() {
    let refused = list(&vectors()["refused"]);
    for made in refused {
        let code = PairingCode::parse(text(&made["text"])).err();
        assert_eq!(code.map(Code::name), Some(text(&made["refusal"])), "{}", made["name"]);
    }
    assert_eq!(refused.len(), 26);
}

#[test]
fn a_code_is_of_one_token() {
    let code = PairingCode::parse(good()).unwrap();
    assert!(code.is_of(&public("dh")));
    assert!(!code.is_of(&public("phone")));
    // Any other character names another token or holds another secret.
    for at in 9..good().len() {
        let mut other = good().to_owned().into_bytes();
        other[at] = if other[at] == b'A' { b'Q' } else { b'A' };
        let other = PairingCode::parse(std::str::from_utf8(&other).unwrap()).unwrap();
        assert!(!other.is_of(&public("dh")) || other.psk() != code.psk(), "{at}");
    }
}

#[test]
fn a_p1_by_digits_is_none_by_code() {
    for first in 0..=0xff_u8 {
        let p1 = [&[first][..], &[7; 36]].concat();
        assert_eq!(p1_by_code(&p1).is_some(), first == 1);
    }
    assert_eq!((p1_by_code(&[]), p1_by_code(&[1])), (None, Some(&[][..])));
}

#[test]
fn a_code_is_never_shown() {
    let code = PairingCode::parse(good()).unwrap();
    assert_eq!(format!("{code:?} {code:#?}"), "PairingCode PairingCode");
}

proptest! {
    #[test]
    fn what_is_written_is_read(secret: [u8; 16], scalar in 1_u8..=255) {
        let dh = DhSecret::from_bytes(&[scalar; 32]);
        prop_assume!(dh.is_some());
        let dh = dh.unwrap().public_key();
        reads(&PairingCode::new(&dh, Secret::new(secret)).to_text(), &dh, secret);
    }

    /// Total and strict: whatever is taken is what would have been written.
    #[test]
    fn whatever_is_taken_is_written_the_same(near in "(USHIELD:1)?[A-Z2-7]{50,54}[AQ]?", any in any::<String>()) {
        for read in [near, any] {
            if let Ok(code) = PairingCode::parse(&read) {
                prop_assert_eq!(&*code.to_text(), &read);
            }
        }
    }

    #[test]
    fn one_changed_character_is_another_code_or_none(at in 0..61_usize, to in any::<char>()) {
        let mut other: Vec<char> = good().chars().collect();
        prop_assume!(other[at] != to);
        other[at] = to;
        let other: String = other.into_iter().collect();
        let code = PairingCode::parse(good()).unwrap();
        if let Ok(other) = PairingCode::parse(&other) {
            prop_assert!(!other.is_of(&public("dh")) || other.psk() != code.psk());
        }
    }
}
