//! XX with numeric comparison (protocol.md, section 4).

use ushield_protocol::code::Code;
use ushield_protocol::device::sign_statement;
use ushield_protocol::key::{DeviceId, P256Verifier, Sign as _};
use ushield_protocol::message::{Hello, P4, P5, P6};
use ushield_protocol::pin::PinBlock;
use ushield_protocol::refusal::Refusal;
use ushield_protocol::secret::Secret;
use ushield_session::Error;
use ushield_session::pairing::{Compare, ExpectP4, Phone, start};
use ushield_session::record::PairingRecord;

use crate::token::{
    AfterP3, NOW, OTHER, Token, dh, hello, maker, phone, phone_dh, roots, seed, shows_none, signing,
};

const NP: [u8; 16] = [0xa7; 16];

/// Up to P3.
fn to_p4(token: &Token, n: u8) -> (ExpectP4, AfterP3) {
    let (expect, p1) = start(phone(), &hello(), seed(n)).unwrap();
    let (after, p2) = token.p2(&p1, n, None);
    let need = expect.handle(&p2, NP).unwrap();
    let shared = phone_dh().agree(&need.point()).unwrap();
    let (expect, p3) = need.provide(shared).unwrap();
    (expect, after.p3(&p3))
}

fn handle(expect: ExpectP4, sealed: &[u8]) -> Result<Compare, Error> {
    expect.handle(sealed, &roots(), NOW, &P256Verifier)
}

/// The phone's judgement of a P4 that was changed before it was sealed.
fn judge(change: impl FnOnce(&mut P4)) -> Result<Compare, Error> {
    let token = Token::new();
    let (expect, mut after) = to_p4(&token, 1);
    let mut p4 = token.p4(&after);
    change(&mut p4);
    let sealed = after.transport.seal(&p4.encode()).unwrap();
    handle(expect, &sealed)
}

fn refused(result: Result<Compare, Error>) -> Code {
    result.expect_err("it was not refused").code()
}

fn paired(token: &Token, n: u8) -> (PairingRecord, AfterP3) {
    let (expect, mut after) = to_p4(token, n);
    let p4 = token.p4(&after).encode();
    let compare = handle(expect, &after.transport.seal(&p4).unwrap()).unwrap();
    let (expect, p5) = compare.confirm(None).unwrap();
    assert!(P5::decode(&after.transport.open(&p5).unwrap()).unwrap().confirmed);
    let p6 = P6::Paired { k_hint: Secret::new([0xca; 32]), k_adv: Secret::new([0xcb; 32]), tries: 5 };
    let record = expect.handle(&after.transport.seal(&p6.encode()).unwrap()).unwrap();
    (record, after)
}

#[test]
fn both_sides_show_the_same_digits_and_keep_the_same_keys() {
    let token = Token::new();
    let (expect, mut after) = to_p4(&token, 1);
    assert_eq!((after.phone, after.p3.nonce), (phone_dh().public_key(), NP));
    assert_eq!(after.p3.name, phone().name);
    let p4 = token.p4(&after).encode();
    let compare = handle(expect, &after.transport.seal(&p4).unwrap()).unwrap();
    assert_eq!(compare.digits().to_string(), format!("{:06}", after.digits));
    assert_eq!(compare.identity().key, token.device.public_key());
    assert_eq!((compare.name(), compare.pin_needed()), ("U-Shield 66", false));

    let (record, _) = paired(&token, 2);
    assert_eq!(record, crate::token::record());
    assert_eq!(PairingRecord::decode(&record.encode()).unwrap(), record);
}

#[test]
fn digits_depend_on_both_sides() {
    let token = Token::new();
    let mut seen = std::collections::BTreeSet::new();
    for n in 1..=40 {
        let (_, after) = to_p4(&token, n);
        assert!(after.digits < 1_000_000);
        seen.insert(after.digits);
    }
    assert!(seen.len() >= 39, "{seen:?}");
}

#[test]
fn a_man_in_the_middle_has_other_digits_on_each_side() {
    // One handshake with the phone, one with the token: what each shows comes from its own.
    let (honest, middle) = (Token::new(), Token { dh: dh(0x33), device: signing(0x34) });
    let (_, with_phone) = to_p4(&middle, 1);
    let (_, with_token) = to_p4(&honest, 1);
    assert_ne!(with_phone.digits, with_token.digits);
}

