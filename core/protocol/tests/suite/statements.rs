//! Good statements: verified, read, encoded and signed again to the same bytes.

use std::collections::BTreeMap;

use ushield_protocol::bank_key::BankKey;
use ushield_protocol::code::Code;
use ushield_protocol::cose::{Sign1, Tag, token_to_be_signed};
use ushield_protocol::device::{DeviceIdentity, MakerRoot, certified_key};
use ushield_protocol::key::{DeviceId, PublicKey, Sign, hex, sha256};
use ushield_protocol::order::{MAX_ORDER, Order};

use crate::reading::{accept, hash_of, named_key, tag};
use crate::support::{Both, array, bank, bytes, list, public_key, signing_key, statement, text, vectors};

#[test]
fn every_statement_verifies_reads_and_is_signed_again_to_the_same_bytes() {
    let mut counts = BTreeMap::new();
    for made in list(&vectors()["statements"]) {
        let name = text(&made["name"]);
        let (tag, key) = (tag(text(&made["tag"])), text(&made["key"]));
        let cose = bytes(&made["cose"]);
        let read = accept(tag, key, &cose, &Both).unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
        assert_eq!(read.fields, made["fields"], "{name}");
        assert_eq!(hex(&read.again), text(&made["cose"]), "{name}");

        let message = Sign1::parse(&cose).unwrap();
        let kid = matches!(tag, Tag::Order | Tag::Receipt).then(|| public_key(key).short_key_id());
        assert_eq!(message.kid(), kid, "{name}");
        assert_eq!(message.payload(), bytes(&made["payload"]), "{name}");
        assert_eq!(hash_of(message.payload_hash()), text(&made["hash"]), "{name}");
        assert_eq!(hash_of(sha256(&[message.payload()])), text(&made["hash"]), "{name}");
        let to_be_signed = bytes(&made["to_be_signed"]);
        if kid.is_none() {
            assert_eq!(token_to_be_signed(tag, message.payload()), to_be_signed, "{name}");
        }
        let signature = bytes(&made["signature"]);
        assert_eq!(message.signature().as_bytes().as_slice(), signature, "{name}");
        assert_eq!(signing_key(key).sign(&to_be_signed).as_bytes().as_slice(), signature, "{name}");
        assert_eq!(
            Tag::ALL.into_iter().filter(|other| message.verify(*other, &public_key(key), &Both)).count(),
            1
        );
        *counts.entry(tag).or_insert(0) += 1;
    }
    let expected = [
        (Tag::BankKey, 8),
        (Tag::Order, 77),
        (Tag::Approve, 5),
        (Tag::Login, 1),
        (Tag::Reject, 2),
        (Tag::Attest, 2),
        (Tag::Device, 1),
        (Tag::Receipt, 5),
    ];
    assert_eq!(counts, BTreeMap::from(expected));
}

#[test]
fn keys_have_the_ids_of_the_vectors() {
    let keys = vectors()["keys"].as_object().unwrap();
    for (label, key) in keys {
        let public = public_key(label);
        assert_eq!(hex(public.key_id().as_bytes()), text(&key["key_id"]), "{label}");
        assert_eq!(hex(public.short_key_id().as_bytes()), text(&key["short_key_id"]), "{label}");
        assert_eq!(hex(public.phone_id().as_bytes()), text(&key["short_key_id"]), "{label}");
        assert_eq!(signing_key(label).expose_bytes().as_slice(), bytes(&key["private"]), "{label}");
    }
    assert_eq!(keys.len(), 22);
}

#[test]
fn points_are_taken_only_if_they_are_on_the_curve() {
    let (mut good, mut bad) = (0, 0);
    for point in list(&vectors()["points"]) {
        let taken = PublicKey::from_slice(&bytes(&point["point"])).is_some();
        assert_eq!(taken, point["good"].as_bool().unwrap(), "{}", point["name"]);
        *if taken { &mut good } else { &mut bad } += 1;
    }
    assert_eq!((good, bad), (4, 12));
}

