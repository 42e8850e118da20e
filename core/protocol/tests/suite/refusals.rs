//! Bad statements: each signed with the right key, so that nothing but the named fault refuses it.

use std::collections::BTreeMap;

use serde_json::Value;
use ushield_protocol::cbor::Field;
use ushield_protocol::code::Code;
use ushield_protocol::cose::Tag;
use ushield_protocol::message::Reply;
use ushield_protocol::order::Order;
use ushield_protocol::refusal::Refusal;
use ushield_protocol::render::{Notices, Profile, pages};

use crate::reading::{accept, named_key, tag};
use crate::support::{Both, bank, bytes, list, public_key, text, vectors};

/// Tag and key under which the bad statements of a kind are signed.
fn signed_by(kind: &str, name: &str, cose: &[u8]) -> (Tag, &'static str) {
    let certificate = public_key("order-certificate").short_key_id();
    match kind {
        "bankkey" => (Tag::BankKey, "root"),
        // Certificate downloads are signed by the other order key; the header says which.
        "order" if cose.windows(8).any(|kid| kid == certificate.as_bytes()) => {
            (Tag::Order, "order-certificate")
        }
        "order" => (Tag::Order, "order-transfer"),
        "authorization" if name == "changed-9" => (Tag::Reject, "device"),
        "authorization" => (Tag::Approve, "pay"),
        "attestation" => (Tag::Attest, "device"),
        "device-statement" => (Tag::Device, "device"),
        "receipt" => (Tag::Receipt, "receipt"),
        _ => panic!("unknown kind {kind}"),
    }
}

/// Reason and field as the token says them on the wire.
fn on_the_wire(refusal: &Refusal) -> (String, Field) {
    let said = Reply::decode(&Reply::refusal(refusal).encode()).unwrap().to_refusal();
    let name = match (said.code, said.reason) {
        (Code::Malformed, Some(reason)) => reason.name().to_owned(),
        (code, _) => code.name().to_owned(),
    };
    (name, said.field.unwrap_or_default())
}

fn field(value: &Value) -> Option<Field> {
    let value = value.as_str()?;
    let (key, sub) = value.split_once('.').unwrap_or((value, "0"));
    Some(Field::inner(key.parse().unwrap(), sub.parse().unwrap()))
}

#[test]
fn every_bad_payload_is_refused_by_name_and_field() {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    for case in list(&vectors()["bad"]["payloads"]) {
        let (kind, name) = (text(&case["statement"]), text(&case["name"]));
        let cose = bytes(&case["cose"]);
        let (tag, key) = signed_by(kind, name, &cose);
        let mut allowed = vec![(text(&case["reason"]), field(&case["field"]))];
        allowed.extend(list(&case["or"]).iter().map(|pair| (text(&pair[0]), field(&pair[1]))));
        if name == "empty" {
            // An empty payload is seen in the envelope already, where the reason is free.
            allowed.push(("too-short", Some(Field::default())));
        }
        let fits = |(reason, at): &(String, Field)| {
            allowed.iter().any(|(name, field)| name == reason && field.is_none_or(|field| field == *at))
        };
        match accept(tag, key, &cose, &Both).map_err(|refusal| on_the_wire(&refusal)) {
            Err(said) if fits(&said) => {}
            other => {
                wrong.push(format!("{kind} {name}: {:?}, not {allowed:?}", other.map(|read| read.fields)))
            }
        }
        *counts.entry(kind).or_insert(0) += 1;
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
    let expected = [
        ("attestation", 214),
        ("authorization", 216),
        ("bankkey", 159),
        ("device-statement", 79),
        ("order", 611),
        ("receipt", 130),
    ];
    assert_eq!(counts, BTreeMap::from(expected));
}

#[test]
fn every_bad_envelope_is_malformed_outside_any_field() {
    let cases = list(&vectors()["bad"]["envelopes"]);
    for case in cases {
        let (kind, name) = (text(&case["statement"]), text(&case["name"]));
        let (tag, key) = signed_by(kind, name, &bytes(&case["cose"]));
        let refusal = accept(tag, key, &bytes(&case["cose"]), &Both).unwrap_err();
        assert_eq!(refusal.code, Code::Malformed, "{kind} {name}");
        assert_eq!(refusal.field, Some(Field::default()), "{kind} {name}");
    }
    assert_eq!(cases.len(), 154);
}

#[test]
fn every_bad_signature_is_refused() {
    let cases = list(&vectors()["bad"]["signatures"]);
    let mut malformed = 0;
    for case in cases {
        let (tag, key) = (tag(text(&case["tag"])), text(&case["key"]));
        let refusal = accept(tag, key, &bytes(&case["cose"]), &Both).unwrap_err();
        match (tag, refusal.code) {
            (_, Code::Malformed) => malformed += 1,
            (Tag::Device, Code::UntrustedMaker) | (_, Code::BadSignature) => {}
            (_, code) => panic!("{} {}: {code}", case["statement"], case["name"]),
        }
    }
    // A changed payload of an authorization or a high s may be seen before the signature is checked.
    assert!(malformed < cases.len() / 2, "{malformed}");
    assert_eq!(cases.len(), 102);
}

#[test]
fn no_edge_panics() {
    let cases = list(&vectors()["edges"]);
    for case in cases {
        let key = named_key("order-transfer", &bank());
        let read = Order::receive(&bytes(&case["cose"])).and_then(|order| order.verify(&key, &Both));
        if let Ok(order) = read {
            for profile in [Profile::Zh1, Profile::En1] {
                assert!(pages(&order, profile, &Notices::default()).is_ok_and(|pages| pages.count() > 0));
            }
        }
    }
    assert_eq!(cases.len(), 13);
}