#[test]
fn differ_says_no_and_ends_it() {
    let token = Token::new();
    let (expect, mut after) = to_p4(&token, 3);
    let p4 = token.p4(&after).encode();
    let compare = handle(expect, &after.transport.seal(&p4).unwrap()).unwrap();
    let p5 = P5::decode(&after.transport.open(&compare.differ().unwrap()).unwrap()).unwrap();
    assert!(!p5.confirmed && p5.pin.is_none());
}

#[test]
fn a_second_phone_needs_the_pin_and_a_first_one_gives_none() {
    let pin = || Some(PinBlock::new("204619").unwrap());
    for (needed, given, fits) in
        [(false, None, true), (true, pin(), true), (true, None, false), (false, pin(), false)]
    {
        let compare = judge(|p4| p4.pin_needed = needed).unwrap();
        match compare.confirm(given) {
            Ok(_) => assert!(fits),
            Err(error) => assert_eq!((fits, error.code()), (false, Code::SecretMissing)),
        }
    }
}

#[test]
fn what_cannot_begin() {
    let begin = |phone: Phone, hello: Hello| start(phone, &hello, seed(1)).err().unwrap().code();
    assert_eq!(begin(phone(), Hello { pairing: false, ..hello() }), Code::NotPairing);
    assert_eq!(begin(phone(), Hello { versions: OTHER, ..hello() }), Code::UnknownVersion);
    for name in ["", "  ", "\u{202e}", &"x".repeat(33)] {
        assert_eq!(begin(Phone { name: name.to_owned(), ..phone() }, hello()), Code::BadText, "{name:?}");
    }
}

#[test]
fn bad_commitment() {
    assert_eq!(refused(judge(|p4| p4.nonce[0] ^= 1)), Code::BadCommitment);
    // A token that chooses its nonce after it has seen the phone's.
    let token = Token::new();
    let (expect, p1) = start(phone(), &hello(), seed(4)).unwrap();
    let (after, p2) = token.p2(&p1, 4, Some([0; 32]));
    let need = expect.handle(&p2, NP).unwrap();
    let shared = phone_dh().agree(&need.point()).unwrap();
    let (expect, p3) = need.provide(shared).unwrap();
    let mut after = after.p3(&p3);
    let sealed = after.transport.seal(&token.p4(&after).encode()).unwrap();
    assert_eq!(refused(handle(expect, &sealed)), Code::BadCommitment);
}

#[test]
fn untrusted_maker() {
    let (_, leaf) = maker();
    assert_eq!(refused(judge(|p4| p4.chain = vec![leaf])), Code::UntrustedMaker);
    assert_eq!(refused(judge(|p4| p4.chain = vec![vec![0]])), Code::UntrustedMaker);
    assert_eq!(refused(judge(|p4| p4.chain.push(p4.chain[0].clone()))), Code::UntrustedMaker);
    let forged = sign_statement(crate::token::id(), &Token::new().dh.public_key(), &signing(9));
    assert_eq!(refused(judge(|p4| p4.statement = forged)), Code::UntrustedMaker);
    // The maker's root itself is no device, and time runs out.
    let token = Token::new();
    for now in [NOW + 30 * 365 * 86_400, 0] {
        let (expect, mut after) = to_p4(&token, 5);
        let sealed = after.transport.seal(&token.p4(&after).encode()).unwrap();
        assert_eq!(refused(expect.handle(&sealed, &roots(), now, &P256Verifier)), Code::UntrustedMaker);
    }
    let (expect, mut after) = to_p4(&token, 5);
    let sealed = after.transport.seal(&token.p4(&after).encode()).unwrap();
    assert_eq!(refused(expect.handle(&sealed, &[], NOW, &P256Verifier)), Code::UntrustedMaker);
}

#[test]
fn bad_device_statement() {
    let (id, device) = (crate::token::id(), Token::key());
    let elsewhere = sign_statement(id, &dh(0x44).public_key(), &device);
    assert_eq!(refused(judge(|p4| p4.statement = elsewhere)), Code::BadDeviceStatement);
    let other = sign_statement(DeviceId::from([1; 16]), &Token::new().dh.public_key(), &device);
    assert_eq!(refused(judge(|p4| p4.statement = other)), Code::BadDeviceStatement);
    assert_eq!(refused(judge(|p4| p4.statement = vec![0x84])), Code::TokenMisbehaved);
}

