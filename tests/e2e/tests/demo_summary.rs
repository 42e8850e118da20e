//! `target/demo/summary.json`: its shape, and that every deviation from what was meant is found.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::panic,
    missing_docs,
    reason = "a test's report is where it stopped"
)]

use std::collections::BTreeMap;

use ushield_e2e::demo::summary::{Decision, Meant, Summary};

const ACCOUNT: &str = "6222021001116245702";
const MEANT: [Meant; 2] = [
    Meant { amount: 1_000, decision: Decision::Approved, cut: false, exact: true },
    Meant { amount: 20, decision: Decision::Rejected, cut: false, exact: true },
];

fn good() -> serde_json::Value {
    serde_json::json!({
        "transfers": [
            {"order_id": "18f234df-2d91-4724-890c-d2e45466180d", "decision": "approved", "executed": true, "cut": false,
             "exchanges": 2, "bytes": 820, "pages": ["转账                 1/1\n\n\n\n\nOK确认             C拒绝"]},
            {"order_id": "3fd10730-ced5-48b6-aaab-bd7cb1591f97", "decision": "rejected", "executed": false, "cut": false,
             "exchanges": 2, "bytes": 820, "pages": ["转账                 1/1\n\n\n\n\nOK确认             C拒绝"]},
        ],
        "balances": {
            "before": {ACCOUNT: 5_000_000, "bank:clearing:CNY": 0, "bank:opening:CNY": -5_000_000},
            "after": {ACCOUNT: 4_999_000, "bank:clearing:CNY": 1_000, "bank:opening:CNY": -5_000_000},
        },
        "seconds": 7,
    })
}

fn deviations(value: serde_json::Value) -> Vec<String> {
    serde_json::from_value::<Summary>(value).unwrap().deviations(ACCOUNT, &MEANT)
}

#[test]
fn the_shape_is_what_was_promised_and_nothing_else() {
    let summary: Summary = serde_json::from_value(good()).unwrap();
    assert_eq!(serde_json::to_value(&summary).unwrap(), good());
    assert_eq!(summary.deviations(ACCOUNT, &MEANT), Vec::<String>::new());
    let mut other = good();
    other["more"] = 1.into();
    assert!(serde_json::from_value::<Summary>(other).is_err());
}

#[test]
fn every_deviation_is_found() {
    let changes: BTreeMap<&str, serde_json::Value> = [
        ("/transfers/0/decision", "rejected".into()),
        ("/transfers/0/executed", false.into()),
        ("/transfers/1/decision", "approved".into()),
        ("/transfers/1/executed", true.into()),
        ("/transfers/0/cut", true.into()),
        ("/transfers/0/exchanges", 3.into()),
        ("/transfers/1/bytes", 851.into()),
        ("/transfers/1/bytes", 0.into()),
        ("/transfers/0/pages", serde_json::json!([])),
        ("/balances/after/6222021001116245702", 4_998_000.into()),
        ("/balances/after/bank:clearing:CNY", 0.into()),
        ("/balances/before", serde_json::json!({})),
        ("/transfers", serde_json::json!([])),
    ]
    .into();
    for (place, value) in changes {
        let mut changed = good();
        *changed.pointer_mut(place).unwrap() = value.clone();
        assert!(!deviations(changed).is_empty(), "{place} = {value}");
    }
}
