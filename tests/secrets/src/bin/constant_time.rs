//! Comparisons of secrets, each with its secret poisoned: under valgrind a decision by a secret byte is an error. Those of the token
//! are its own functions (`ushield_token::compare`), as the logic calls them.
//!
//! What a comparison yields is seen by everybody, and is published before it is looked at. Where the product itself looks at
//! it, that one decision is the outcome; `outcomes.supp` names the function in which it may stand.

use std::hint::black_box;

use ushield_client::ports::SealingKey;
use ushield_protocol::mac;
use ushield_protocol::message::{connect_hint, pairing_commitment, pairing_digits};
use ushield_protocol::pin::PinBlock;
use ushield_protocol::secret::Secret;
use ushield_secrets::valgrind::{errors, is_here, poison, publish, publish_bytes};
use ushield_token::compare;
use zeroize::Zeroizing;

/// As somebody would write it who has not thought of time.
#[inline(never)]
fn leaky(a: &[u8], b: &[u8]) -> bool {
    a.iter().zip(b).all(|(a, b)| black_box(a) == black_box(b))
}

/// Ways in which two secrets of a length compare: equal, and different at the first and at the last byte.
fn pairs(length: usize) -> [(Vec<u8>, Vec<u8>); 3] {
    let equal = vec![0x41; length];
    let differing = |at: usize| {
        let mut other = equal.clone();
        other[at] ^= 1;
        (equal.clone(), other)
    };
    [(equal.clone(), equal.clone()), differing(0), differing(length - 1)]
}

/// Errors that an act makes.
fn counted(name: &str, mut act: impl FnMut(&[u8], &[u8]) -> bool, length: usize) -> usize {
    let before = errors();
    for (secret, other) in pairs(length) {
        poison(&secret);
        let outcome = publish(act(black_box(&secret), black_box(&other)));
        publish_bytes(&secret);
        assert_eq!(outcome, secret == other, "{name} compares");
    }
    let made = errors() - before;
    println!("{name}: {made} errors in 3 comparisons");
    made
}

fn main() {
    if !is_here() {
        println!("not under valgrind: nothing is measured");
    }
    let mut made = 0;
    made += counted("MAC of 32 bytes", mac::equal, 32);
    made += counted("hint of 4 bytes", mac::equal, 4);
    made += counted("Secret, ==", |a, b| Secret::<32>::from_slice(a) == Secret::<32>::from_slice(b), 32);
    made += token_pin();
    made += token_hint();
    made += token_pin_change();
    // No secret any more when the phone compares it, with `mac::equal`: P4 has told it the nonce.
    let commitment = |nonce: &[u8]| pairing_commitment(nonce.try_into().unwrap());
    made += counted(
        "commitment of a pairing",
        |a, b| mac::equal(commitment(a).as_bytes(), commitment(b).as_bytes()),
        32,
    );
    let digits = |hash: &[u8]| pairing_digits(hash.try_into().unwrap(), &[1; 16], &[2; 32]);
    made += counted("digits of a pairing", |a, b| digits(a) == digits(b), 32);
    made += sealed_record();
    let control = counted("control: byte after byte", leaky, 32);
    println!("{made} errors in the product's comparisons, {control} in the control's");
    if is_here() && (made > 0 || control == 0) {
        std::process::exit(1);
    }
}

const PINS: [(&str, &str); 3] = [("135792", "135792"), ("135792", "235792"), ("135792", "135793")];

/// Comparisons of the token's logic, the functions themselves: so many errors in those of three pairs of PINs.
fn pins(name: &str, mut compare: impl FnMut(&PinBlock, &PinBlock) -> bool) -> usize {
    let before = errors();
    for (a, b) in PINS {
        let (block, other) = (PinBlock::new(a).unwrap(), PinBlock::new(b).unwrap());
        poison(block.expose());
        poison(other.expose());
        assert_eq!(publish(compare(black_box(&block), black_box(&other))), a == b, "{name}");
        publish_bytes(block.expose());
        publish_bytes(other.expose());
    }
    let made = errors() - before;
    println!("{name}: {made} errors in 3 comparisons");
    made
}

/// A PIN that was typed against what the token has stored: block, salt and code are secret.
fn token_pin() -> usize {
    let salt = [7; 32];
    pins("token: PIN against the stored code", |typed, right| {
        let stored = mac::hmac_sha256(&salt, &[b"USHIELD-PIN", right.expose()]);
        poison(&stored);
        let equal = compare::pin(typed, black_box(&salt), black_box(&stored));
        publish_bytes(&stored);
        equal
    })
}

/// A new PIN against the old one, as a change compares them.
fn token_pin_change() -> usize {
    pins("token: a new PIN against the old one", compare::same_pin)
}

/// The hint of a K1 under a phone's key: the key is secret, and so is the hint that it makes.
fn token_hint() -> usize {
    let (nonce, ephemeral) = ([3; 8], [2; 33]);
    let before = errors();
    for flip in [[0, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1]] {
        let key = Secret::<32>::new([9; 32]);
        let mut hint = connect_hint(&key, &nonce, &ephemeral);
        hint.iter_mut().zip(flip).for_each(|(byte, flip)| *byte ^= flip);
        poison(key.expose());
        let equal = publish(compare::hint(black_box(&key), &nonce, &ephemeral, black_box(hint)));
        publish_bytes(key.expose());
        assert_eq!(equal, flip == [0; 4]);
    }
    let made = errors() - before;
    println!("token: hint of a K1: {made} errors in 3 comparisons");
    made
}

/// A record as the client's store seals it (ring, AES-256-GCM), its tag right and wrong; the key is poisoned.
fn sealed_record() -> usize {
    use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
    let key = SealingKey::new(Zeroizing::new([9; 32]));
    let nonce = || Nonce::assume_unique_for_key([1; 12]);
    let open = |sealed: &[u8]| {
        poison(key.expose());
        let sealer = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key.expose()).unwrap());
        let mut bytes = sealed.to_vec();
        let opened = sealer.open_in_place(nonce(), Aad::empty(), &mut bytes).is_ok();
        publish_bytes(key.expose());
        opened
    };
    let sealer = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key.expose()).unwrap());
    let mut sealed = b"a record".to_vec();
    sealer.seal_in_place_append_tag(nonce(), Aad::empty(), &mut sealed).unwrap();
    let before = errors();
    let last = sealed.len() - 1;
    for (at, flip) in [(0, 0), (8, 1), (last, 1)] {
        sealed[at] ^= flip;
        black_box(publish(open(&sealed)));
        sealed[at] ^= flip;
    }
    let made = errors() - before;
    println!("sealed record: {made} errors in 3 openings beside the outcome");
    made
}
