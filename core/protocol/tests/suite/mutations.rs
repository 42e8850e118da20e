//! One changed byte anywhere in a signed statement: refused.

use ushield_protocol::cose::Tag;

use crate::reading::accept;
use crate::support::{Both, bytes, statement};

/// Every bit of every byte, and every byte as 00 and ff; every length that is shorter, and one that is longer.
fn refuses_every_change(name: &str, tag: Tag, key: &str) -> usize {
    let good = bytes(&statement(name)["cose"]);
    assert!(accept(tag, key, &good, &Both).is_ok());
    let mut changes = 0;
    for at in 0..good.len() {
        let values = (0..8).map(|bit| good[at] ^ 1 << bit).chain([0x00, 0xff]);
        for value in values.filter(|value| *value != good[at]) {
            let mut changed = good.clone();
            changed[at] = value;
            assert!(accept(tag, key, &changed, &Both).is_err(), "{name}: byte {at} as {value:02x}");
            changes += 1;
        }
        assert!(accept(tag, key, &good[..at], &Both).is_err(), "{name}: {at} bytes");
    }
    assert!(accept(tag, key, &[good.as_slice(), &[0]].concat(), &Both).is_err());
    changes
}

#[test]
fn of_an_order() {
    assert!(refuses_every_change("transfer-realistic", Tag::Order, "order-transfer") > 348 * 8);
}

#[test]
fn of_an_authorization() {
    assert!(refuses_every_change("authorization", Tag::Approve, "pay") > 236 * 8);
}

#[test]
fn of_a_rejection() {
    assert!(refuses_every_change("rejection", Tag::Reject, "device") > 236 * 8);
}

#[test]
fn of_an_attestation() {
    assert!(refuses_every_change("attestation-pay", Tag::Attest, "device") > 400 * 8);
}

#[test]
fn of_a_device_statement() {
    assert!(refuses_every_change("device-statement", Tag::Device, "device") > 120 * 8);
}

#[test]
fn of_a_receipt() {
    assert!(refuses_every_change("receipt-executed", Tag::Receipt, "receipt") > 150 * 8);
}

#[test]
fn of_a_bank_key() {
    assert!(refuses_every_change("bankkey-transfer", Tag::BankKey, "root") > 150 * 8);
}
