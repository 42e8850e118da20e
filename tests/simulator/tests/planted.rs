//! Each planted bug is caught by the simulator, or by the test that is named beside it.

use ushield_protocol::planted::Bug;
use ushield_simulator::Crypto;
use ushield_simulator::many::play;

/// Seeds that are tried before a bug counts as missed.
const MOST: u64 = 20_000;

/// Bugs that the ledger's oracle has to find by itself.
const HERE: &[Bug] = &[
    Bug::NoDeduplication,
    Bug::WatermarkReadAgain,
    Bug::RejectionAccepted,
    Bug::ReplyBeforeCommit,
    Bug::PinBeforeOk,
    Bug::TwoComparisons,
    Bug::TriesAfterCompare,
    Bug::BufferedOk,
    Bug::OkBeforeLastPage,
    Bug::SignsAgain,
    Bug::CounterAfterSignature,
    Bug::ReleasedBeforeStored,
    Bug::FieldNotRendered,
    Bug::IntentAfterSending,
    Bug::RetryUnderNewId,
    Bug::FailedWithoutReceipt,
    Bug::SubmittedBeforeStored,
    Bug::SubmittedAfterCancel,
    Bug::ReviewReplaced,
];

#[test]
fn every_bug_is_caught() {
    for bug in HERE {
        let summary = play(5_000_000, MOST, Crypto::StandIn, Some(*bug), 1);
        let caught = summary.failures.first();
        let what = caught.and_then(|(_, _, wrong)| wrong.first()).map_or("MISSED", String::as_str);
        println!(
            "{:26} after {:>5} seeds: {}",
            bug.name(),
            summary.runs,
            what.chars().take(150).collect::<String>()
        );
        assert!(caught.is_some(), "{} is not caught in {MOST} seeds", bug.name());
    }
}
