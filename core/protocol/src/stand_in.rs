//! Stand-in cryptography for simulation: a hundred times as fast, and worthless. A thread turns it on for itself.
//!
//! Signatures are hashes over public key and message, which everybody can make. Key agreement is the real one between a small number of
//! ephemeral keys, remembered. What comes from elsewhere, such as the maker's certificates, is verified as always, once. So honest sides
//! meet exactly the failures that they would meet with real cryptography; forgers do not, and are not simulated with it.

#[cfg(not(debug_assertions))]
compile_error!("stand-in cryptography is for tests: this is a release build");

use core::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::thread_local;
use std::vec::Vec;

use crate::key::{PUBLIC_KEY_LEN, SIGNATURE_LEN, sha256};

/// Ephemeral keys to choose from.
const EPHEMERAL_KEYS: u8 = 16;
/// What is remembered of each kind before it is forgotten again.
const REMEMBERED: usize = 50_000;

type Pair = ([u8; PUBLIC_KEY_LEN], [u8; PUBLIC_KEY_LEN]);

thread_local! {
    static ON: Cell<bool> = const { Cell::new(false) };
    static POINTS: RefCell<BTreeMap<Vec<u8>, Option<p256::PublicKey>>> = RefCell::default();
    static SIGNING: RefCell<BTreeMap<[u8; 32], p256::ecdsa::SigningKey>> = RefCell::default();
    static PUBLIC: RefCell<BTreeMap<[u8; 32], [u8; PUBLIC_KEY_LEN]>> = RefCell::default();
    static AGREED: RefCell<BTreeMap<Pair, Option<[u8; 32]>>> = RefCell::default();
    static VERIFIED: RefCell<BTreeMap<[u8; 32], bool>> = RefCell::default();
}

/// Turns it on or off in this thread. Keys made before and after do not mix.
pub fn enable(on: bool) {
    ON.set(on);
}

/// Whether it is on in this thread.
#[must_use]
pub fn on() -> bool {
    ON.get()
}

fn remember<K: Ord, V: Clone>(
    memory: &'static std::thread::LocalKey<RefCell<BTreeMap<K, V>>>,
    key: K,
    make: impl FnOnce() -> V,
) -> V {
    if let Some(known) = memory.with_borrow(|memory| memory.get(&key).cloned()) {
        return known;
    }
    let made = make();
    memory.with_borrow_mut(|memory| {
        if memory.len() >= REMEMBERED {
            memory.clear();
        }
        memory.insert(key, made.clone());
    });
    made
}

/// A point of any encoding, decoded once.
pub(crate) fn point(bytes: &[u8]) -> Option<p256::PublicKey> {
    let decode = || p256::PublicKey::from_sec1_bytes(bytes).ok();
    if on() { remember(&POINTS, Vec::from(bytes), decode) } else { decode() }
}

/// A scalar with its point, multiplied once.
pub(crate) fn signing_key(scalar: &[u8; 32]) -> Option<p256::ecdsa::SigningKey> {
    let make = || p256::ecdsa::SigningKey::from_slice(scalar).ok();
    if !on() {
        return make();
    }
    if let Some(known) = SIGNING.with_borrow(|memory| memory.get(scalar).cloned()) {
        return Some(known);
    }
    let made = make()?;
    Some(remember(&SIGNING, *scalar, || made))
}

/// A scalar's point, multiplied once.
pub(crate) fn public(
    scalar: &[u8; 32],
    multiply: impl FnOnce() -> [u8; PUBLIC_KEY_LEN],
) -> [u8; PUBLIC_KEY_LEN] {
    if on() { remember(&PUBLIC, *scalar, multiply) } else { multiply() }
}

/// What two points agree on, computed once by either side.
pub(crate) fn agreed(
    own: impl FnOnce() -> [u8; PUBLIC_KEY_LEN],
    peer: &[u8; PUBLIC_KEY_LEN],
    agree: impl FnOnce() -> Option<[u8; 32]>,
) -> Option<[u8; 32]> {
    if !on() {
        return agree();
    }
    let own = own();
    let pair = if own < *peer { (own, *peer) } else { (*peer, own) };
    remember(&AGREED, pair, agree)
}

/// One of the few ephemeral scalars, by the bytes that were drawn.
pub(crate) fn ephemeral(drawn: &[u8; 32]) -> Option<[u8; 32]> {
    let choice = drawn.first()? % EPHEMERAL_KEYS;
    on().then(|| *sha256(&[b"stand-in ephemeral key", &[choice]]).as_bytes())
}

/// What stands in for a signature.
pub(crate) fn signature(key: &[u8; PUBLIC_KEY_LEN], message: &[u8]) -> Option<[u8; SIGNATURE_LEN]> {
    if !on() {
        return None;
    }
    let r = sha256(&[b"stand-in r", key, message]);
    let s = sha256(&[b"stand-in s", r.as_bytes()]);
    let mut bytes = [0; SIGNATURE_LEN];
    let halves = r.as_bytes().iter().chain(s.as_bytes());
    for (index, (to, from)) in bytes.iter_mut().zip(halves).enumerate() {
        // Below half of the order, and never zero.
        *to = match index {
            0 | 32 => (from & 0x3f) | 0x01,
            _ => *from,
        };
    }
    Some(bytes)
}

/// Whether a signature is the stand-in for this key and message; else what `real` says, asked once.
pub(crate) fn verified(
    key: &[u8; PUBLIC_KEY_LEN],
    message: &[u8],
    given: &[u8; SIGNATURE_LEN],
    real: impl FnOnce() -> bool,
) -> bool {
    match signature(key, message) {
        None => real(),
        Some(expected) if expected == *given => true,
        Some(_) => remember(&VERIFIED, *sha256(&[key, given, message]).as_bytes(), real),
    }
}
