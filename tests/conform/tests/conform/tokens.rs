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
