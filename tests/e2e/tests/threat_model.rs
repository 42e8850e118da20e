//! Each guarantee of the threat model names tests that exist.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test stops at the first surprise"
)]

use std::fs;
use std::path::Path;

#[test]
fn every_named_test_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let text = fs::read_to_string(root.join("docs/threat-model.md")).unwrap();
    let mut named = 0;
    for quoted in text.split('`').skip(1).step_by(2) {
        let Some((file, test)) = quoted.split_once(".rs: ") else { continue };
        let path = root.join(format!("{file}.rs"));
        let source = fs::read_to_string(&path).unwrap_or_else(|_| panic!("no file {quoted}"));
        assert!(source.contains(&format!("fn {test}(")), "no test {quoted}");
        named += 1;
    }
    assert!(named > 50, "only {named} tests are named");
}
