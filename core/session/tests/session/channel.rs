//! KK and the sealed channel behind it (protocol.md, sections 3 and 5).

use ushield_protocol::code::Code;
use ushield_protocol::key::PublicKey;
use ushield_protocol::message::{Hello, Reply, Request, State, Versions, connect_hint};
use ushield_protocol::noise::Transport;
use ushield_protocol::pin::PinBlock;
use ushield_protocol::secret::Secret;
use ushield_session::Error;
use ushield_session::channel::{Channel, ExpectK2, connect};
use ushield_session::record::PairingRecord;

use crate::token::{OTHER, Token, dh, hello, phone_dh, record, seed, shows_none, state};

/// Up to K1.
pub(crate) fn to_k2(record: &PairingRecord, n: u8) -> (ExpectK2, Vec<u8>) {
    let need = connect(record, &hello(), seed(n)).unwrap();
    let shared = phone_dh().agree(&need.point()).unwrap();
    need.provide(shared).unwrap()
}

pub(crate) fn finish(expect: ExpectK2, k2: &[u8]) -> Result<(Channel, State), Error> {
    let need = expect.handle(k2)?;
    let shared = phone_dh().agree(&need.point()).unwrap();
    need.provide(shared)
}

pub(crate) fn connected(n: u8) -> (Channel, Transport) {
    let (expect, k1) = to_k2(&record(), n);
    let (transport, k2) = Token::new().k2(&k1, n, &state().encode()).unwrap();
    let (channel, said) = finish(expect, &k2).unwrap();
    assert_eq!(said, state());
    (channel, transport)
}

#[test]
fn both_sides_can_read_each_other() {
    let (mut channel, mut token) = connected(1);
    for n in 0..3_u8 {
        let sealed = channel.seal(&Request::Info).unwrap();
        assert_eq!(sealed.len(), 1 + 16);
        assert_eq!(*token.open(&sealed).unwrap(), [0x01]);
        let reply = Reply::ok(vec![n]);
        assert_eq!(channel.open(&token.seal(&reply.encode()).unwrap()).unwrap(), reply);
    }
}

#[test]
fn k1_carries_the_hint_and_as_many_bytes_as_the_document_says() {
    let (_, k1) = to_k2(&record(), 2);
    assert_eq!(k1.len(), 57);
    assert_eq!(k1[..4], connect_hint(&record().k_hint, &hello().nonce, &k1[4..37]));
    assert!(PublicKey::from_slice(&k1[4..37]).is_some());
    // Another connection's nonce makes it a stranger's.
    assert_ne!(k1[..4], connect_hint(&record().k_hint, &[0; 8], &k1[4..37]));
    let (_, k2) = Token::new().k2(&k1, 2, &state().encode()).unwrap();
    assert_eq!(k2.len(), 73);
}

#[test]
fn unknown_version() {
    let hello = Hello { versions: OTHER, ..hello() };
    assert_eq!(connect(&record(), &hello, seed(3)).err().unwrap().code(), Code::UnknownVersion);
    for versions in [
        OTHER,
        Versions { lowest: 0, highest: 0, suites: 1 },
        Versions { lowest: 1, highest: 1, suites: 0 },
        Versions { lowest: 1, highest: 1, suites: 6 },
        Versions { lowest: 9, highest: 1, suites: 1 },
    ] {
        let (expect, k1) = to_k2(&record(), 3);
        let (_, k2) = Token::new().k2(&k1, 3, &State { versions, ..state() }.encode()).unwrap();
        assert_eq!(finish(expect, &k2).err().unwrap().code(), Code::UnknownVersion, "{versions:?}");
    }
    // One that has more in common with others than with us is fine.
    let (expect, k1) = to_k2(&record(), 3);
    let more = State { versions: Versions { lowest: 1, highest: 7, suites: 7 }, ..state() };
    let (_, k2) = Token::new().k2(&k1, 3, &more.encode()).unwrap();
    assert!(finish(expect, &k2).is_ok());
}

#[test]
fn every_bit_of_k2_matters() {
    let (_, k1) = to_k2(&record(), 4);
    let (_, k2) = Token::new().k2(&k1, 4, &state().encode()).unwrap();
    for bit in 0..k2.len() * 8 {
        let mut flipped = k2.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let (expect, _) = to_k2(&record(), 4);
        let code = finish(expect, &flipped).err().map(|error| error.code());
        assert!(matches!(code, Some(Code::ChannelBroken | Code::TokenMisbehaved)), "bit {bit}: {code:?}");
    }
    for length in 0..k2.len() {
        let (expect, _) = to_k2(&record(), 4);
        assert!(finish(expect, &k2[..length]).is_err(), "{length} bytes");
    }
    let (expect, _) = to_k2(&record(), 4);
    assert!(finish(expect, &[&k2[..], &[0]].concat()).is_err());
    let (expect, _) = to_k2(&record(), 4);
    assert!(finish(expect, &k2).is_ok(), "as it was, it is taken");
}

#[test]
fn a_state_of_another_length_is_the_tokens_fault() {
    for length in [0, 23, 25] {
        let (expect, k1) = to_k2(&record(), 5);
        let (_, k2) = Token::new().k2(&k1, 5, &vec![1; length]).unwrap();
        assert_eq!(finish(expect, &k2).err().unwrap().code(), Code::TokenMisbehaved, "{length}");
    }
}

