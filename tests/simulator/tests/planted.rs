//! Each planted bug is caught: here by the simulator, or by the test that `bugs` names.

use std::path::Path;

use ushield_protocol::planted::Bug;
use ushield_simulator::Crypto;
use ushield_simulator::bugs::{ELSEWHERE, HERE};
use ushield_simulator::many::play;

/// Seeds that are tried before a bug counts as missed.
const MOST: u64 = 6_000;

#[test]
fn every_bug_of_the_whole_is_caught() {
    for bug in HERE {
        let summary = play(5_000_000, MOST, Crypto::StandIn, Some(*bug), 1);
        let caught = summary.failures.first();
        let what = caught.and_then(|(_, _, wrong)| wrong.first()).map_or("MISSED", String::as_str);
        let what: String = what.chars().take(110).collect();
        println!("{:24} after {:>4} seeds: {what}", bug.name(), summary.runs);
        assert!(caught.is_some(), "{} is not caught in {MOST} seeds", bug.name());
    }
}

#[test]
fn the_other_bugs_are_planted_by_the_tests_that_are_named() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for bug in Bug::ALL {
        match ELSEWHERE.iter().find(|(other, _)| other == bug) {
            None => assert!(HERE.contains(bug), "{} has no test", bug.name()),
            Some((_, file)) => {
                let text = std::fs::read_to_string(root.join(file)).expect(file);
                assert!(text.contains(&format!("Bug::{bug:?}")), "{file} does not plant {}", bug.name());
            }
        }
    }
}
