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
