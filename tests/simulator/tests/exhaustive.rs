//! Every fault at every message of pairing, PIN change, certificate and transfer; every byte; all pairs in the transfer.
//! A run ends as the one without faults, and nobody is asked for the same twice.
#![allow(clippy::indexing_slicing, reason = "a test stops at the first surprise")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use ushield_protocol::planted::Bug;
use ushield_simulator::Crypto;
use ushield_simulator::exhaustive::cases::{alterations, pairs, singles};
use ushield_simulator::exhaustive::verdict::{began_again, complaints, more_deeds};
use ushield_simulator::exhaustive::{Case, Flow, Played};

fn free(flow: &Flow) -> Played {
    let free = flow.play(&Case::default());
    assert_eq!(free.violations, [""; 0]);
    assert_eq!(free.end.orders.iter().map(|order| order.2).sum::<usize>(), 1, "one payment: {:?}", free.end);
    free
}

/// Plays all, prints what was done, and fails with the first few complaints.
fn all(what: &str, flow: &Flow, free: &Played, cases: &[Case]) {
    let (again, more) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let bad = flow.play_all(cases, |case, played| {
        again.fetch_add(usize::from(began_again(&played.deeds)), Ordering::Relaxed);
        more.fetch_add(usize::from(!more_deeds(free, played).is_empty()), Ordering::Relaxed);
        complaints(free, case, played)
    });
    let mut classes: BTreeMap<String, usize> = BTreeMap::new();
    for case in cases {
        *classes.entry(case.class()).or_default() += 1;
    }
    let classes: Vec<_> = classes.iter().map(|(class, count)| format!("{class} {count}")).collect();
    println!(
        "{what}: {} cases ({}); {} in which the customer paired again, {} in which more was asked of them, {} bad",
        cases.len(),
        classes.join(", "),
        again.into_inner(),
        more.into_inner(),
        bad.len()
    );
    let worst: Vec<_> =
        bad.iter().take(12).map(|(at, why)| format!("{}: {}", cases[*at], why.join("; "))).collect();
    assert!(bad.is_empty(), "{} of {} cases:\n{}", bad.len(), cases.len(), worst.join("\n"));
}

#[test]
fn every_fault_at_every_message() {
    for crypto in [Crypto::StandIn, Crypto::Real] {
        let flow = Flow::new(crypto);
        let free = free(&flow);
        all(&format!("single faults, {crypto:?}"), &flow, &free, &singles(&free));
    }
}

#[test]
fn every_byte_and_every_length() {
    let flow = Flow::new(Crypto::StandIn);
    let free = free(&flow);
    all("alterations", &flow, &free, &alterations(&free));
}

#[test]
fn all_pairs_of_faults_in_the_transfer() {
    let flow = Flow::new(Crypto::StandIn);
    let free = free(&flow);
    all("pairs", &flow, &free, &pairs(&flow, &free));
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
