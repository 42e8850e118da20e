//! Tag x key x verifier: each verifier takes its own tag under its own key, and nothing else.

use ushield_protocol::attestation::Attestation;
use ushield_protocol::bank_key::{BankKey, Purpose};
use ushield_protocol::cbor::Writer;
use ushield_protocol::cose::{Sign1, Tag, sign1};
use ushield_protocol::csr;
use ushield_protocol::key::{PublicKey, Sign, Signature};
use ushield_protocol::message::Role;
use ushield_protocol::order::Order;
use ushield_protocol::receipt::Receipt;

use crate::reading::{accept, identity};
use crate::support::{Both, bytes, public_key, signing_key, statement, vectors};

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
/// Every tag of section 1, the reserved one of the root's successor among them; and none.
fn tags() -> Vec<&'static [u8]> {
    let defined = Tag::ALL.iter().map(|tag| tag.as_bytes());
    defined.chain([b"USHIELD-ROOT-v1".as_slice(), b""]).collect()
}

/// Every key of the vectors: all roles, and further keys of the same roles.
fn keys() -> Vec<&'static str> {
    vectors()["keys"].as_object().unwrap().keys().map(String::as_str).collect()
}

/// The statement's own header and payload, signed by `key` under `tag`: only the signature can tell.
fn signed(good: &[u8], tag: &[u8], key: &str) -> Vec<u8> {
    let message = Sign1::parse(good).unwrap();
    let header = match message.kid() {
        Some(kid) => [&[0xa2, 0x01, 0x26, 0x04, 0x48][..], kid.as_bytes()].concat(),
        None => vec![0xa1, 0x01, 0x26],
    };
    let to_be_signed = Writer::new()
        .array(4)
        .text("Signature1")
        .bytes(&header)
        .bytes(tag)
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

/// A statement before the verifier of `tag` that trusts `key` and knows everything else as it should be.
fn takes(tag: Tag, key: &str, cose: &[u8]) -> bool {
    let trusted = |name: &str| {
        let known = BankKey::decode(&bytes(&statement(name)["payload"])).unwrap();
        let all = vec![Purpose::TRANSFER, Purpose::CERTIFICATE_DOWNLOAD];
        let purposes = if tag == Tag::Order { all } else { known.purposes.clone() };
        BankKey { key: public_key(key), purposes, ..known }
    };
    match tag {
        Tag::Order => {
            let order = Order::receive(cose);
            order.is_ok_and(|order| order.verify(&trusted("bankkey-transfer"), &Both).is_ok())
        }
        Tag::Receipt => Receipt::verify(cose, &trusted("bankkey-receipt"), &Both).is_ok(),
        _ => accept(tag, key, cose, &Both).is_ok(),
    }
}

#[test]
fn only_the_diagonal_verifies() {
    let (mut taken, mut refused) = (0, 0);
    for (name, own_tag, own_key) in VERIFIERS {
        let good = bytes(&statement(name)["cose"]);
        for tag in tags() {
            for key in keys() {
                let made = signed(&good, tag, key);
                let diagonal = tag == own_tag.as_bytes() && key == own_key;
                assert_eq!(
                    accept(own_tag, own_key, &made, &Both).is_ok(),
                    diagonal,
                    "{name}: {tag:?} by {key}"
                );
                *if diagonal { &mut taken } else { &mut refused } += 1;
            }
        }
    }
    println!("statement x tag x signer: {taken} taken, {refused} refused");
    assert_eq!((taken, refused), (9, 9 * 10 * 22 - 9));
}

#[test]
fn every_statement_has_one_verifier_and_one_key() {
    let (mut taken, mut refused) = (0, 0);
    for (name, own_tag, own_key) in VERIFIERS {
        let good = bytes(&statement(name)["cose"]);
        for tag in Tag::ALL {
            for key in keys() {
                let diagonal = tag == own_tag && key == own_key;
                assert_eq!(takes(tag, key, &good), diagonal, "{name} before {tag:?}, which trusts {key}");
                *if diagonal { &mut taken } else { &mut refused } += 1;
            }
        }
    }
    println!("statement x verifier x trusted key: {taken} taken, {refused} refused");
    assert_eq!((taken, refused), (9, 9 * 8 * 22 - 9));
}

/// Says that it is one key and signs with another.
struct Liar(&'static str, &'static str);

impl Sign for Liar {
    fn public_key(&self) -> PublicKey {
        public_key(self.0)
    }

    fn sign(&self, message: &[u8]) -> Signature {
        signing_key(self.1).sign(message)
    }
}

/// The one signature of `pay` and `login` that is no statement: it is over its own key's request, and inside that key's attestation.
#[test]
fn a_request_is_signed_by_the_key_that_is_attested() {
    let good = bytes(&statement("attestation-pay")["cose"]);
    let attestation = Attestation::decode(Sign1::parse(&good).unwrap().payload()).unwrap();
    let device = identity(public_key("device")).device;
    let (mut taken, mut refused) = (0, 0);
    for named in keys() {
        for signer in keys() {
            let request = csr::make(&device, Role::Pay, &Liar(named, signer)).unwrap();
            assert_eq!(csr::verify(&request, &Both).is_some(), named == signer, "{named} by {signer}");
            let other = Attestation { request: request.clone(), ..attestation.clone() };
            let made = sign1(Tag::Attest, &other.encode(), &signing_key("device"));
            let diagonal = named == "pay" && signer == "pay";
            assert_eq!(accept(Tag::Attest, "device", &made, &Both).is_ok(), diagonal, "{named} by {signer}");
            // And no verifier of statements takes a request.
            assert!(Tag::ALL.into_iter().all(|tag| !takes(tag, signer, &request)));
            *if diagonal { &mut taken } else { &mut refused } += 1;
        }
    }
    println!("attested key x signer of its request: {taken} taken, {refused} refused");
    assert_eq!((taken, refused), (1, 22 * 22 - 1));
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
                    accept(tag, key, &signed(&good, tag.as_bytes(), key), &Both).is_err(),
                    "{verifier} reads {name}"
                );
            }
            refused += 1;
        }
    }
    assert_eq!(refused, 72);
}
