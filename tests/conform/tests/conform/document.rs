//! Rules and cases name each other, in `docs/token.md` and here.

use std::collections::{BTreeMap, BTreeSet};

use ushield_conform::all;

/// Rule and last cell of every row of section 5.
fn rules() -> BTreeMap<String, String> {
    let text = include_str!("../../../../docs/token.md");
    let rows: Vec<(String, String)> = text
        .lines()
        .filter(|line| line.starts_with("| T"))
        .map(|line| line.split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>())
        .map(|cells| {
            assert_eq!(cells.len(), 7, "{cells:?}");
            assert!(cells[3].starts_with('§'), "{cells:?}");
            (cells[1].clone(), cells[5].clone())
        })
        .collect();
    let count = rows.len();
    let rules: BTreeMap<String, String> = rows.into_iter().collect();
    assert_eq!(rules.len(), count, "every number once");
    rules
}

fn names(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

#[test]
fn every_case_stands_at_its_rule() {
    let rules = rules();
    for case in all() {
        let cell = rules
            .get(case.rule)
            .unwrap_or_else(|| panic!("{} names {}, which is no rule", case.id, case.rule));
        assert!(names(cell).contains(&case.id), "{} of {} is not at its rule: {cell}", case.id, case.rule);
    }
    let ids: BTreeSet<&str> = all().iter().map(|case| case.id).collect();
    assert_eq!(ids.len(), all().len(), "every name once");
    println!("{} cases at {} rules", ids.len(), rules.len());
}

#[test]
fn every_rule_has_a_case_or_says_why_not_and_whose_test_does() {
    let ids: BTreeSet<&str> = all().iter().map(|case| case.id).collect();
    let rules = rules();
    let (mut unseen, mut in_part) = (0, 0);
    for (rule, cell) in &rules {
        if cell.starts_with("not observable") {
            unseen += 1;
            assert!(cell.contains("ours: `"), "{rule}: {cell}");
            continue;
        }
        let (cases, part) =
            cell.split_once("; in part: ").map_or((cell.as_str(), None), |(c, p)| (c, Some(p)));
        if let Some(part) = part {
            in_part += 1;
            assert!(part.contains("ours: `"), "{rule}: {cell}");
        }
        let named = names(cases);
        assert!(!named.is_empty() && named.iter().all(|name| ids.contains(name)), "{rule}: {cell}");
    }
    let numbers: BTreeSet<usize> = rules.keys().map(|rule| rule[1..].parse().unwrap()).collect();
    assert_eq!(numbers, (1..=rules.len()).collect(), "numbered without a gap");
    println!("{} rules, {unseen} not observable from outside, {in_part} in part", rules.len());
}

/// A test of ours that a rule leans on is there.
#[test]
fn our_tests_that_are_named_exist() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut looked = 0;
    for (rule, cell) in rules() {
        let Some((_, ours)) = cell.split_once("ours: ") else { continue };
        let mut source = String::new();
        for name in names(ours) {
            let inside = root.join("tests/emulator/logic/tests/token").join(name);
            let path = if inside.exists() { inside } else { root.join(name) };
            if path.is_file() {
                source = std::fs::read_to_string(path).unwrap();
            } else if !path.is_dir() {
                assert!(source.contains(&format!("fn {name}(")), "{rule}: {name}");
            }
            looked += 1;
        }
    }
    println!("{looked} names looked up");
    assert!(looked > 10);
}
