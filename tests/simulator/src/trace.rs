//! What happened, line by line. Two runs of one seed have the same trace to the byte.

use std::fmt::Write as _;

use ushield_protocol::key::{Hash, sha256};

/// The trace of a run: its hash always, its text where somebody wants to read it.
#[derive(Debug)]
pub struct Trace {
    text: Option<String>,
    hash: Hash,
    lines: u64,
}

impl Trace {
    /// An empty one. Without `text` only the hash is kept.
    #[must_use]
    pub fn new(text: bool) -> Self {
        Self { text: text.then(String::new), hash: Hash::from([0; 32]), lines: 0 }
    }

    /// One line more.
    pub fn line(&mut self, now: u64, line: &str) {
        self.lines += 1;
        self.hash = sha256(&[self.hash.as_bytes(), &now.to_be_bytes(), line.as_bytes()]);
        if let Some(text) = &mut self.text {
            // Writing to a `String` cannot fail.
            let _ = writeln!(text, "{:>9}.{:03}  {line}", now / 1000, now % 1000);
        }
    }

    /// The hash over all lines.
    #[must_use]
    pub fn hash(&self) -> Hash {
        self.hash
    }

    /// The text, if it was kept.
    #[must_use]
    pub fn text(&self) -> &str {
        self.text.as_deref().unwrap_or_default()
    }
}
