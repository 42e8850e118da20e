//! Every fault at every message of pairing, PIN change, certificate and transfer; every byte; all pairs in the transfer.
//! A run ends as the one without faults, and nobody is asked for the same twice.
#![allow(clippy::indexing_slicing, reason = "a test stops at the first surprise")]

use ushield_protocol::planted::Bug;
use ushield_simulator::Crypto;
use ushield_simulator::exhaustive::cases::{alterations, pairs, singles};
use ushield_simulator::exhaustive::report::{all, free};
use ushield_simulator::exhaustive::verdict::complaints;
use ushield_simulator::exhaustive::{Case, Flow};

#[test]
fn every_fault_at_every_message() {
    for crypto in [Crypto::StandIn, Crypto::Real] {
        let flow = Flow::new(crypto);
        let free = free(&flow);
        all(&format!("single faults, {crypto:?}"), &flow, &free, &singles(&free), |_, _| Vec::new());
    }
}

#[test]
fn every_byte_and_every_length() {
    let flow = Flow::new(Crypto::StandIn);
    let free = free(&flow);
    all("alterations", &flow, &free, &alterations(&free), |_, _| Vec::new());
}

#[test]
fn all_pairs_of_faults_in_the_transfer() {
    let flow = Flow::new(Crypto::StandIn);
    let free = free(&flow);
    all("pairs", &flow, &free, &pairs(&flow, &free), |_, _| Vec::new());
}

/// Bugs that only faults bring to light: without one the run of each ends as it should.
const HIDDEN: [Bug; 6] = [
    Bug::NoDeduplication,
    Bug::ReplyBeforeCommit,
    Bug::ReleasedBeforeStored,
    Bug::RepeatTolerated,
    Bug::RetryUnderNewId,
    Bug::FailedWithoutReceipt,
];

#[test]
fn planted_bugs_are_caught() {
    let shipped = Flow::new(Crypto::StandIn);
    let free = free(&shipped);
    let cases = singles(&free);
    for bug in HIDDEN {
        let flow = Flow { bug: Some(bug), ..shipped.clone() };
        let plain = Case::default();
        let unseen = complaints(&free, &plain, &flow.play(&plain));
        assert_eq!(unseen, [""; 0], "{} shows without a fault", bug.name());
        let caught = cases.chunks(64).enumerate().find_map(|(chunk, some)| {
            let bad = flow.play_all(some, |case, played| complaints(&free, case, played));
            bad.into_iter().next().map(|(at, why)| (chunk * 64 + at, why))
        });
        let Some((at, why)) = caught else { panic!("{} is not caught by {} cases", bug.name(), cases.len()) };
        let count = at + 1;
        println!("{}: caught by case {count} of {}, {}: {}", bug.name(), cases.len(), cases[at], why[0]);
    }
}
