//! Which planted bug is caught where.

use ushield_protocol::planted::Bug;

/// Bugs that the ledger's oracle finds by itself.
pub const HERE: &[Bug] = &[
    Bug::NoDeduplication,
    Bug::WatermarkReadAgain,
    Bug::RejectionAccepted,
    Bug::ReplyBeforeCommit,
    Bug::TwoComparisons,
    Bug::BufferedOk,
    Bug::OkBeforeLastPage,
    Bug::SignsAgain,
    Bug::FieldNotRendered,
    Bug::IntentAfterSending,
    Bug::RetryUnderNewId,
    Bug::FailedWithoutReceipt,
    Bug::SubmittedBeforeStored,
    Bug::SubmittedAfterCancel,
];

const TOKEN: &str = "tests/emulator/logic/tests/token/planted.rs";

/// Bugs that need a power cut at one word, a liar or a stranger: the tests that plant and catch them.
pub const ELSEWHERE: &[(Bug, &str)] = &[
    (Bug::CounterAfterSignature, TOKEN),
    (Bug::PinBeforeOk, TOKEN),
    (Bug::FloorByUndecided, TOKEN),
    (Bug::TriesAfterCompare, TOKEN),
    (Bug::ReleasedBeforeStored, TOKEN),
    (Bug::ReviewReplaced, TOKEN),
    (Bug::AddresseeIgnored, TOKEN),
    (Bug::CancelByAnyPhone, TOKEN),
    (Bug::OrderUnverified, TOKEN),
    (Bug::StrangerAnswered, TOKEN),
    (Bug::PairingTriesAtEnd, TOKEN),
    (Bug::RepeatTolerated, "core/session/tests/session/replays.rs"),
    (Bug::BrokenChannelGoesOn, "core/session/tests/session/replays.rs"),
    (Bug::TrailingSpace, "core/protocol/tests/suite/shown.rs"),
    (Bug::ReceiptUnverified, "tests/e2e/tests/evil_random/planted.rs"),
    (Bug::AcknowledgedBeforeCommit, "tests/store/tests/power.rs"),
];

/// The test that catches a bug which the simulator's seeds need not show; nothing where they have to.
#[must_use]
pub fn caught_by(bug: Bug) -> Option<&'static str> {
    ELSEWHERE.iter().find(|(other, _)| *other == bug).map(|(_, test)| *test)
}
