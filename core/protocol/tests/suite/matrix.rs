//! Tag x key x verifier: each verifier takes its own tag under its own key, and nothing else.

use ushield_protocol::cbor::Writer;
use ushield_protocol::cose::{Sign1, Tag};
use ushield_protocol::key::Sign;

use crate::reading::accept;
use crate::support::{Both, bytes, signing_key, statement};

/// Each verifier: a statement that it takes, its tag, and the label of its key.
const VERIFIERS: [(&str, Tag, &str); 9] = [
    ("bankkey-transfer", Tag::BankKey, "root"),
    ("transfer-realistic", Tag::Order, "order-transfer"),
    ("certificate-pay", Tag::Order, "order-certificate"),
    ("authorization", Tag::Approve, "pay"),
    ("login-approval", Tag::Login, "login"),
    ("rejection", Tag::Reject, "device"),
    ("attestation-pay", Tag::Attest, "device"),
    ("device-statement", Tag::Device, "device"),
    ("receipt-executed", Tag::Receipt, "receipt"),
];
const KEYS: [&str; 8] =
    ["root", "order-transfer", "order-certificate", "receipt", "pay", "login", "device", "dh"];

/// The statement's own header and payload, signed by `key` under `tag`: only the signature can tell.
fn signed(good: &[u8], tag: Tag, key: &str) -> Vec<u8> {
    let message = Sign1::parse(good).unwrap();
    let header = match message.kid() {
        Some(kid) => [&[0xa2, 0x01, 0x26, 0x04, 0x48][..], kid.as_bytes()].concat(),
        None => vec![0xa1, 0x01, 0x26],
    };
    let to_be_signed = Writer::new()
        .array(4)
        .text("Signature1")
        .bytes(&header)
        .bytes(tag.as_bytes())
        .bytes(message.payload())
        .into_bytes();
    let signature = signing_key(key).sign(&to_be_signed);
    Writer::new()
        .array(4)
        .bytes(&header)
        .map(0)
        .bytes(message.payload())
        .bytes(signature.as_bytes())
        .into_bytes()
}

#[test]
fn only_the_diagonal_verifies() {
    let (mut taken, mut refused) = (0, 0);
    for (name, own_tag, own_key) in VERIFIERS {
        let good = bytes(&statement(name)["cose"]);
        for tag in Tag::ALL {
            for key in KEYS {
                let made = signed(&good, tag, key);
                let diagonal = tag == own_tag && key == own_key;
                assert_eq!(
                    accept(own_tag, own_key, &made, &Both).is_ok(),
                    diagonal,
                    "{name}: {tag:?} by {key}"
                );
                *if diagonal { &mut taken } else { &mut refused } += 1;
            }
        }
    }
    assert_eq!((taken, refused), (9, 9 * 8 * 8 - 9));
}

#[test]
fn no_verifier_takes_another_statement() {
    let mut refused = 0;
    for (name, ..) in VERIFIERS {
        let good = bytes(&statement(name)["cose"]);
        for (verifier, tag, key) in VERIFIERS.into_iter().filter(|(verifier, ..)| *verifier != name) {
            assert!(accept(tag, key, &good, &Both).is_err(), "{verifier} takes {name}");
            // Not even when its own key signs these bytes under its own tag: the shapes differ. Only decisions share one.
            let decisions = ["authorization", "login-approval", "rejection"];
            if !(decisions.contains(&verifier) && decisions.contains(&name)) {
                assert!(
                    accept(tag, key, &signed(&good, tag, key), &Both).is_err(),
                    "{verifier} reads {name}"
                );
            }
            refused += 1;
        }
    }
    assert_eq!(refused, 72);
}