#[test]
fn an_order_is_refused_beyond_what_its_key_may_do() {
    let cose = bytes(&statement("transfer-realistic")["cose"]);
    let key = named_key("order-transfer", &bank());
    let refused = |key: BankKey| Order::receive(&cose).unwrap().verify(&key, &Both).unwrap_err().code;
    let at = 1_795_320_000;
    let cases = [
        (BankKey { key: public_key("order-other"), ..key.clone() }, Code::UnknownOrderKey),
        (
            named_key("order-transfer", &ushield_protocol::key::BankId::new("USHDCNBJXXX").unwrap()),
            Code::WrongBank,
        ),
        (BankKey { not_before: at + 1, ..key.clone() }, Code::IssuedOutsideValidity),
        (BankKey { not_after: at - 1, ..key.clone() }, Code::IssuedOutsideValidity),
        (
            BankKey { purposes: named_key("order-certificate", &bank()).purposes, ..key.clone() },
            Code::OperationNotAllowed,
        ),
    ];
    for (key, code) in cases {
        assert_eq!(refused(key), code);
    }
    let edge = BankKey { not_before: at, not_after: at, ..key };
    assert!(Order::receive(&cose).unwrap().verify(&edge, &Both).is_ok());
    assert_eq!(Order::receive(&vec![0; MAX_ORDER + 1]).unwrap_err().code, Code::TooLarge);
}

fn chain(value: &serde_json::Value) -> Vec<Vec<u8>> {
    list(value).iter().map(bytes).collect()
}

#[test]
fn the_makers_chain_names_the_device_and_no_other_chain_does() {
    let maker = &vectors()["maker"];
    let root = MakerRoot::from_der(&bytes(&maker["root"])).unwrap();
    let good = chain(&maker["chain"]);
    let identity = DeviceIdentity {
        device: DeviceId::from(array(&vectors()["device_id"])),
        brand: text(&maker["brand"]).to_owned(),
        model: text(&maker["model"]).to_owned(),
        key: public_key("device"),
    };
    let verify =
        |chain: &[Vec<u8>], now| DeviceIdentity::verify(chain, std::slice::from_ref(&root), now, &Both);
    // Valid from 2026-01-01 to 2046-01-01, both ends included.
    for now in [None, Some(1_767_225_600), Some(1_795_320_000), Some(2_398_377_600)] {
        assert_eq!(verify(&good, now).as_ref(), Ok(&identity));
    }
    for now in [0, 1_767_225_599, 2_398_377_601, u64::MAX] {
        assert_eq!(verify(&good, Some(now)).unwrap_err().code, Code::UntrustedMaker);
    }
    assert!(DeviceIdentity::verify(&good, &[], None, &Both).is_err());
    assert!(MakerRoot::from_der(&good[0]).is_none(), "a device is no root");
    assert_eq!(certified_key(&good[0]), Some(public_key("device")));

    let bad = list(&maker["bad_chains"]);
    for case in bad {
        let refused = verify(&chain(&case["chain"]), None).map_err(|refusal| refusal.code);
        assert_eq!(refused, Err(Code::UntrustedMaker), "{}", case["name"]);
    }
    assert_eq!(bad.len(), 14);
}

#[test]
fn no_byte_of_the_makers_chain_can_change() {
    let maker = &vectors()["maker"];
    let root = MakerRoot::from_der(&bytes(&maker["root"])).unwrap();
    let good = chain(&maker["chain"]);
    let mut changed = 0;
    for which in 0..good.len() {
        for at in 0..good[which].len() {
            let mut chain = good.clone();
            chain[which][at] ^= 1 << (at % 8);
            let verified = DeviceIdentity::verify(&chain, std::slice::from_ref(&root), None, &Both);
            assert!(verified.is_err(), "certificate {which}, byte {at}");
            changed += 1;
        }
    }
    assert_eq!(changed, 435 + 391);
}
