//! The threat model, the tests and the planted bugs say the same of one another.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    reason = "a test stops at the first surprise"
)]

use std::collections::BTreeSet;
use std::fs;

use ushield_planted::{Named, root};
use ushield_protocol::planted::Bug;

fn document() -> String {
    fs::read_to_string(root().join("docs/threat-model.md")).unwrap()
}

/// The tests that a text names.
fn named(text: &str) -> Vec<Named<'_>> {
    text.split('`').skip(1).step_by(2).filter_map(Named::parse).collect()
}

#[test]
fn every_named_test_exists() {
    let text = document();
    let mut all = named(&text);
    assert!(all.len() > 50, "only {} tests are named", all.len());
    all.extend(Bug::ALL.iter().flat_map(|bug| bug.caught_by()).map(|name| Named::parse(name).expect(name)));
    for test in all {
        assert!(test.exists(), "no test {test}");
    }
}

/// Each guarantee has a bug that one of its own tests catches, or says why there is none; and each bug has a guarantee.
#[test]
fn every_guarantee_has_its_test_and_its_bug() {
    let text = document();
    let mut bugs = BTreeSet::new();
    let mut without = 0;
    let rows = text.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| guarantee |"));
    for row in rows {
        let [guarantee, tests, caught] = row.trim_matches('|').split(" | ").collect::<Vec<_>>()[..] else {
            panic!("three columns: {row}")
        };
        let tests = named(tests);
        assert!(!tests.is_empty(), "no test: {guarantee}");
        if caught.trim().starts_with("none: ") {
            without += 1;
            continue;
        }
        let names: Vec<&str> = caught.split('*').skip(1).step_by(2).collect();
        assert!(!names.is_empty(), "neither a bug nor why there is none: {guarantee}");
        for name in names {
            let bug = Bug::from_name(name).unwrap_or_else(|| panic!("no bug {name}: {guarantee}"));
            let by = |name: &&str| tests.contains(&Named::parse(name).unwrap());
            assert!(bug.caught_by().iter().any(by), "{name} is caught by no test of: {guarantee}");
            bugs.insert(bug);
        }
    }
    let forgotten: Vec<&str> =
        Bug::ALL.iter().filter(|bug| !bugs.contains(bug)).map(|bug| bug.name()).collect();
    assert_eq!(forgotten, [""; 0], "of no guarantee");
    println!("{} bugs, {without} guarantees without one", bugs.len());
}
