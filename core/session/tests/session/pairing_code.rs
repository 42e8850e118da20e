//! XXpsk3 with a scanned code (protocol.md, section 4.1).

use ushield_protocol::code::Code;
use ushield_protocol::key::{P256Verifier, Sign as _};
use ushield_protocol::message::{Hello, P4, P5, P6};
use ushield_protocol::pairing_code::PairingCode;
use ushield_protocol::pin::PinBlock;
use ushield_protocol::secret::Secret;
use ushield_session::Error;
use ushield_session::pairing::{ByCode, ExpectP4, Verified, start, start_with_code};

use crate::token::{
    AfterP3, NOW, OTHER, Token, dh, hello, phone, phone_dh, record, roots, seed, shows_none, signing,
};

const NP: [u8; 16] = [0xa7; 16];
const SECRET: [u8; 16] = [0x5c; 16];

/// What the token's screen shows.
fn code(token: &Token) -> PairingCode {
    PairingCode::new(&token.dh.public_key(), Secret::new(SECRET))
}

/// Up to P3, which the token may be unable to open.
fn to_p3(token: &Token, scanned: PairingCode, n: u8) -> (ExpectP4<ByCode>, Option<AfterP3>) {
    let (expect, p1) = start_with_code(phone(), &hello(), seed(n), scanned).unwrap();
    let (after, p2) = token.p2_by_code(&p1, n);
    let need = expect.handle(&p2, NP).unwrap();
    let shared = phone_dh().agree(&need.point()).unwrap();
    let (expect, p3) = need.provide(shared).unwrap();
    let open = || after.with_code(&code(token).psk()).take_p3(&p3);
    let opened = std::panic::catch_unwind(std::panic::AssertUnwindSafe(open)).unwrap();
    (expect, opened)
}

fn to_p4(token: &Token, n: u8) -> (ExpectP4<ByCode>, AfterP3) {
    let (expect, after) = to_p3(token, code(token), n);
    (expect, after.unwrap())
}

fn handle(expect: ExpectP4<ByCode>, sealed: &[u8]) -> Result<Verified, Error> {
    expect.handle(sealed, &roots(), NOW, &P256Verifier)
}

fn judge(change: impl FnOnce(&mut P4)) -> Result<Verified, Error> {
    let token = Token::new();
    let (expect, mut after) = to_p4(&token, 1);
    let mut p4 = token.p4(&after);
    change(&mut p4);
    let sealed = after.transport.seal(&p4.encode()).unwrap();
    handle(expect, &sealed)
}

fn verified(token: &Token, n: u8) -> (Verified, AfterP3) {
    let (expect, mut after) = to_p4(token, n);
    let p4 = token.p4(&after).encode();
    (handle(expect, &after.transport.seal(&p4).unwrap()).unwrap(), after)
}

#[test]
fn the_code_pairs_and_both_keep_the_same_keys() {
    let token = Token::new();
    let (verified, mut after) = verified(&token, 1);
    assert_eq!((after.phone, after.p3.nonce), (phone_dh().public_key(), NP));
    assert_eq!(verified.identity().key, token.device.public_key());
    assert_eq!((verified.name(), verified.pin_needed()), ("U-Shield 66", false));
    let (expect, p5) = verified.answer(None).unwrap();
    assert!(P5::decode(&after.transport.open(&p5).unwrap()).unwrap().confirmed);
    let p6 = P6::Paired { k_hint: Secret::new([0xca; 32]), k_adv: Secret::new([0xcb; 32]), tries: 5 };
    assert_eq!(expect.handle(&after.transport.seal(&p6.encode()).unwrap()).unwrap(), record());
}

#[test]
fn a_token_that_the_code_is_not_of_gets_no_p3() {
    // A man in the middle, and another token of the same maker: both have a key of their own.
    let (honest, middle) = (Token::new(), Token { dh: dh(0x33), device: signing(0x34) });
    let (expect, p1) = start_with_code(phone(), &hello(), seed(2), code(&honest)).unwrap();
    let (_, p2) = middle.p2_by_code(&p1, 2);
    assert_eq!(expect.handle(&p2, NP).err().map(|error| error.code()), Some(Code::WrongToken));
    // The right one gets it.
    let (expect, p1) = start_with_code(phone(), &hello(), seed(2), code(&honest)).unwrap();
    let (_, p2) = honest.p2_by_code(&p1, 2);
    assert!(expect.handle(&p2, NP).is_ok());
}

