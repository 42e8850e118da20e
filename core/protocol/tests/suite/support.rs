//! The vectors, and what every test takes from them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;

use serde_json::Value;
use ushield_protocol::key::{
    BankId, P256Verifier, PublicKey, RingVerifier, Sign, Signature, SigningKey, VerifySignature, unhex,
};

pub(crate) const BANK: &str = "USHDCNBJ";

/// Every verifier of this crate; they must say the same.
#[derive(Clone, Copy)]
pub(crate) struct Both;

impl VerifySignature for Both {
    fn verify(&self, key: &PublicKey, message: &[u8], signature: &Signature) -> bool {
        let verified = P256Verifier.verify(key, message, signature);
        assert_eq!(RingVerifier.verify(key, message, signature), verified, "p256 and ring differ");
        verified
    }
}

/// A file of the repository.
pub(crate) fn file(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    std::fs::read_to_string(root.join(path)).unwrap()
}

pub(crate) fn vectors() -> &'static Value {
    static VECTORS: OnceLock<Value> = OnceLock::new();
    VECTORS.get_or_init(|| serde_json::from_str(&file("tests/vectors/vectors-2026-11-22.json")).unwrap())
}

/// Those of lines and their ends, which supersede some pages of the older ones.
pub(crate) fn lines() -> &'static Value {
    static LINES: OnceLock<Value> = OnceLock::new();
    LINES.get_or_init(|| serde_json::from_str(&file("tests/vectors/lines-2026-11-28.json")).unwrap())
}

pub(crate) fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

pub(crate) fn bytes(value: &Value) -> Vec<u8> {
    unhex(text(value)).unwrap()
}

pub(crate) fn array<const N: usize>(value: &Value) -> [u8; N] {
    bytes(value).try_into().unwrap()
}

/// The keys by label; each public key is the one that the vectors name.
fn keys() -> &'static BTreeMap<String, (SigningKey, PublicKey)> {
    static KEYS: OnceLock<BTreeMap<String, (SigningKey, PublicKey)>> = OnceLock::new();
    let read = |(label, key): (&String, &Value)| {
        let private = SigningKey::from_bytes(&array(&key["private"])).unwrap();
        let public = private.public_key();
        assert_eq!(public.as_bytes().as_slice(), bytes(&key["public"]), "{label}");
        (label.clone(), (private, public))
    };
    KEYS.get_or_init(|| vectors()["keys"].as_object().unwrap().iter().map(read).collect())
}

pub(crate) fn signing_key(label: &str) -> SigningKey {
    keys()[label].0.clone()
}

pub(crate) fn public_key(label: &str) -> PublicKey {
    keys()[label].1
}

pub(crate) fn statement(name: &str) -> &'static Value {
    list(&vectors()["statements"]).iter().find(|made| made["name"] == name).unwrap()
}

pub(crate) fn bank() -> BankId {
    BankId::new(BANK).unwrap()
}
