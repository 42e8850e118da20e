//! ushield-token
fn main() {}