#[test]
fn unknown_version() {
    assert_eq!(refused(judge(|p4| p4.versions = OTHER)), Code::UnknownVersion);
}

#[test]
fn p4_that_is_no_p4() {
    let token = Token::new();
    for change in [
        (|_| Vec::new()) as fn(Vec<u8>) -> Vec<u8>,
        |plain| plain[..plain.len() - 1].to_vec(),
        |plain| [plain, vec![0]].concat(),
        |_| vec![0xff; 4000],
    ] {
        let (expect, mut after) = to_p4(&token, 6);
        let sealed = after.transport.seal(&change(token.p4(&after).encode())).unwrap();
        assert_eq!(refused(handle(expect, &sealed)), Code::TokenMisbehaved);
    }
}

#[test]
fn every_bit_of_p2_matters() {
    let token = Token::new();
    let (_, p1) = start(phone(), &hello(), seed(7)).unwrap();
    let (_, p2) = token.p2(&p1, 7, None);
    for bit in 0..p2.len() * 8 {
        let mut flipped = p2.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let (expect, _) = start(phone(), &hello(), seed(7)).unwrap();
        let code = expect.handle(&flipped, NP).err().map(|error| error.code());
        assert!(matches!(code, Some(Code::ChannelBroken | Code::TokenMisbehaved)), "bit {bit}: {code:?}");
    }
    for length in [0, 1, 33, p2.len() - 1] {
        let (expect, _) = start(phone(), &hello(), seed(7)).unwrap();
        assert!(expect.handle(&p2[..length], NP).is_err());
    }
    // As it was, it is taken.
    let (expect, _) = start(phone(), &hello(), seed(7)).unwrap();
    assert!(expect.handle(&p2, NP).is_ok());
}

#[test]
fn every_byte_of_p4_matters() {
    let token = Token::new();
    let (_, mut after) = to_p4(&token, 8);
    let p4 = token.p4(&after).encode();
    let sealed = after.transport.seal(&p4).unwrap();
    // All bits of both ends, the tag among them; one of each byte in between. The same seeds make the same ciphers.
    let ends = |at: usize| at < 16 || at + 24 >= sealed.len();
    let bits =
        (0..sealed.len() * 8).filter(|bit| ends(bit / 8) || (bit / 8 % 4 == 0 && bit % 8 == bit / 8 % 7));
    for bit in bits {
        let mut flipped = sealed.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let (expect, _) = to_p4(&token, 8);
        assert_eq!(refused(handle(expect, &flipped)), Code::ChannelBroken, "bit {bit}");
    }
    let (expect, _) = to_p4(&token, 8);
    assert!(handle(expect, &sealed).is_ok(), "as it was, it is taken");
}

#[test]
fn a_p4_that_says_anything_else_is_refused_or_says_the_same_of_the_token() {
    // Flipped before it is sealed: a token that lies in any byte.
    let token = Token::new();
    let (_, after) = to_p4(&token, 9);
    let plain = token.p4(&after).encode();
    let mut taken = 0;
    for at in (0..plain.len()).step_by(3) {
        let (expect, mut after) = to_p4(&token, 9);
        let mut lie = plain.clone();
        lie[at] ^= 1 << (at % 8);
        if let Ok(compare) = handle(expect, &after.transport.seal(&lie).unwrap()) {
            taken += 1;
            assert_eq!(compare.identity().key, token.device.public_key(), "byte {at}");
            assert_eq!(compare.digits().to_string(), format!("{:06}", after.digits), "byte {at}");
        }
    }
    // The name, whether a PIN is needed, and the versions that this phone does not have.
    assert!(taken < 16, "{taken}");
}

