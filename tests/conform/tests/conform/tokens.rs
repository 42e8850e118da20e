//! The reference token passes; a token with a bug fails at the case that names it.

use ushield_conform::{Entry, Outcome, Report, Skipped, Stop, Unfit, all};
use ushield_protocol::planted::{Bug, plant};
use ushield_protocol::render::Profile;

use crate::support::{Asked, Mishap, try_token, try_used, try_with};

fn say(entry: &Entry) -> String {
    format!("{} {}: {:?}", entry.rule, entry.case, entry.outcome)
}

fn failures(report: &Report) -> Vec<String> {
    report.failures().map(say).collect()
}

#[test]
fn the_reference_token_passes_every_case() {
    for profile in [Profile::En1, Profile::Zh1] {
        let everything = Asked { slow: true, destructive: true, power: true };
        let reports = try_token(1, profile, &[everything]);
        let (passed, failed, skipped) = reports[0].counts();
        println!("{profile:?}: {passed} passed, {failed} failed, {skipped} skipped of {}", all().len());
        assert_eq!(failures(&reports[0]), Vec::<String>::new());
        assert_eq!((passed, skipped), (all().len(), 0));
    }
}

/// A bug, and the case that must find it. Others may fail besides.
const FOUND_BY: [(Bug, &str); 15] = [
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
    (Bug::CounterAfterSignature, "power-cut-approval"),
];

#[test]
fn a_token_with_a_bug_fails_at_the_case_that_names_it() {
    let mut found = std::collections::BTreeSet::new();
    for (bug, case) in FOUND_BY {
        plant(Some(bug));
        let reports = try_token(2, Profile::En1, &[Asked { power: true, ..Asked::default() }]);
        plant(None);
        let failed: Vec<&str> = reports[0].failures().map(|entry| entry.case).collect();
        println!("{}: {} failed, by {failed:?}", bug.name(), failed.len());
        assert!(failed.contains(&case), "{bug:?} was not found by {case}: {:?}", failures(&reports[0]));
        assert!(!reports[0].passes() && reports[0].stop.is_none());
        found.insert(bug);
    }
    println!("{} wrong tokens, none of them passed", found.len());
    assert!(found.len() >= 5, "so many are asked for at least");
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

/// The inputs are at fault, and it is they that are named: no case fails.
#[test]
fn what_belongs_to_another_token_is_not_blamed_on_this_one() {
    type Names = fn(&Unfit) -> bool;
    let wrong: [(Mishap, Names); 4] = [
        (Mishap::OtherKeys, |unfit| matches!(unfit, Unfit::Keys { bank, .. } if bank == "USHDCNBJXXX")),
        (Mishap::OtherMaker, |unfit| matches!(unfit, Unfit::Maker { .. })),
        (Mishap::OtherDevice, |unfit| matches!(unfit, Unfit::Face { .. })),
        (Mishap::OtherFace, |unfit| matches!(unfit, Unfit::Face { .. })),
    ];
    for (mishap, names) in wrong {
        let report = try_with(mishap);
        let Some(Stop::Unfit(unfit)) = &report.stop else {
            panic!("{mishap:?}: {:?}, {:?}", report.stop, failures(&report));
        };
        println!("{mishap:?}: {unfit:?} after {:?}", report.counts());
        assert!(names(unfit), "{mishap:?}: {unfit:?}");
        assert_eq!(failures(&report), Vec::<String>::new());
        assert!(!report.passes());
    }
    let used = try_used();
    let unfit = matches!(&used.stop, Some(Stop::Unfit(Unfit::Used { code })) if code == "pin-initial");
    assert!(unfit && failures(&used).is_empty(), "{:?} {:?}", used.stop, failures(&used));
    let right = try_with(Mishap::Nothing);
    assert!(right.passes(), "{:?} {:?}", right.stop, failures(&right));
}

/// A token that has gone stops the run at once, by the case in which it was heard for the last time; one that comes back fails in
/// one case, and the run goes on.
#[test]
fn a_token_that_goes_away_is_told_from_one_that_answers_wrongly() {
    let gone = try_with(Mishap::Away { after: 60, tries: usize::MAX / 2 });
    let Some(Stop::Away { case: Some(case), returns: 0 }) = gone.stop else { panic!("{:?}", gone.stop) };
    let at = gone.cases.iter().position(|entry| entry.case == case).unwrap();
    let after = gone.cases.iter().skip(at + 1);
    let none = after.clone().filter(|entry| matches!(entry.outcome, Outcome::Pass | Outcome::Fail { .. }));
    println!("gone after {case}, {:?}", gone.counts());
    assert!(failures(&gone).is_empty() && !gone.passes() && none.count() == 0, "{:?}", failures(&gone));

    let back = try_with(Mishap::Away { after: 60, tries: 4 });
    let failed: Vec<&Entry> = back.failures().collect();
    println!("back again: {:?}", failures(&back));
    assert!(back.stop.is_none() && failed.len() == 1, "{:?} {:?}", back.stop, failures(&back));
    assert!(matches!(&failed[0].outcome, Outcome::Fail { came, .. } if came.contains("went away")));

    let never = try_with(Mishap::Away { after: 0, tries: usize::MAX / 2 });
    assert!(matches!(never.stop, Some(Stop::Unfit(Unfit::Link { .. }))), "{:?}", never.stop);
}
