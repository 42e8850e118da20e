//! ushield-cli
fn main() {}
