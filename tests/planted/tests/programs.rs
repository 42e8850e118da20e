//! The programs are built without planted bugs and without stand-in cryptography, as `make build` builds them. That a release with
//! either does not compile is `core/protocol/tests/release.rs`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    reason = "a test stops at the first surprise"
)]

use std::process::Command;

use ushield_planted::root;
use ushield_protocol::planted::PLANTED;

/// The features of `ushield-protocol` in a build of these packages.
fn features(packages: &[&str]) -> Vec<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--offline", "--edges", "normal", "--prefix", "none"])
        .args(["--format", "{lib} {f}"])
        .args(packages.iter().flat_map(|package| ["--package", package]))
        .current_dir(root())
        .output()
        .expect("cargo runs");
    let listed = String::from_utf8(output.stdout).unwrap();
    let line = listed.lines().find_map(|line| line.strip_prefix("ushield_protocol ")).expect("it is used");
    line.trim_end_matches("(*)").trim().split(',').map(str::to_owned).collect()
}

#[test]
fn the_programs_have_neither_bugs_nor_stand_ins() {
    assert_eq!(features(&["ushield-cli", "ushield-bank", "ushield-emulator"]), ["ring"]);
    // The control.
    assert!(features(&["ushield-simulator"]).iter().any(|feature| feature == "planted"));
}

/// Built together with tests a program has the feature: it does not start with a bug.
#[test]
fn a_program_with_the_feature_does_not_start_with_a_bug() {
    let programs: Vec<_> = ["ushield", "ushield-token", "ushield-bank"]
        .iter()
        .map(|name| std::env::current_exe().unwrap().ancestors().nth(2).unwrap().join(name))
        .filter(|program| program.exists())
        .collect();
    let mut refused = 0;
    for program in programs {
        let run = |bug: Option<&str>| {
            let mut command = Command::new(&program);
            command.arg("--version").env_remove(PLANTED);
            command.envs(bug.map(|bug| (PLANTED, bug))).output().unwrap()
        };
        assert!(run(None).status.success(), "{program:?}");
        // Without the feature the variable means nothing, and the version is said.
        let output = run(Some("field-not-rendered"));
        let said = String::from_utf8_lossy(&output.stderr).contains(PLANTED);
        let has_it =
            std::fs::read(&program).unwrap().windows(PLANTED.len()).any(|bytes| bytes == PLANTED.as_bytes());
        assert_eq!((output.status.success(), said), (!has_it, has_it), "{program:?}");
        refused += usize::from(said);
    }
    assert_eq!(refused, 3, "`cargo test --workspace` builds all three with the feature");
}