#[test]
fn what_is_reserved_is_ignored() {
    let mut bytes = state().encode();
    bytes[4] |= 0xc0;
    bytes[21..].fill(0xff);
    let (expect, k1) = to_k2(&record(), 6);
    let (_, k2) = Token::new().k2(&k1, 6, &bytes).unwrap();
    assert_eq!(finish(expect, &k2).unwrap().1, state());
}

#[test]
fn another_token_or_another_phone_does_not_get_through() {
    // A token with another static key cannot even read K1.
    let (_, k1) = to_k2(&record(), 7);
    assert!(Token { dh: dh(0x55), ..Token::new() }.k2(&k1, 7, &state().encode()).is_none());
    // A phone that has the record and not the key: its agreement is wrong.
    let need = connect(&record(), &hello(), seed(7)).unwrap();
    let shared = dh(0x56).agree(&need.point()).unwrap();
    let (_, k1) = need.provide(shared).unwrap();
    assert!(Token::new().k2(&k1, 7, &state().encode()).is_none());
    // And in the second agreement.
    let (expect, k1) = to_k2(&record(), 7);
    let (_, k2) = Token::new().k2(&k1, 7, &state().encode()).unwrap();
    let need = expect.handle(&k2).unwrap();
    let error = need.provide(Secret::new([9; 32])).err().unwrap();
    assert_eq!(error.code(), Code::ChannelBroken);
}

#[test]
fn messages_of_another_connection_do_not_open() {
    let (_, old_k1) = to_k2(&record(), 8);
    let (mut old, old_k2) = Token::new().k2(&old_k1, 8, &state().encode()).unwrap();
    let (expect, _) = to_k2(&record(), 9);
    assert_eq!(finish(expect, &old_k2).err().unwrap().code(), Code::ChannelBroken);

    let recorded = old.seal(&Reply::ok(Vec::new()).encode()).unwrap();
    let (mut channel, _) = connected(9);
    assert_eq!(channel.open(&recorded).unwrap_err().code(), Code::ChannelBroken);
}

#[test]
fn messages_open_once_and_in_order() {
    let (mut channel, mut token) = connected(10);
    let first = token.seal(&Reply::event(Code::Shown, Vec::new()).encode()).unwrap();
    let second = token.seal(&Reply::ok(vec![2]).encode()).unwrap();
    assert!(channel.open(&first).is_ok());
    assert_eq!(channel.open(&first).unwrap_err().code(), Code::ChannelBroken);

    let (mut channel, mut token) = connected(10);
    let _ = token.seal(&Reply::event(Code::Shown, Vec::new()).encode()).unwrap();
    let _ = second;
    let second = token.seal(&Reply::ok(vec![2]).encode()).unwrap();
    assert_eq!(channel.open(&second).unwrap_err().code(), Code::ChannelBroken, "one is missing");

    // What the phone sealed does not open as the token's.
    let (mut channel, _) = connected(10);
    let own = channel.seal(&Request::Info).unwrap();
    assert_eq!(channel.open(&own).unwrap_err().code(), Code::ChannelBroken);
}

#[test]
fn every_bit_of_a_sealed_message_matters() {
    let (_, mut token) = connected(11);
    let sealed = token.seal(&Reply::ok(vec![7; 20]).encode()).unwrap();
    let open = |message: &[u8]| connected(11).0.open(message).map_err(|error| error.code());
    for bit in 0..sealed.len() * 8 {
        let mut flipped = sealed.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(open(&flipped), Err(Code::ChannelBroken), "bit {bit}");
    }
    for length in 0..sealed.len() {
        assert_eq!(open(&sealed[..length]), Err(Code::ChannelBroken));
    }
    assert_eq!(open(&sealed), Ok(Reply::ok(vec![7; 20])));
}

#[test]
fn a_reply_that_makes_no_sense_is_the_tokens_fault() {
    let (mut channel, mut token) = connected(12);
    for plain in [&[][..], &[2], &[0, 0], &[3, 0], &[2, 0x7e], &[2, 0x80], &[1, 0xff]] {
        let sealed = token.seal(plain).unwrap();
        assert_eq!(channel.open(&sealed).unwrap_err().code(), Code::TokenMisbehaved, "{plain:?}");
    }
}

#[test]
fn what_is_too_large_is_not_sealed() {
    let (mut channel, _) = connected(13);
    let huge = Request::BankKey { statement: vec![0; 4096] };
    assert_eq!(channel.seal(&huge).unwrap_err().code(), Code::TooLarge);
}

#[test]
fn no_state_shows_a_secret() {
    let secrets: [&[u8]; 4] = [&[14; 32], &[0xca; 32], &[0xcb; 32], b"204619"];
    let need = connect(&record(), &hello(), seed(14)).unwrap();
    shows_none(&need, &secrets);
    let shared = phone_dh().agree(&need.point()).unwrap();
    let ss = *shared.expose();
    let secrets = [&secrets[..], &[&ss]].concat();
    let (expect, k1) = need.provide(shared).unwrap();
    shows_none(&expect, &secrets);
    let (_, k2) = Token::new().k2(&k1, 14, &state().encode()).unwrap();
    let need = expect.handle(&k2).unwrap();
    shows_none(&need, &secrets);
    let shared = phone_dh().agree(&need.point()).unwrap();
    let se = *shared.expose();
    let secrets = [&secrets[..], &[&se]].concat();
    let (mut channel, _) = need.provide(shared).unwrap();
    shows_none(&channel, &secrets);
    let request = Request::Pin { pin: PinBlock::new("204619").unwrap() };
    shows_none(&request, &secrets);
    channel.seal(&request).unwrap();
    shows_none(&channel, &secrets);
}
