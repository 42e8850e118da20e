//! The reference token passes; a token with a bug fails at the case that names it.

use ushield_conform::{Entry, Outcome, Report, Skipped, all};
use ushield_protocol::planted::{Bug, plant};
use ushield_protocol::render::Profile;

use crate::support::{Asked, try_token};

fn say(entry: &Entry) -> String {
    format!("{} {}: {:?}", entry.rule, entry.case, entry.outcome)
}

fn failures(report: &Report) -> Vec<String> {
    report.failures().map(say).collect()
}

#[test]
fn the_reference_token_passes_every_case() {
    for profile in [Profile::En1, Profile::Zh1] {
        let everything = Asked { slow: true, destructive: true };
        let reports = try_token(1, profile, &[everything]);
        let (passed, failed, skipped) = reports[0].counts();
        println!("{profile:?}: {passed} passed, {failed} failed, {skipped} skipped of {}", all().len());
        assert_eq!(failures(&reports[0]), Vec::<String>::new());
        assert_eq!((passed, skipped), (all().len(), 0));
    }
}

/// A bug, and the case that must find it. Others may fail besides.
const FOUND_BY: [(Bug, &str); 14] = [
    (Bug::BufferedOk, "ok-buffered"),
    (Bug::OkBeforeLastPage, "ok-before-last-page"),
    (Bug::PinBeforeOk, "pin-only-at-ok"),
    (Bug::TwoComparisons, "pin-one-comparison"),
    (Bug::SignsAgain, "order-redelivered"),
    (Bug::ReviewReplaced, "order-second-busy"),
    (Bug::AddresseeIgnored, "order-wrong-addressee"),
    (Bug::CancelByAnyPhone, "cancel-by-other-phone"),
    (Bug::OrderUnverified, "order-bad-signature"),
    (Bug::StrangerAnswered, "hint-wrong"),
    (Bug::PairingTriesAtEnd, "pairing-tries-restart"),
    (Bug::FieldNotRendered, "review-fields"),
    (Bug::FloorByUndecided, "floor-by-decision"),
    (Bug::RepeatTolerated, "sealed-once"),
];

#[test]
fn a_token_with_a_bug_fails_at_the_case_that_names_it() {
    for (bug, case) in FOUND_BY {
        plant(Some(bug));
        let reports = try_token(2, Profile::En1, &[Asked::default()]);
        plant(None);
        let failed: Vec<&str> = reports[0].failures().map(|entry| entry.case).collect();
        println!("{}: {} failed, by {failed:?}", bug.name(), failed.len());
        assert!(failed.contains(&case), "{bug:?} was not found by {case}: {:?}", failures(&reports[0]));
    }
}

/// A second run meets the phones' end, the PIN and the certificate of the first one.
#[test]
fn a_token_of_an_earlier_run_passes_again() {
    let reports = try_token(3, Profile::Zh1, &[Asked::default(), Asked::default()]);
    for report in &reports {
        assert_eq!(failures(report), Vec::<String>::new());
    }
    let skipped = |report: &Report, why: &Skipped| {
        report.cases.iter().filter(|entry| entry.outcome == Outcome::Skipped(why.clone())).count()
    };
    let again = &reports[1];
    println!("first {:?}, again {:?}", reports[0].counts(), again.counts());
    assert_eq!(skipped(&reports[0], &Skipped::NotFresh), 0);
    assert!(skipped(again, &Skipped::NotFresh) > 0 && again.counts().0 > 60, "{:?}", again.counts());
}