#[test]
fn without_the_secret_the_token_opens_no_p3() {
    let token = Token::new();
    for other in [[0; 16], [0x5d; 16]] {
        let guessed = PairingCode::new(&token.dh.public_key(), Secret::new(other));
        assert!(to_p3(&token, guessed, 3).1.is_none());
    }
    assert!(to_p3(&token, code(&token), 3).1.is_some());
}

#[test]
fn p4_is_judged_as_by_digits() {
    let code = |change: fn(&mut P4)| judge(change).err().map(|error| error.code());
    assert_eq!(code(|_| ()), None);
    assert_eq!(code(|p4| p4.nonce[0] ^= 1), Some(Code::BadCommitment));
    assert_eq!(code(|p4| p4.versions = OTHER), Some(Code::UnknownVersion));
    assert_eq!(code(|p4| p4.chain = vec![vec![0]]), Some(Code::UntrustedMaker));
    assert_eq!(code(|p4| p4.statement = vec![0x84]), Some(Code::TokenMisbehaved));
    let elsewhere = |p4: &mut P4| {
        let key = dh(0x44).public_key();
        p4.statement = ushield_protocol::device::sign_statement(crate::token::id(), &key, &Token::key());
    };
    assert_eq!(code(elsewhere), Some(Code::BadDeviceStatement));
}

#[test]
fn the_pin_goes_along_exactly_where_it_is_wanted() {
    let pin = || Some(PinBlock::new("204619").unwrap());
    for (needed, given, fits) in
        [(false, None, true), (true, pin(), true), (true, None, false), (false, pin(), false)]
    {
        let verified = judge(|p4| p4.pin_needed = needed).unwrap();
        let code = verified.answer(given).err().map(|error| error.code());
        assert_eq!(code, (!fits).then_some(Code::SecretMissing));
    }
}

#[test]
fn no_is_told() {
    let token = Token::new();
    let (verified, mut after) = verified(&token, 5);
    let p5 = P5::decode(&after.transport.open(&verified.refuse().unwrap()).unwrap()).unwrap();
    assert!(!p5.confirmed && p5.pin.is_none());
}

#[test]
fn the_two_ways_do_not_meet() {
    let token = Token::new();
    // A P2 by digits says nothing to a phone by code, and the other way round.
    let (_, by_digits) = start(phone(), &hello(), seed(6)).unwrap();
    let (_, p2) = token.p2(&by_digits, 6, None);
    let (expect, by_code) = start_with_code(phone(), &hello(), seed(6), code(&token)).unwrap();
    assert_eq!(expect.handle(&p2, NP).err().map(|error| error.code()), Some(Code::ChannelBroken));
    let (_, p2) = token.p2_by_code(&by_code, 6);
    let (expect, _) = start(phone(), &hello(), seed(6)).unwrap();
    assert_eq!(expect.handle(&p2, NP).err().map(|error| error.code()), Some(Code::ChannelBroken));
    assert_eq!((by_digits.len(), by_code.len(), by_code[0]), (37, 54, 1));
    assert!([2, 3].contains(&by_digits[0]));
}

#[test]
fn what_cannot_begin() {
    let begin =
        |hello: Hello| start_with_code(phone(), &hello, seed(1), code(&Token::new())).err().unwrap().code();
    assert_eq!(begin(Hello { pairing: false, ..hello() }), Code::NotPairing);
    assert_eq!(begin(Hello { versions: OTHER, ..hello() }), Code::UnknownVersion);
}

#[test]
fn no_state_shows_the_secret() {
    let token = Token::new();
    let psk = code(&token).psk();
    let text = code(&token).to_text();
    let secrets: [&[u8]; 4] = [&SECRET, psk.expose(), &text.as_bytes()[35..], &NP];
    shows_none(&code(&token), &secrets);
    let (expect, p1) = start_with_code(phone(), &hello(), seed(7), code(&token)).unwrap();
    shows_none(&expect, &secrets);
    let (_, p2) = token.p2_by_code(&p1, 7);
    let need = expect.handle(&p2, NP).unwrap();
    shows_none(&need, &secrets);
    let shared = phone_dh().agree(&need.point()).unwrap();
    let (expect, _) = need.provide(shared).unwrap();
    shows_none(&expect, &secrets);
    shows_none(&verified(&token, 7).0, &secrets);
}