#[test]
fn messages_of_another_handshake_do_not_open() {
    let token = Token::new();
    let (_, p1) = start(phone(), &hello(), seed(10)).unwrap();
    let (_, old_p2) = token.p2(&p1, 10, None);
    let (expect, _) = start(phone(), &hello(), seed(11)).unwrap();
    assert_eq!(expect.handle(&old_p2, NP).err().unwrap().code(), Code::ChannelBroken);

    let (_, mut old) = to_p4(&token, 10);
    let old_p4 = old.transport.seal(&token.p4(&old).encode()).unwrap();
    let (expect, _) = to_p4(&token, 11);
    assert_eq!(refused(handle(expect, &old_p4)), Code::ChannelBroken);

    // P4 once more in the place of P6.
    let (expect, mut after) = to_p4(&token, 12);
    let sealed = after.transport.seal(&token.p4(&after).encode()).unwrap();
    let (expect, _) = handle(expect, &sealed).unwrap().confirm(None).unwrap();
    assert_eq!(expect.handle(&sealed).err().unwrap().code(), Code::ChannelBroken);
}

#[test]
fn p6_is_an_answer_or_a_refusal_and_nothing_else() {
    let token = Token::new();
    let answer = |plain: &[u8]| {
        let (expect, mut after) = to_p4(&token, 13);
        let sealed = after.transport.seal(&token.p4(&after).encode()).unwrap();
        let (expect, _) = handle(expect, &sealed).unwrap().confirm(None).unwrap();
        let sealed = after.transport.seal(plain).unwrap();
        expect.handle(&sealed)
    };
    for code in [Code::Declined, Code::TimedOut, Code::PinWrong, Code::PinLocked, Code::PhonesFull] {
        let plain = P6::Refused { refusal: Refusal::from(code), tries: 2 }.encode();
        let error = answer(&plain).err().unwrap();
        assert_eq!((error.code(), error.tries_left), (code, Some(2)));
    }
    for status in 0..=0xff_u8 {
        let code = Code::from_wire(status).filter(|code| code.is_refusal());
        let error = answer(&[status, 5]).err().unwrap();
        assert_eq!(error.code(), code.unwrap_or(Code::TokenMisbehaved), "{status:#x}");
    }
    for plain in [vec![], vec![0], [vec![0; 65]].concat(), vec![0; 67], vec![0x19]] {
        assert_eq!(answer(&plain).err().unwrap().code(), Code::TokenMisbehaved, "{plain:?}");
    }
}

#[test]
fn a_key_store_that_agrees_on_something_else_ends_it() {
    let token = Token::new();
    let (expect, p1) = start(phone(), &hello(), seed(14)).unwrap();
    let (after, p2) = token.p2(&p1, 14, None);
    let need = expect.handle(&p2, NP).unwrap();
    let (_, p3) = need.provide(Secret::new([1; 32])).unwrap();
    // The token cannot open it: nobody is paired with a key that the phone does not have.
    let opened = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| after.p3(&p3)));
    assert!(opened.is_err());
}

#[test]
fn no_state_shows_a_secret() {
    let secrets: [&[u8]; 6] = [&[15; 32], &NP, &[0xca; 32], &[0xcb; 32], "李雷的手机".as_bytes(), b"204619"];
    let token = Token::new();
    let (expect, p1) = start(phone(), &hello(), seed(15)).unwrap();
    shows_none(&phone(), &secrets);
    shows_none(&expect, &secrets);
    let (after, p2) = token.p2(&p1, 15, None);
    let need = expect.handle(&p2, NP).unwrap();
    shows_none(&need, &secrets);
    let shared = phone_dh().agree(&need.point()).unwrap();
    let agreed = *shared.expose();
    let (expect, p3) = need.provide(shared).unwrap();
    let mut after = after.p3(&p3);
    let digits = format!("{:06}", after.digits);
    let secrets = [&secrets[..], &[&agreed, digits.as_bytes()]].concat();
    shows_none(&expect, &secrets);
    let mut p4 = token.p4(&after);
    p4.pin_needed = true;
    let compare = handle(expect, &after.transport.seal(&p4.encode()).unwrap()).unwrap();
    shows_none(&compare, &secrets);
    shows_none(&compare.digits(), &secrets);
    let (expect, _) = compare.confirm(Some(PinBlock::new("204619").unwrap())).unwrap();
    shows_none(&expect, &secrets);
    shows_none(&crate::token::record(), &secrets);
    // The search finds what is there.
    assert!(std::panic::catch_unwind(|| shows_none(&[0xca_u8; 32], &[&[0xca; 32]])).is_err());
    assert!(std::panic::catch_unwind(|| shows_none(&"204619", &[b"204619"])).is_err());
}
