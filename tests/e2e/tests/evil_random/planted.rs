//! Bugs on purpose: the same sequences that find nothing in the client find each of these.

use std::ops::Range;

use ushield_protocol::planted::{Bug, plant};

use crate::play::{Caught, Count};
use crate::{front_end, token};

/// Far fewer than the tests of the client itself play.
const ENOUGH: u64 = 3_000;

/// After how many sequences the bug was found, and how it showed.
fn hunt(bug: Bug, name: &str, sequences: impl Fn(Range<u64>) -> Result<Count, Caught>) -> Option<u64> {
    plant(Some(bug));
    let played = sequences(0..ENOUGH);
    plant(None);
    match played {
        Ok(_) => {
            println!("{}: {name} does not meet it in {ENOUGH} sequences", bug.name());
            None
        }
        Err(caught) => {
            println!(
                "{}: {name} after {} sequences: {}",
                bug.name(),
                caught.count.sequences,
                caught.violations[0]
            );
            // A panic of the test's own would be no catch.
            assert!(caught.violations.iter().all(|violation| !violation.starts_with("panic")));
            Some(caught.count.sequences)
        }
    }
}

#[test]
fn every_bug_is_found() {
    ushield_protocol::stand_in::enable(true);
    for (bug, by_token, by_front) in [
        (Bug::FailedWithoutReceipt, true, true),
        (Bug::ReceiptUnverified, false, true),
        (Bug::SubmittedAfterCancel, true, true),
        (Bug::SubmittedBeforeStored, true, true),
    ] {
        if by_token {
            assert!(hunt(bug, "a lying token", token::sequences).is_some(), "{bug:?}");
        }
        if by_front {
            let front_end = |seeds| front_end::sequences(seeds).map(|(count, _)| count);
            assert!(hunt(bug, "a hostile front end", front_end).is_some(), "{bug:?}");
        }
    }
    ushield_protocol::stand_in::enable(false);
}
