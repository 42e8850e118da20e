//! The whole system under faults: fixed seeds, fresh ones, and many with stand-in cryptography.

use std::hash::{BuildHasher as _, RandomState};

use ushield_simulator::many::{Summary, play};
use ushield_simulator::{Crypto, Run};

/// Fixed seeds with real cryptography.
const REAL: u64 = 2_000;
/// Seeds that nobody has seen before.
const FRESH: u64 = 200;
/// With stand-in cryptography.
const STAND_IN: u64 = 20_000;

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
    let summary = play(1, REAL, Crypto::Real, None, 5);
    print("real", 1, &summary);
    assert!(summary.failures.is_empty(), "{}", summary.complaint());
    let from = RandomState::new().hash_one(0) >> 16;
    println!("fresh seeds from {from}");
    let summary = play(from, FRESH, Crypto::Real, None, 5);
    print("fresh", from, &summary);
    assert!(summary.failures.is_empty(), "{}", summary.complaint());
}

#[test]
fn everything_that_was_confirmed_is_executed_once_in_every_state_under_every_fault() {
    let summary = play(1_000_000, STAND_IN, Crypto::StandIn, None, 5);
    print("stand-in", 1_000_000, &summary);
    println!("{}", summary.table);
    assert!(summary.failures.is_empty(), "{}", summary.complaint());
    assert_eq!(summary.table.missing(), [], "cells of the table that should have been reached");
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
