//! The whole system under faults: fixed seeds, fresh ones, and many with stand-in cryptography.
#![allow(clippy::expect_used, reason = "a test stops at the first surprise")]

use std::hash::{BuildHasher as _, RandomState};

use ushield_simulator::goal::Nature;
use ushield_simulator::many::{Summary, play};
use ushield_simulator::{Crypto, Outcome, Run};

/// Fixed seeds with real cryptography.
const REAL: u64 = 2_000;
/// Seeds that nobody has seen before.
const FRESH: u64 = 200;
/// With stand-in cryptography.
const STAND_IN: u64 = 100_000;
/// The same, over all links.
const MIXED: u64 = 3_000;
/// Without faults, with a person who wants nothing back.
const HONEST: u64 = 300;

fn print(what: &str, from: u64, summary: &Summary) {
    let Summary { runs, orders, executed, messages, table, .. } = summary;
    println!(
        "{what}: seeds {from} to {}: {runs} runs, {orders} orders, {executed} payments executed, {messages} messages, {} faults",
        from + runs - 1,
        table.total()
    );
}

#[test]
fn everything_that_was_confirmed_is_executed_once_with_real_cryptography() {
    let summary = play(&Run::new(1, Crypto::Real), REAL, 5);
    print("real", 1, &summary);
    assert!(summary.failures.is_empty(), "{}", summary.complaint());
    let from = RandomState::new().hash_one(0) >> 16;
    println!("fresh seeds from {from}");
    let summary = play(&Run::new(from, Crypto::Real), FRESH, 5);
    print("fresh", from, &summary);
    assert!(summary.failures.is_empty(), "{}", summary.complaint());
}

#[test]
fn everything_that_was_confirmed_is_executed_once_in_every_state_under_every_fault() {
    let summary = play(&Run::new(1_000_000, Crypto::StandIn), STAND_IN, 1);
    print("stand-in", 1_000_000, &summary);
    println!("{}", summary.table);
    assert!(summary.failures.is_empty(), "{}", summary.complaint());
    assert_eq!(summary.table.missing(), [], "cells of the table that should have been reached");
}

/// Every connection over messages, fragments or a card, whatever the seed says: the faults are those of the others, and the power too.
#[test]
fn everything_that_was_confirmed_is_executed_once_over_every_link() {
    let mixed = Run { mixed: true, ..Run::new(2_000_000, Crypto::StandIn) };
    let summary = play(&mixed, MIXED, 1);
    print("mixed", 2_000_000, &summary);
    assert!(summary.failures.is_empty(), "{}", summary.complaint());
}

/// Goals of honest persons that are not executed, over seeds without faults.
fn unpaid(seeds: u64, nature: impl Fn(u64) -> Nature) -> Vec<String> {
    let mut unpaid = Vec::new();
    for seed in 1..=seeds {
        let nature = nature(seed);
        let goals = u64::try_from(nature.goals.len()).expect("a few");
        let run =
            Run { nature: Some(nature), at_messages: Some(Vec::new()), ..Run::new(seed, Crypto::StandIn) };
        let outcome = run.play();
        if outcome.executed != goals || !outcome.violations.is_empty() {
            let Outcome { executed, violations, .. } = outcome;
            unpaid.push(format!("seed {seed}: {executed} of {goals} payments are executed {violations:?}"));
        }
    }
    unpaid
}

#[test]
fn without_faults_every_payment_that_an_honest_person_wants_is_executed() {
    assert_eq!(unpaid(HONEST, Nature::honest), [""; 0]);
    // And who walks away or says no pays less.
    let moody = unpaid(20, |seed| Nature { moody: 500, ..Nature::honest(seed) });
    assert!(!moody.is_empty());
}

#[test]
fn a_run_is_its_seed() {
    for seed in [3, 14, 159, 2653, 58979] {
        for crypto in [Crypto::Real, Crypto::StandIn] {
            let run = Run { text: true, ..Run::new(seed, crypto) };
            let (first, second) = (run.play(), run.play());
            assert_eq!(first.text, second.text, "{}", run.command());
            assert_eq!(first.hash, second.hash);
            assert!(first.text.lines().count() > 20, "something happened");
        }
    }
}
