use alloc::vec::Vec;

use super::*;

fn secret(byte: u8) -> DhSecret {
    DhSecret::from_bytes(&[byte; 32]).unwrap()
}

fn seed(byte: u8) -> Seed {
    Secret::new([byte; 32])
}

/// Runs a handshake; the lengths of its messages.
fn run(mut phone: Handshake, mut token: Handshake, payloads: &[&[u8]]) -> (Vec<usize>, Transport, Transport) {
    let mut lengths = Vec::new();
    for (at, payload) in payloads.iter().enumerate() {
        let (from, to) = if at % 2 == 0 { (&mut phone, &mut token) } else { (&mut token, &mut phone) };
        let message = from.write(payload).unwrap();
        lengths.push(message.len());
        assert_eq!(&to.read(&message).unwrap(), payload);
    }
    assert_eq!(phone.hash(), token.hash());
    (lengths, phone.into_transport().unwrap(), token.into_transport().unwrap())
}

#[test]
fn lengths_are_the_documents() {
    let (phone, token) = (secret(7), secret(9));
    let here = |key: &DhSecret| StaticKey::Here(key.clone());
    let (lengths, mut a, mut b) = run(
        Handshake::initiator(Pattern::Kk { peer: token.public_key() }, &here(&phone), &seed(1)).unwrap(),
        Handshake::responder(Pattern::Kk { peer: phone.public_key() }, &here(&token), &seed(2)).unwrap(),
        &[&[0; 4], &[0; 24]],
    );
    assert_eq!(lengths, [57 - 4, 73]);
    let sealed = a.seal(b"hello").unwrap();
    assert_eq!(*b.open(&sealed).unwrap(), b"hello");
    assert!(b.open(&sealed).is_err(), "a replay does not open");
    let (lengths, ..) = run(
        Handshake::initiator(Pattern::Xx, &here(&phone), &seed(1)).unwrap(),
        Handshake::responder(Pattern::Xx, &here(&token), &seed(2)).unwrap(),
        &[&[0; 4], &[0; 32], &[0; 20]],
    );
    assert_eq!(lengths, [37, 33 + 49 + 48, 49 + 36]);
}

#[test]
fn a_key_that_lives_elsewhere_needs_just_ss_and_se() {
    let (phone, token) = (secret(7), secret(9));
    let elsewhere = |agreements| StaticKey::Elsewhere { public: phone.public_key(), agreements };
    let ss = (token.public_key(), phone.agree(&token.public_key()).unwrap());
    let kk = Pattern::Kk { peer: token.public_key() };
    let mut responder =
        Handshake::responder(Pattern::Kk { peer: phone.public_key() }, &StaticKey::Here(token), &seed(2))
            .unwrap();

    let mut first = Handshake::initiator(kk, &elsewhere(alloc::vec![ss.clone()]), &seed(1)).unwrap();
    let k1 = first.write(b"").unwrap();
    responder.read(&k1).unwrap();
    let k2 = responder.write(b"state").unwrap();
    assert_eq!(first.read(&k2), Err(Code::ChannelBroken), "se is not there yet");

    let re = PublicKey::from_slice(&k2[..33]).unwrap();
    let se = (re, phone.agree(&re).unwrap());
    let mut again = Handshake::initiator(kk, &elsewhere(alloc::vec![ss, se]), &seed(1)).unwrap();
    assert_eq!(again.write(b"").unwrap(), k1, "the same seed writes the same message");
    assert_eq!(again.read(&k2).unwrap(), b"state");
    assert_eq!(again.hash(), responder.hash());
}

#[test]
fn bad_keys_are_refused() {
    assert!(DhSecret::from_bytes(&[0; 32]).is_none());
    assert!(DhSecret::from_bytes(&[0xff; 32]).is_none());
    let token = StaticKey::Here(secret(9));
    let mut responder = Handshake::responder(Pattern::Xx, &token, &seed(2)).unwrap();
    let mut point = [0u8; 33];
    point[0] = 2;
    while PublicKey::from_slice(&point).is_some() {
        point[32] += 1;
    }
    let message = [&point[..], &[0; 4]].concat();
    let read = responder.read(&message).is_ok();
    assert!(!read || responder.write(&[0; 32]).is_err());
}
