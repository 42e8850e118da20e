//! One changed byte anywhere in a signed statement: refused.

use ushield_protocol::cose::Tag;
use ushield_protocol::key::RingVerifier;

use crate::reading::accept;
use crate::support::{Both, bytes, statement};

/// Every other value of every byte; every length that is shorter, and one that is longer.
fn refuses_every_change(name: &str, tag: Tag, key: &str) {
    let good = bytes(&statement(name)["cose"]);
    assert!(accept(tag, key, &good, &Both).is_ok());
    let (mut changes, mut changed) = (0, good.clone());
    for at in 0..good.len() {
        for value in (0..=u8::MAX).filter(|value| *value != good[at]) {
            changed[at] = value;
            // Both verifiers for every bit, the fast one for every value.
            let verified = match (value ^ good[at]).is_power_of_two() {
                true => accept(tag, key, &changed, &Both).is_ok(),
                false => accept(tag, key, &changed, &RingVerifier).is_ok(),
            };
            assert!(!verified, "{name}: byte {at} as {value:02x}");
            changes += 1;
        }
        changed[at] = good[at];
        assert!(accept(tag, key, &good[..at], &Both).is_err(), "{name}: {at} bytes");
    }
    assert!(accept(tag, key, &[good.as_slice(), &[0]].concat(), &Both).is_err());
    println!("{name}: {changes} changes and {} lengths refused", good.len() + 1);
    assert_eq!(changes, good.len() * 255);
}

#[test]
fn of_an_order() {
    refuses_every_change("transfer-realistic", Tag::Order, "order-transfer");
}

#[test]
fn of_an_authorization() {
    refuses_every_change("authorization", Tag::Approve, "pay");
}

#[test]
fn of_an_approval_of_a_login() {
    refuses_every_change("login-approval", Tag::Login, "login");
}

#[test]
fn of_a_certificate_order() {
    refuses_every_change("certificate-pay", Tag::Order, "order-certificate");
}

#[test]
fn of_a_rejection() {
    refuses_every_change("rejection", Tag::Reject, "device");
}

#[test]
fn of_an_attestation() {
    refuses_every_change("attestation-pay", Tag::Attest, "device");
}

#[test]
fn of_a_device_statement() {
    refuses_every_change("device-statement", Tag::Device, "device");
}

#[test]
fn of_a_receipt() {
    refuses_every_change("receipt-executed", Tag::Receipt, "receipt");
}

#[test]
fn of_a_bank_key() {
    refuses_every_change("bankkey-transfer", Tag::BankKey, "root");
}
