//! What is for tests does not get into a product: a release build with it does not compile.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    reason = "a test stops at the first surprise"
)]

use std::path::Path;
use std::process::Command;

/// What a release check says with these features; in a target folder of its own, since this one is locked.
fn check(features: &str) -> (bool, String) {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("release");
    let output = Command::new(env!("CARGO"))
        .args(["check", "--release", "--locked", "--offline", "--package", "ushield-protocol"])
        .args(["--no-default-features", "--features", features])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("CARGO_TARGET_DIR", target)
        .output()
        .expect("cargo runs");
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn bugs_and_stand_ins_are_refused_in_a_release() {
    let cases = [
        ("planted", "planted bugs are for tests: this is a release build"),
        ("stand-in", "stand-in cryptography is for tests: this is a release build"),
    ];
    for (feature, why) in cases {
        let (compiled, said) = check(feature);
        assert!(!compiled && said.contains(why), "{feature}: {said}");
        // Nothing else is wrong with it.
        assert_eq!(said.lines().filter(|line| line.starts_with("error")).count(), 2, "{feature}: {said}");
    }
    // Nor with the product.
    let (compiled, said) = check("");
    assert!(compiled, "{said}");
    println!("release builds: {} refused, 1 taken", cases.len());
}
